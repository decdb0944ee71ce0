// Elements in one expression.

/** An element with properties (`data` for its dataset, `aria-…` and others as attributes) and children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.includes("-") || name === "role" || name === "list") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((item) => item !== null && item !== undefined && item !== false));
  return element;
}

/** A select of `[value, words]`; what is chosen is there even if it is none of them. */
export function select(properties, options, chosen, words = chosen) {
  const all = options.some(([value]) => value === chosen) ? options : [...options, [chosen, words]];
  return h("select", { className: "select small", ...properties }, ...all.map(([value, label]) => h("option", { value, selected: value === chosen }, label)));
}

/** The focus, the caret and what is typed in the field that has it, put back into its new picture. */
export function keepingFocus(root, draw) {
  const held = root.contains(document.activeElement) ? document.activeElement : null;
  const { key } = held?.dataset ?? {};
  const caret = held?.type === "text" ? [held.selectionStart, held.selectionEnd] : null;
  const typed = held?.value;
  draw();
  if (!key || root.contains(held)) return;
  const next = [...root.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key);
  if (!next) return;
  next.focus();
  if (!caret || next.type !== "text") return;
  if (next.dataset.loose !== undefined) next.value = typed;
  next.setSelectionRange(...caret);
}
