// What was typed and not yet published, kept in this browser per policy: a closed tab or an expired
// session loses nothing.

export class Draft {
  #key;
  #live;
  #next = null;
  #timer = 0;

  /** @param live the text of the live version; a draft equal to it is no draft */
  constructor(policy, live) {
    this.#key = `drawbridge:draft:${policy}`;
    this.#live = live;
    addEventListener("pagehide", () => this.#write());
  }

  /** The draft to restore over `shown`, or null. `outdated`: the live version changed since. */
  find(shown) {
    const kept = this.#load();
    if (!kept || kept.text === shown) return null;
    // The server sent something else than the live version: a refused form, and newer than this.
    if (shown !== this.#live) return null;
    if (kept.text === this.#live) {
      this.keep(this.#live);
      return null;
    }
    return { text: kept.text, outdated: kept.live !== this.#live };
  }

  /** Writes soon, and at the latest when the page goes away. */
  keep(text) {
    this.#next = text;
    this.#timer ||= setTimeout(() => this.#write(), 250);
  }

  #write() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#next === null) return;
    const text = this.#next;
    this.#next = null;
    try {
      if (text === this.#live) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, JSON.stringify({ text, live: this.#live }));
    } catch {
      // Storage is full or blocked: the page itself still has the text.
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
