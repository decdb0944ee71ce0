// The rows of the tool table. They are the server's own HTML; this reads and sets their controls,
// and touches only the rows whose picture changes.

import { isNumber } from "./words.js";

const SOURCES = {
  default: () => "by default",
  glob: (state) => `by ${state.pattern}`,
  category: (state) => `by category ${state.pattern}`,
  hide: (state) => `by ${state.pattern}`,
};
const WORDS = { allow: "Allowed", limit: "Limited", approve: "Needs approval", deny: "Denied", hide: "Hidden", custom: "Custom" };

export class Rows {
  #rows = new Map();
  #list;

  /** @param list the element with one `[data-tool]` a tool */
  constructor(list, tools) {
    this.#list = list;
    const elements = new Map([...list.children].map((element) => [element.dataset.tool, element]));
    for (const [index, tool] of tools.entries()) {
      const element = elements.get(tool.name);
      if (element) this.#rows.set(tool.name, { tool, index, element, ...parts(element), text: element.querySelector(".tool-what").textContent.toLowerCase(), drawn: "" });
    }
  }

  toolOf(target) {
    return this.#rows.get(target.closest("[data-tool]")?.dataset.tool)?.tool;
  }

  /** `max` (undefined while it is no positive number) and `window` as the row's fields have them. */
  limitOf(tool) {
    const { max, window } = this.#rows.get(tool.name);
    return { max: isNumber(max.value) && Number(max.value) > 0 ? max.value : undefined, window: window.value };
  }

  /** Puts the editor of a rule into its row. */
  open(tool, editor) {
    const row = this.#rows.get(tool.name);
    row.editor = editor;
    row.drawn = "";
    row.element.append(editor);
    row.element.toggleAttribute("data-open", true);
  }

  close(tool) {
    const row = this.#rows.get(tool.name);
    row.editor?.remove();
    row.editor = undefined;
    row.drawn = "";
    row.element.toggleAttribute("data-open", false);
  }

  draw(stateOf) {
    for (const row of this.#rows.values()) {
      const state = stateOf(row.tool, row.index);
      const picture = [Boolean(row.editor), state.segment, state.source, state.pattern, state.max, state.window, state.words, state.checks, state.fits].join("|");
      if (picture === row.drawn) continue;
      row.drawn = picture;
      this.#draw(row, state);
    }
  }

  #draw(row, state) {
    const own = state.source === "tool";
    const chosen = row.editor ? "custom" : state.segment;
    for (const radio of row.radios) radio.checked = own && radio.value === chosen;
    row.element.dataset.segment = state.segment;
    row.element.toggleAttribute("data-inherits", !own);
    row.fieldset.disabled = state.source === "hide";
    if (state.segment === "limit" && document.activeElement !== row.max) row.max.value = state.max;
    if (state.segment === "limit") this.offer(row.window, state.window);
    row.limit.hidden = !(own && state.segment === "limit") || Boolean(row.editor);
    row.custom.hidden = Boolean(row.editor) || (state.segment !== "custom" && state.source !== "hide");
    row.custom.textContent = own && state.segment === "custom" ? "Edit" : "Show in JSON";
    row.shut.hidden = !row.editor;
    row.note.textContent = note(state, own);
    row.unset.hidden = !own;
    row.recommend.hidden = state.fits !== false;
  }

  /** Shows a window in a select, adding it first if it is none of the usual ones. */
  offer(select, value) {
    if (![...select.options].some((option) => option.value === value)) {
      select.add(new Option(/^\d+$/.test(value) ? `${value} seconds` : value, value));
    }
    select.value = value;
  }

  /** Marks the rows that differ from the live version. */
  mark(changed) {
    for (const [name, { element }] of this.#rows) {
      if (element.hasAttribute("data-changed") !== changed.has(name)) element.toggleAttribute("data-changed", changed.has(name));
    }
  }

  /** Shows only what has all words and one of the kinds; returns how many that are. */
  filter(words, kinds) {
    let shown = 0;
    const onlyChanged = kinds.has("changed");
    const categories = [...kinds].filter((kind) => kind !== "changed");
    for (const row of this.#rows.values()) {
      const { tool, element, text } = row;
      const fits =
        (categories.length === 0 || categories.includes(tool.category)) &&
        (!onlyChanged || element.hasAttribute("data-changed")) &&
        words.every((word) => text.includes(word));
      if (element.hidden === fits) element.hidden = !fits;
      if (fits) shown += 1;
    }
    return shown;
  }

  shown() {
    return [...this.#rows.values()].filter((row) => !row.element.hidden).map((row) => row.tool);
  }

  /** Up and down: the same segment of the next row that is shown, without choosing it. */
  move(from, step) {
    if (from.type !== "radio" || !this.#list.contains(from)) return false;
    let element = from.closest("[data-tool]");
    do element = step > 0 ? element.nextElementSibling : element.previousElementSibling;
    while (element?.hidden);
    if (!element) return true;
    const row = this.#rows.get(element.dataset.tool);
    (row.radios.find((radio) => radio.checked) ?? row.radios.find((radio) => radio.value === from.value)).focus();
    element.scrollIntoView({ block: "nearest" });
    return true;
  }
}

function parts(element) {
  const one = (selector) => element.querySelector(selector);
  return {
    fieldset: one("fieldset"),
    radios: [...element.querySelectorAll("input[type=radio]")],
    limit: one("[data-limit]"),
    max: one("input[type=number]"),
    window: one("select"),
    custom: one("[data-do=custom]"),
    shut: one("[data-do=close]"),
    note: one("[data-note]"),
    unset: one("[data-do=unset]"),
    recommend: one("[data-do=recommend]"),
  };
}

function note(state, own) {
  if (state.segment === "custom") return `Custom${own ? "" : ` ${SOURCES[state.source](state)}`}: ${state.words}`;
  if (!own) {
    const limit = state.segment === "limit" ? `, ${state.max} a ${state.window}` : "";
    return `${WORDS[state.segment]} ${SOURCES[state.source](state)}${limit}`;
  }
  return state.checks ? "arguments checked" : "";
}
