// `<button data-copy="id">` copies the text of the element with that id.
import { toast } from "./toasts.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
    button.dataset.done = "";
    setTimeout(() => delete button.dataset.done, 1600);
    toast(`${button.dataset.copied ?? "Copied"}.`, "success");
  } catch {
    // No permission, or plain http on another host: select it, so that one key copies it.
    getSelection().selectAllChildren(source);
    toast("Selected. Press Ctrl C or ⌘ C to copy.", "info");
  }
});
