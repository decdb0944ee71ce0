// Runs before the first paint: the person's own theme, and the mark that scripts are on.
// A plain script, not a module, because a module would come too late.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("drawbridge:theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage is blocked: the system's theme it is.
  }
})();
