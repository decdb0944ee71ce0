// What was typed and not yet published, kept in this browser per policy: a closed tab or an expired
// session loses nothing. A draft is kept with the version that it was made from, and published over
// that one only: what a colleague published meanwhile is not replaced unseen.

import { canonical, JsonError, parse } from "./json.js";

export class Draft {
  #key;
  #live;
  #shown;
  #version;
  #next = null;
  #timer = 0;

  /**
   * @param live the text of the live version; a draft that means the same is no draft
   * @param version the one that the page was made from
   */
  constructor(policy, live, version) {
    this.#key = `drawbridge:draft:${policy}`;
    this.#live = live;
    this.#shown = this.#version = version;
    addEventListener("pagehide", () => this.#write());
  }

  /** The version that the text was made from. */
  get version() {
    return this.#version;
  }

  /** Whether that is not the one that the page was made from. */
  get isOutdated() {
    return this.#version !== this.#shown;
  }

  /** The draft to restore over `shown`, or null. What is kept from now on was made from its version. */
  find(shown) {
    const kept = this.#load();
    // The server sent something else than the live version: a refused form, and newer than this.
    if (!kept || shown !== this.#live) return null;
    if (meaning(kept.text) === meaning(this.#live)) {
      this.#remove();
      return null;
    }
    this.#version = kept.version ?? 0;
    return kept.text;
  }

  /** Writes soon, and at the latest when the page goes away. */
  keep(text) {
    this.#next = text;
    this.#timer ||= setTimeout(() => this.#write(), 250);
  }

  /** Notes that the text is on its way to be published. */
  send(text) {
    this.#next = text;
    this.#write({ sent: true });
  }

  /** Lets go of what was sent, now that it is a version. */
  published(version) {
    const kept = this.#load();
    if (kept?.sent && kept.version < version) this.#remove();
  }

  /** Begins anew from the version of the page. */
  discard() {
    this.#version = this.#shown;
    this.#remove();
  }

  #write(more = {}) {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#next === null) return;
    const text = this.#next;
    this.#next = null;
    try {
      if (text === this.#live) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, JSON.stringify({ text, version: this.#version, ...more }));
    } catch {
      // Storage is full or blocked: the page itself still has the text.
    }
  }

  #remove() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#next = null;
    try {
      localStorage.removeItem(this.#key);
    } catch {
      // What cannot be removed is no draft by its version.
    }
  }

  #load() {
    try {
      return JSON.parse(localStorage.getItem(this.#key));
    } catch {
      return null;
    }
  }
}

/** The same text for the same meaning; a text that is no JSON means itself. */
function meaning(text) {
  try {
    return canonical(parse(text), text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return text;
  }
}
