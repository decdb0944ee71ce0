// The JSON side: a plain text area with line numbers, marks at lines with problems, and their list.

import { locate, offsetOf, position } from "./json.js";
import { difference } from "./history.js";

const LINE = 20;
const PAD = 10;
const LONG = 40_000;

export class Editor {
  #area;
  #numbers;
  #marks;
  #list;
  #lines = 0;
  #text = "";
  #shown = "";
  #target = null;
  #waiting = 0;

  /** Called after each edit by hand. */
  onInput = () => {};

  /** @param root the element around the text area, its gutter and the list of problems */
  constructor(root) {
    this.#area = root.querySelector("textarea");
    this.#numbers = root.querySelector("[data-numbers]");
    this.#marks = root.querySelector("[data-marks]");
    this.#list = root.querySelector("[data-problems]");
    this.#text = this.#shown = this.#area.value;
    this.#number();
    this.#area.addEventListener("focus", () => this.#draw());
    this.#area.addEventListener("beforeinput", () => this.#draw());
    this.#area.addEventListener("input", () => {
      this.#text = this.#shown = this.#area.value;
      this.#number();
      this.onInput();
    });
    this.#area.addEventListener("scroll", () => this.#scroll(), { passive: true });
    this.#area.addEventListener("keydown", (event) => this.#onKey(event));
  }

  get text() {
    return this.#text;
  }

  /** Replaces the text. A long one takes a while to lay out, so the area shows it after the next paint. */
  set(text, { follow = false } = {}) {
    if (text === this.#text) return;
    if (follow) this.#target = difference(this.#text, text).at;
    this.#text = text;
    if (text.length < LONG) this.#update();
    this.#later();
  }

  /** Scrolls a place into view without taking the focus. */
  reveal(offset) {
    this.#target = offset;
    this.#later();
  }

  #later() {
    this.#waiting ||= requestAnimationFrame(() => setTimeout(() => this.#draw()));
  }

  /** Changes only what differs, so that the caret and the scroll stay. */
  #update() {
    if (this.#shown === this.#text) return;
    const { at, before, after } = difference(this.#shown, this.#text);
    this.#area.setRangeText(after, at, at + before.length, "preserve");
    this.#shown = this.#text;
    this.#number();
  }

  #draw() {
    this.#waiting = 0;
    this.#update();
    if (this.#target !== null) this.#scrollTo(this.#target);
    this.#target = null;
  }

  #scrollTo(offset) {
    const top = PAD + (position(this.#text, offset).line - 1) * LINE;
    const { scrollTop, clientHeight } = this.#area;
    if (top < scrollTop || top > scrollTop + clientHeight - LINE * 2) this.#area.scrollTop = top - clientHeight / 3;
  }

  /** Puts the caret at a place, selecting up to `end`. */
  goTo(offset, end = offset) {
    this.#draw();
    this.#area.focus();
    this.#area.setSelectionRange(offset, end);
    this.#scrollTo(offset);
  }

  /** Lists problems: `{line, column, pointer, detail, bad}`. */
  problems(found, policy) {
    const items = found.map((problem) => ({ ...problem, ...this.#place(problem, policy) }));
    this.#list.replaceChildren(...items.map(entry));
    this.#list.hidden = items.length === 0;
    this.#marks.replaceChildren(...items.map(mark));
  }

  #place({ line, column, pointer }, policy) {
    if (line) return { line, offset: offsetOf(this.#text, line, column) };
    const node = pointer !== undefined && policy ? locate(policy.root, pointer) : null;
    const offset = node?.start ?? 0;
    return { line: position(this.#text, offset).line, offset };
  }

  #number() {
    let lines = 1;
    for (let at = this.#text.indexOf("\n"); at >= 0; at = this.#text.indexOf("\n", at + 1)) lines += 1;
    if (lines === this.#lines) return;
    this.#lines = lines;
    this.#numbers.textContent = Array.from({ length: lines }, (_, n) => n + 1).join("\n");
  }

  #scroll() {
    const shift = `translateY(${-this.#area.scrollTop}px)`;
    this.#numbers.style.transform = shift;
    this.#marks.style.transform = shift;
  }

  /** Enter keeps the indent of its line. Tab stays what it is: the way out. */
  #onKey(event) {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    const { selectionStart, selectionEnd } = this.#area;
    const line = this.#text.slice(this.#text.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
    const opens = /[{[]\s*$/.test(line) ? "  " : "";
    this.#area.setRangeText(`\n${/^[ \t]*/.exec(line)[0]}${opens}`, selectionStart, selectionEnd, "end");
    this.#area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function entry({ line, offset, detail, bad }) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.do = "problem";
  button.value = offset;
  button.className = bad ? "problem tone-red" : "problem tone-amber";
  const place = document.createElement("b");
  place.textContent = `${bad ? "Error" : "Warning"}, line ${line}`;
  button.append(place, ` ${detail}`);
  item.append(button);
  return item;
}

function mark({ line, bad }) {
  const element = document.createElement("i");
  element.className = bad ? "tone-red" : "tone-amber";
  element.style.insetBlockStart = `${PAD + (line - 1) * LINE}px`;
  return element;
}
