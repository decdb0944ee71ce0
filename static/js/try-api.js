// "Try it" on the API reference: sends a call from this page, with a key that is kept in memory only.
const key = document.getElementById("try-key");

function target(form) {
  const query = new URLSearchParams();
  let path = form.dataset.path;
  for (const input of form.querySelectorAll("[data-place]")) {
    const value = input.value.trim();
    if (input.dataset.place === "path") path = path.replace(`{${input.dataset.name}}`, encodeURIComponent(value));
    else if (input.dataset.place === "query" && value) query.append(input.dataset.name, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

function headers(form) {
  const sent = new Headers({ accept: "application/json" });
  if (key.value.trim()) sent.set("authorization", `Bearer ${key.value.trim()}`);
  for (const input of form.querySelectorAll("[data-place=header]")) {
    if (input.value.trim()) sent.set(input.dataset.name, input.value.trim());
  }
  return sent;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-try]");
  if (!form) return;
  event.preventDefault();
  const box = form.querySelector("[data-answer]");
  const answer = box.querySelector("pre");
  const missing = [...form.querySelectorAll("[data-place=path]")].find((input) => !input.value.trim());
  if (missing) {
    missing.focus();
    return;
  }
  answer.textContent = "Sending …";
  box.hidden = false;
  const sent = headers(form);
  const body = form.querySelector("textarea")?.value;
  if (body) sent.set("content-type", "application/json");
  try {
    // The key is the only credential: a session's cookie opens no API, and is not sent.
    const got = await fetch(target(form), { method: form.dataset.method, headers: sent, body: body || undefined, credentials: "omit" });
    const left = got.headers.get("ratelimit");
    const head = [`${got.status} ${got.statusText}`, left && `RateLimit: ${left}`, `X-Request-Id: ${got.headers.get("x-request-id") ?? ""}`];
    answer.textContent = `${head.filter(Boolean).join("\n")}\n\n${pretty(await got.text())}`;
  } catch (error) {
    answer.textContent = `Nothing came back: ${error.message}`;
  }
});
