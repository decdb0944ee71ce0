// `<button data-theme-toggle>`: light, dark, and back to the system's theme when they agree.
const KEY = "drawbridge:theme";
const system = matchMedia("(prefers-color-scheme: dark)");

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const root = document.documentElement;
  const natural = system.matches ? "dark" : "light";
  const next = (root.dataset.theme ?? natural) === "dark" ? "light" : "dark";
  try {
    if (next === natural) {
      delete root.dataset.theme;
      localStorage.removeItem(KEY);
    } else {
      root.dataset.theme = next;
      localStorage.setItem(KEY, next);
    }
  } catch {
    root.dataset.theme = next;
  }
});
