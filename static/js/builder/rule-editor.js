// A rule as fields, drawn from the document at each change: what it requires, denies, asks a person
// for, limits and takes out of answers. The text stays the only state; see edit.js and patch.js.

import { asked, condition, firstCondition } from "./conditions.js";
import { h, keepingFocus, select } from "./dom.js";
import { plain, print, Raw } from "./edit.js";
import { get, parse } from "./json.js";
import { at } from "./patch.js";
import { isNumber, KINDS, SCOPES, WINDOWS } from "./words.js";

const GATES = [
  ["require", "Only if", "all of this holds", "Require something"],
  ["deny_if", "Deny if", "all of this holds", "Deny if…"],
  ["approve_if", "Ask a person if", "all of this holds", "Ask a person if…"],
];
const SUGAR = ["action", "reason", "rate_limit"];

export class RuleEditor {
  /** The element to put somewhere. */
  root = h("div", { className: "rule-editor" });
  #name;
  #path;
  #whole;
  #fields = [];
  #policy;
  #apply;

  /**
   * @param name of what the rule is about, for labels
   * @param path of the rule in the document
   * @param apply `(path, value, kind)`: sets or removes one value of the document
   * @param whole false for `all_tools`, which has no schema and no answers of its own
   */
  constructor(name, path, apply, { whole = true } = {}) {
    this.#name = name;
    this.#path = path;
    this.#apply = apply;
    this.#whole = whole;
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", `Rule of ${name}`);
    this.root.addEventListener("input", (event) => this.#onInput(event));
    this.root.addEventListener("change", (event) => this.#onInput(event));
    this.root.addEventListener("click", (event) => this.#onClick(event));
  }

  /** Fields that the tool's schema has: `{path, type, values}`. */
  set fields(fields) {
    this.#fields = fields;
    if (this.#policy) this.draw(this.#policy);
  }

  draw(policy) {
    this.#policy = policy;
    const rule = at(policy.root, this.#path);
    keepingFocus(this.root, () => this.root.replaceChildren(...this.#parts(rule)));
  }

  // === Drawing ===

  #parts(rule) {
    if (rule && rule.type !== "object") return [this.#elsewhere("This is no rule yet.")];
    if (rule?.members.some((member) => SUGAR.includes(member.key))) return [this.#elsewhere("It is written in a short form."), this.#unfold(rule)];
    const parts = GATES.flatMap(([key, ...words]) => this.#predicates(rule, key, words));
    const limits = get(rule, "limits")?.items ?? [];
    parts.push(...limits.map((limit, index) => this.#limit(limit, [...this.#path, "limits", index])));
    if (get(rule, "response")) parts.push(this.#response(get(rule, "response")));
    return [...parts, this.#foot(rule)];
  }

  #elsewhere(text) {
    return h("p", { className: "quiet-text" }, `${text} `, h("button", { type: "button", className: "mini", data: { do: "show", at: JSON.stringify(this.#path) } }, "Show in JSON"));
  }

  /** Sugar, written out: the same rule in the full form. */
  #unfold(rule) {
    const full = unfolded(rule, this.#name);
    if (!full) return null;
    return h("button", { type: "button", className: "mini", data: { do: "put", at: JSON.stringify(this.#path), value: print(full, {}) } }, "Write it out");
  }

  #predicates(rule, key, [title, how]) {
    return (get(rule, key)?.items ?? []).map((predicate, index) => {
      const path = [...this.#path, key, index];
      const noun = `${title.toLowerCase()} ${index + 1} of ${this.#name}`;
      const conditions = get(predicate, "conditions");
      if (conditions?.type !== "array") return this.#elsewhere(`${title}: it has no list of conditions.`);
      const list = conditions.items.map((node, n) => condition(node, { fields: this.#fields, text: this.#policy.text, path: [...path, "conditions", n], noun: `condition ${n + 1}, ${noun}` }));
      const always = key === "require" ? "Nothing is required yet." : "Always.";
      return h(
        "div",
        { className: `predicate tone-${{ require: "blue", deny_if: "red", approve_if: "amber" }[key]}`, role: "group", "aria-label": noun },
        h("div", { className: "predicate-head" }, h("b", {}, title), " ", h("span", { className: "quiet-text" }, list.length > 1 ? how : ""), this.#remove(path, noun)),
        ...(list.length > 0 ? list : [h("p", { className: "quiet-text small" }, always)]),
        h("div", { className: "row" }, this.#add("Add a condition", [...path, "conditions", list.length], firstCondition(this.#fields)), this.#told(predicate, path, noun)),
      );
    });
  }

  #told(holder, path, noun) {
    const value = get(holder, "on_deny")?.value ?? "";
    return h("input", { type: "text", className: "input small told", value, placeholder: "What the agent is told", maxLength: 1000, "aria-label": `What the agent is told, ${noun}`, data: { key: `${path.join("/")}:told`, set: "told", at: JSON.stringify([...path, "on_deny"]) } });
  }

  #limit(limit, path) {
    const noun = `limit ${path.at(-1) + 1} of ${this.#name}`;
    const field = (key) => get(limit, key);
    const raw = (key) => (field(key) ? this.#policy.text.slice(field(key).start, field(key).end) : "");
    const data = (name, set, rest = {}) => ({ key: `${path.join("/")}:${name}`, set, at: JSON.stringify([...path, name]), ...rest });
    const sums = this.#fields.filter((one) => one.type === "number");
    const sum = field("increment_from")?.value ?? "";
    const window = field("window")?.value ?? "minute";
    const more = ["key", "algorithm", "across_servers", "on_deny"].some((key) => field(key));
    return h(
      "div",
      { className: "predicate", role: "group", "aria-label": noun },
      h("div", { className: "predicate-head" }, h("b", {}, "At most"), this.#remove(path, noun)),
      h(
        "div",
        { className: "condition" },
        h("input", { type: "text", className: "input small short", inputMode: "decimal", value: raw("max"), "aria-label": `Most, ${noun}`, data: data("max", "number") }),
        select({ "aria-label": `What is counted, ${noun}`, data: data("increment_from", "optional") }, [["", "calls"], ...sums.map(({ path: name }) => [name, `of ${name.slice(5)}`])], sum, `of ${sum.replace(/^args\./, "")}`),
        h("span", {}, "a"),
        select({ "aria-label": `Window, ${noun}`, data: data("window", "window") }, WINDOWS.map((word) => [word, word]), String(window), `${window} seconds`),
        h("span", {}, "for"),
        select({ "aria-label": `For whom, ${noun}`, data: data("scope", "text") }, SCOPES, field("scope")?.value ?? "grant"),
      ),
      h(
        "details",
        { className: "disclosure", open: more, data: { key: `${path.join("/")}:more` } },
        h("summary", {}, "More"),
        h(
          "div",
          { className: "condition" },
          h("label", {}, "Counter ", h("input", { type: "text", className: "input small", value: field("counter")?.value ?? "", data: data("counter", "text") })),
          h("label", {}, "For each value of ", h("input", { type: "text", className: "input small code", value: field("key")?.value ?? "", placeholder: "args.account", data: data("key", "optional") })),
          h("label", { className: "check" }, h("input", { type: "checkbox", checked: field("algorithm")?.value === "sliding", data: data("algorithm", "check", { value: '"sliding"' }) }), " Sliding window"),
          h("label", { className: "check" }, h("input", { type: "checkbox", checked: field("across_servers")?.value === true, data: data("across_servers", "check", { value: "true" }) }), " Across servers"),
          this.#told(limit, path, noun),
        ),
      ),
    );
  }

  #response(response) {
    const path = [...this.#path, "response"];
    const items = get(response, "redact")?.items ?? [];
    const node = get(response, "max_bytes");
    const kind = ([word, label]) => {
      const index = items.findIndex((item) => item.value === word);
      const where = [...path, "redact", index < 0 ? items.length : index];
      return h("label", { className: "check" }, h("input", { type: "checkbox", checked: index >= 0, data: { key: `redact:${word}`, set: "check", at: JSON.stringify(where), value: JSON.stringify(word) } }), ` ${label}`);
    };
    const own = items.map((item, index) => [item, index]).filter(([item]) => item.type === "object");
    return h(
      "div",
      { className: "predicate", role: "group", "aria-label": `Answers of ${this.#name}` },
      h("div", { className: "predicate-head" }, h("b", {}, "Answers"), this.#remove(path, `answers of ${this.#name}`)),
      h("div", { className: "condition" }, "Take out", ...KINDS.map(kind), ...own.map(([item, index]) => h("button", { type: "button", className: "mini", data: { do: "show", at: JSON.stringify([...path, "redact", index]) } }, `/${get(item, "regex")?.value ?? "…"}/, in the JSON`))),
      h("div", { className: "condition" }, h("label", {}, "At most ", h("input", { type: "text", className: "input small short", inputMode: "numeric", value: node ? this.#policy.text.slice(node.start, node.end) : "", placeholder: "any", data: { key: "max_bytes", set: "maybe-number", at: JSON.stringify([...path, "max_bytes"]) } }), " bytes")),
    );
  }

  #foot(rule) {
    const count = (key) => get(rule, key)?.items?.length ?? 0;
    const adds = GATES.map(([key, , , label]) => this.#add(label, [...this.#path, key, count(key)], { conditions: [firstCondition(this.#fields)] }));
    adds.push(this.#add("Limit", [...this.#path, "limits", count("limits")], this.#firstLimit(rule)));
    if (this.#whole && !get(rule, "response")) adds.push(this.#add("Answers", [...this.#path, "response"], { redact: ["secrets"] }));
    const checks = this.#whole && this.#path[0] !== "prompts" && this.#path[0] !== "resources";
    return h(
      "div",
      { className: "rule-foot" },
      h("span", { className: "row" }, ...adds),
      checks && h("label", { className: "check" }, h("input", { type: "checkbox", checked: get(rule, "validate_arguments")?.value === true, data: { key: "checks", set: "check", at: JSON.stringify([...this.#path, "validate_arguments"]), value: "true" } }), " Arguments must fit the tool’s schema"),
      h("button", { type: "button", className: "mini", data: { do: "show", at: JSON.stringify(this.#path) } }, "Show in JSON"),
    );
  }

  #firstLimit(rule) {
    const taken = new Set((get(rule, "limits")?.items ?? []).map((limit) => get(limit, "counter")?.value));
    let counter = `${this.#name}_rate`;
    for (let n = 2; taken.has(counter); n += 1) counter = `${this.#name}_rate_${n}`;
    return { counter, window: "minute", max: 30, scope: "grant" };
  }

  #add(label, path, value) {
    return h("button", { type: "button", className: "mini", data: { key: `add:${path.join("/")}`, do: "put", at: JSON.stringify(path), value: JSON.stringify(value) } }, `+ ${label}`);
  }

  #remove(path, noun) {
    return h("button", { type: "button", className: "mini mini-plain", data: { do: "put", at: JSON.stringify(path) }, "aria-label": `Remove ${noun}` }, "Remove");
  }

  // === What the person does ===

  #onClick({ target }) {
    const button = target.closest("button[data-do=put]");
    if (!button) return;
    const path = JSON.parse(button.dataset.at);
    const value = button.dataset.value;
    this.#apply(path, value === undefined ? undefined : plain(parse(value)));
    // What was added is where one goes on; where something went, the editor itself.
    const key = path.join("/");
    const made = value !== undefined && [...this.root.querySelectorAll("select, input")].find((element) => element.dataset.key?.startsWith(`${key}`));
    if (made) made.focus();
    else if (!this.root.contains(document.activeElement)) this.root.querySelector("button, input, select")?.focus();
  }

  #onInput(event) {
    const control = event.target;
    const { set, at: place } = control.dataset;
    if (!set) return;
    // Selects and boxes tell twice; texts are taken as they are typed.
    const isText = control.type === "text";
    if (isText !== (event.type === "input")) return;
    event.stopPropagation();
    const wanted = this.#wanted(control, set, JSON.parse(place));
    control.toggleAttribute("aria-invalid", wanted === null);
    if (wanted) this.#apply(wanted.path, wanted.value, isText ? control.dataset.key : "");
  }

  #wanted(control, set, path) {
    const text = control.value;
    switch (set) {
      case "told":
      case "optional":
        return { path, value: text === "" ? undefined : text };
      case "maybe-number":
        return text === "" ? { path, value: undefined } : isNumber(text) ? { path, value: new Raw(text) } : null;
      case "window":
        return { path, value: /^\d+$/.test(text) ? new Raw(text) : text };
      case "check":
        return { path, value: control.checked ? JSON.parse(control.dataset.value) : undefined };
      default: {
        const owner = set === "field" || set === "op" ? path : path.slice(0, -1);
        return asked(control, at(this.#policy.root, owner), this.#fields);
      }
    }
  }
}

/** A rule in its short form, written out; null if it is none that can be. */
export function unfolded(rule, name) {
  const { action, reason, rate_limit: rate, ...rest } = plain(rule);
  const words = reason === undefined ? {} : { on_deny: reason };
  const always = { conditions: [], ...words };
  if (action === "hide") return null;
  if (action === "deny") rest.deny_if = [...(rest.deny_if ?? []), always];
  if (action === "require_approval") rest.approve_if = [...(rest.approve_if ?? []), always];
  if (rate) {
    const window = { 60: "minute", 3600: "hour", 86400: "day" }[rate.window?.text] ?? rate.window;
    rest.limits = [...(rest.limits ?? []), { counter: `${name}_rate`, window, max: rate.max, scope: "grant" }];
  }
  return rest;
}
