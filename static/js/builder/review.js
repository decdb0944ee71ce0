// What publishing would change, in the words of the server, in a dialog.

import { h } from "./dom.js";

/** Shows the changes from the version in force to a text. */
export async function review(dialog, url, text) {
  const body = dialog.querySelector("[data-review]");
  body.replaceChildren(h("p", { className: "quiet-text" }, "Comparing…"));
  dialog.showModal();
  body.replaceChildren(...(await compared(url, text)));
}

async function compared(url, text) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ document: text }),
    });
    if (answer.status === 422) return [h("p", {}, "The document has errors; they are listed beside it.")];
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const { summary, changes } = await answer.json();
    const row = ({ label, tone, summary: words }) => h("li", {}, h("span", { className: `badge tone-${tone}` }, label), ` ${words}`);
    return [h("p", {}, summary), h("ul", { className: "review-list" }, ...changes.map(row))];
  } catch {
    return [h("p", {}, "The changes could not be compared now. Try again.")];
  }
}
