// Short news. `<div class="toasts" role="status">` is in the layout; flashes of the server stand in it.
const SHOWN_MS = 6000;
const AT_ONCE = 2;

/** Shows a sentence for a few seconds; `kind` is success, error or info. */
export function toast(text, kind = "info") {
  const region = document.querySelector(".toasts");
  const template = document.getElementById("toast-template");
  if (!region || !template) return;
  const element = template.content.firstElementChild.cloneNode(true);
  element.classList.add({ success: "tone-green", error: "tone-red" }[kind] ?? "tone-slate");
  const use = element.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${kind}`));
  element.querySelector("p").textContent = text;
  while (region.childElementCount >= AT_ONCE) region.firstElementChild.remove();
  region.append(element);
  retire(element);
}

/** Takes it away after a while, but never while it is being read or holds the focus. */
function retire(element) {
  let left = setTimeout(() => element.remove(), SHOWN_MS);
  const hold = () => clearTimeout(left);
  const resume = () => {
    hold();
    left = setTimeout(() => element.remove(), SHOWN_MS);
  };
  element.addEventListener("pointerenter", hold);
  element.addEventListener("pointerleave", resume);
  element.addEventListener("focusin", hold);
  element.addEventListener("focusout", resume);
}

document.addEventListener("click", (event) => {
  event.target.closest("[data-close-toast]")?.closest(".toast").remove();
});

// An error stays until it is closed; good news leaves by itself.
for (const flash of document.querySelectorAll(".toasts .toast:not(.tone-red)")) retire(flash);
