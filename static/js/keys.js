// Keys: `g` then a letter goes to a page (`data-key` on the links of the navigation), `/` searches,
// `?` lists the keys, Ctrl or ⌘ Enter sends the form, arrows move through rows of a table.
const WAIT_MS = 1200;
let leading = 0;

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return send(event);
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return undefined;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") return move(event);
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return undefined;

  const leads = Date.now() - leading < WAIT_MS;
  leading = 0;
  if (leads) return follow(event);
  if (event.key === "g") leading = Date.now();
  if (event.key === "/") focusSearch(event);
  if (event.key === "?") document.getElementById("keys")?.showModal();
  return undefined;
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-keys]")) document.getElementById("keys")?.showModal();
});

function isTyping(target) {
  return target.matches("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]");
}

function send(event) {
  const form = event.target.closest("form");
  if (!form || event.defaultPrevented) return;
  event.preventDefault();
  const button = form.querySelector("button.primary:not([type=button])");
  if (!button?.disabled) form.requestSubmit(button);
}

function follow(event) {
  const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!link) return;
  event.preventDefault();
  link.click();
}

function focusSearch(event) {
  const search = document.querySelector("[data-search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
}

function move(event) {
  const row = event.target.closest?.("tr:has(.row-link)");
  if (!row || isTyping(event.target)) return;
  const next = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
  const link = next?.querySelector(".row-link");
  if (!link) return;
  event.preventDefault();
  link.focus();
}
