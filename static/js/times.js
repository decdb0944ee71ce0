// `<time datetime data-relative>` stays true while the page is open: "2 minutes ago".
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function relative(then, now) {
  const seconds = Math.round((then - now) / 1000);
  if (Math.abs(seconds) < 45) return seconds > 0 ? "in a moment" : "just now";
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length * 0.95) ?? UNITS.at(-1);
  return words.format(Math.round(seconds / size), unit);
}

function refresh() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const then = Date.parse(time.dateTime);
    if (Number.isNaN(then)) continue;
    const text = relative(then, now);
    if (time.textContent !== text) time.textContent = text;
  }
}

refresh();
setInterval(refresh, 20_000);
document.addEventListener("visibilitychange", refresh);
