// `<div class="tabs" data-tabs="NAME">`: a list of links to panels becomes tabs. The choice is kept
// per name, so that a person who uses one client sees that client's snippet everywhere.
for (const tabs of document.querySelectorAll("[data-tabs]")) enhance(tabs);

function enhance(tabs) {
  const list = tabs.querySelector(".tab-list");
  const links = [...list.querySelectorAll("a")];
  const panels = links.map((link) => document.getElementById(link.hash.slice(1)));
  const key = `drawbridge:tab:${tabs.dataset.tabs}`;

  list.setAttribute("role", "tablist");
  links.forEach((link, index) => {
    link.setAttribute("role", "tab");
    link.id ||= `${panels[index].id}-tab`;
    link.setAttribute("aria-controls", panels[index].id);
    panels[index].setAttribute("role", "tabpanel");
    panels[index].setAttribute("aria-labelledby", link.id);
  });

  const select = (index, focus) => {
    links.forEach((link, n) => {
      link.setAttribute("aria-selected", String(n === index));
      link.tabIndex = n === index ? 0 : -1;
      panels[n].hidden = n !== index;
    });
    if (focus) links[index].focus();
    remember(key, panels[index].id);
  };

  list.addEventListener("click", (event) => {
    const index = links.indexOf(event.target.closest("a"));
    if (index < 0) return;
    event.preventDefault();
    select(index, true);
  });
  list.addEventListener("keydown", (event) => {
    const now = links.indexOf(document.activeElement);
    const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: links.length - 1 }[event.key];
    if (next === undefined || now < 0) return;
    event.preventDefault();
    select((next + links.length) % links.length, true);
  });

  const wanted = location.hash.slice(1) || recall(key);
  select(Math.max(0, panels.findIndex((panel) => panel.id === wanted)), false);
  tabs.dataset.ready = "";
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is blocked: the choice lasts for this page.
  }
}

function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
