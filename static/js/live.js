// `<div data-live="URL">` waits for one server-sent event `call` and becomes the HTML it carries.
// The HTML is made, and escaped, by our own server.
for (const element of document.querySelectorAll("[data-live]")) wait(element);

function wait(element) {
  const source = new EventSource(element.dataset.live);
  source.addEventListener("call", (event) => {
    source.close();
    const template = document.createElement("template");
    template.innerHTML = event.data;
    const region = element.parentElement;
    element.replaceWith(template.content);
    region.dispatchEvent(new CustomEvent("drawbridge:arrived", { bubbles: true }));
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}
