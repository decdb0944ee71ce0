// Asks the server what is wrong with a document, once typing pauses. Answers to old texts are dropped.

const PAUSE_MS = 300;

export class Validator {
  #url;
  #server;
  #show;
  #timer = 0;
  #running = new AbortController();

  /** @param show called with `{errors, warnings}`, `{checking: true}` or `{failed: true}` */
  constructor(url, server, show) {
    this.#url = url;
    this.#server = server || null;
    this.#show = show;
  }

  stop() {
    clearTimeout(this.#timer);
    this.#running.abort();
  }

  soon(text) {
    this.stop();
    if (!this.#url) return;
    this.#timer = setTimeout(() => this.#ask(text), PAUSE_MS);
  }

  async #ask(text) {
    const running = new AbortController();
    this.#running = running;
    try {
      const answer = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json" },
        body: JSON.stringify({ document: text, server_id: this.#server }),
        signal: running.signal,
      });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const result = await answer.json();
      if (!running.signal.aborted) this.#show(result);
    } catch {
      if (!running.signal.aborted) this.#show({ failed: true });
    }
  }
}
