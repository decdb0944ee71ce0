// Undo and redo of one text. Each step keeps only what differs, so long sessions stay small.

/** What turns one text into another: at `at`, `before` becomes `after`. */
export function difference(from, to) {
  const most = Math.min(from.length, to.length);
  let head = 0;
  while (head < most && from.charCodeAt(head) === to.charCodeAt(head)) head += 1;
  let tail = 0;
  while (tail < most - head && from.charCodeAt(from.length - 1 - tail) === to.charCodeAt(to.length - 1 - tail)) tail += 1;
  return { at: head, before: from.slice(head, from.length - tail), after: to.slice(head, to.length - tail) };
}

/** The past and the future of a text. */
export class History {
  #past = [];
  #future = [];
  #text;
  #last = { kind: "", at: 0 };

  constructor(text) {
    this.#text = text;
  }

  get text() { return this.#text; }
  get canUndo() { return this.#past.length > 0; }
  get canRedo() { return this.#future.length > 0; }

  /** Takes a new text. Steps of one `kind` within a second of each other become one. */
  push(text, kind = "", now = Date.now()) {
    if (text === this.#text) return;
    const joins = kind !== "" && kind === this.#last.kind && now - this.#last.at < 1000 && this.#past.length > 0;
    const from = joins ? this.#undone() : this.#text;
    if (joins) this.#past.pop();
    if (from !== text) this.#past.push(difference(from, text));
    this.#future = [];
    this.#text = text;
    this.#last = { kind, at: now };
  }

  undo() {
    const step = this.#past.at(-1);
    if (!step) return this.#text;
    this.#text = this.#undone();
    this.#past.pop();
    this.#future.push(step);
    this.#last = { kind: "", at: 0 };
    return this.#text;
  }

  redo() {
    const step = this.#future.pop();
    if (!step) return this.#text;
    this.#text = this.#text.slice(0, step.at) + step.after + this.#text.slice(step.at + step.before.length);
    this.#past.push(step);
    this.#last = { kind: "", at: 0 };
    return this.#text;
  }

  #undone() {
    const { at, before, after } = this.#past.at(-1);
    return this.#text.slice(0, at) + before + this.#text.slice(at + after.length);
  }
}
