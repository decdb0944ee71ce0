// What a policy says beyond single tools: all of them, categories, prompts, resources, what the
// server may ask, how refusals and approvals work. Drawn from the text, like the rows.

import { h, keepingFocus, select } from "./dom.js";
import { ruleFor } from "./edit.js";
import { get } from "./json.js";
import { at, pointer } from "./patch.js";
import { classify } from "./policy.js";
import { RuleEditor } from "./rule-editor.js";

const CATEGORIES = [["read", "Read"], ["write", "Write"], ["execute", "Execute"], ["destructive", "Destructive"], ["financial", "Financial"]];
const STANCES = [["allow", "Allow"], ["limit", "Limit"], ["approve", "Approve"], ["deny", "Deny"]];
const REQUESTS = [["sampling", "Run the client’s model"], ["elicitation", "Ask the person a question"], ["roots", "Learn which folders the client works in"]];
const EFFECTS = [["", "as for tools without a rule"], ["allow", "allowed"], ["deny", "denied"]];

export class Sections {
  #root;
  #apply;
  #policy;
  #editors = new Map();

  /** @param apply `(path, value, kind)`: sets or removes one value of the document */
  constructor(root, apply) {
    this.#root = root;
    this.#apply = apply;
    root.addEventListener("change", (event) => this.#onChange(event));
    root.addEventListener("click", (event) => this.#onClick(event));
  }

  draw(policy) {
    this.#policy = policy;
    if (!this.#root.closest("details").open) return;
    const typed = new Map(this.#fresh().map((field) => [field.dataset.fresh, field.value]));
    keepingFocus(this.#root, () =>
      this.#root.replaceChildren(
        section("All tools", "Added to the rule of every tool.", this.#editor("all tools", ["all_tools"], { whole: false })),
        section("Categories", "For tools that no rule names.", ...CATEGORIES.map(([key, label]) => this.#row(label, ["categories", key]))),
        this.#named("prompts", "Prompts", "Name or pattern, such as greet_*"),
        this.#named("resources", "Resources", "URI or pattern, such as file:///docs/**"),
        section("The server may", "", ...REQUESTS.map(([key, label]) => this.#choice(label, ["server_requests", key], EFFECTS))),
        this.#mode(),
      ),
    );
    for (const field of this.#fresh()) field.value = typed.get(field.dataset.fresh) ?? "";
  }

  // === Drawing ===

  #value(path) {
    return at(this.#policy.root, path)?.value;
  }

  #choice(label, path, options) {
    const key = path.join("/");
    return h("label", { className: "section-row" }, h("span", {}, label), select({ data: { key, set: "choice", at: JSON.stringify(path) } }, options, this.#value(path) ?? ""));
  }

  #mode() {
    const field = (label, key, placeholder) => {
      const path = ["approvals", key];
      return h("label", { className: "section-row" }, h("span", {}, label), h("input", { type: "text", className: "input small short", value: this.#value(path) ?? "", placeholder, data: { key: path.join("/"), set: "text", at: JSON.stringify(path) } }));
    };
    const shown = this.#value(["list_denied"]) !== false;
    return section(
      "Enforcement",
      "",
      this.#choice("Refusals are", ["mode"], [["", "enforced"], ["observe", "only recorded: everything passes"]]),
      h("label", { className: "section-row" }, h("span", {}, "Tools that are always denied"), select({ data: { key: "list_denied", set: "listed", at: '["list_denied"]' } }, [["true", "stay in lists"], ["false", "are left out of lists"]], String(shown))),
      field("An approval expires after", "expires", "1h"),
      field("A call waits for it", "hold", "50s"),
      h("label", { className: "section-row" }, h("span", {}, "People who must approve"), select({ data: { key: "approvers", set: "approvers", at: '["approvals","approvers"]' } }, [["1", "one"], ["2", "two different ones"]], String(this.#value(["approvals", "approvers"]) ?? 1))),
    );
  }

  /** A section of prompts or resources: its default, what it hides, its rules by name. */
  #named(key, title, placeholder) {
    const rules = get(get(this.#policy.root, key), "rules")?.members ?? [];
    const hidden = get(get(this.#policy.root, key), "hide")?.items ?? [];
    const noun = title.toLowerCase();
    return section(
      title,
      "",
      this.#choice("Without a rule", [key, "default"], EFFECTS),
      ...rules.map((member) => this.#row(member.key, [key, "rules", member.key], { code: true })),
      this.#add([key, "rules"], `New rule in ${noun}`, placeholder, "Add a rule"),
      ...hidden.map((item, index) => this.#hidden(item, [key, "hide", index])),
      this.#add([key, "hide"], `To hide in ${noun}`, placeholder, "Hide"),
    );
  }

  /** One hidden name. What is none is shown as it is written, and goes by itself too. */
  #hidden(item, path) {
    const name = item.type === "string" ? item.value : this.#policy.text.slice(item.start, item.end);
    return h(
      "div",
      { className: "section-row" },
      h("span", { className: "name" }, name),
      h("span", { className: "row" }, h("span", { className: "faint" }, "Hidden"), h("button", { type: "button", className: "mini mini-plain", data: { do: "drop", at: JSON.stringify(path) }, "aria-label": `Hide ${name} no longer` }, "Remove")),
    );
  }

  /** A field for a new name, and what adds it to a list or to the rules. */
  #add(path, label, placeholder, words) {
    const fresh = JSON.stringify(path);
    return h(
      "div",
      { className: "section-row" },
      h("input", { type: "text", className: "input small code", placeholder, spellcheck: false, "aria-label": label, data: { key: `${path.join("/")}/new`, fresh } }),
      h("button", { type: "button", className: "mini", data: { do: "fresh", fresh } }, words),
    );
  }

  /** One rule: what it comes to, and its editor when it is open. */
  #row(label, path, { code = false } = {}) {
    const rule = at(this.#policy.root, path);
    const stance = rule ? classify(rule).segment : "";
    const key = pointer(path);
    const open = this.#editors.has(key);
    const options = [...(path[0] === "categories" ? [["", "No rule"]] : []), ...STANCES, ...(stance === "custom" ? [["custom", "Custom"]] : [])];
    return h(
      "div",
      { className: "section-rule" },
      h(
        "div",
        { className: "section-row" },
        h("span", { className: code ? "name" : "" }, label),
        h(
          "span",
          { className: "row" },
          select({ "aria-label": `Rule of ${label}`, data: { key: `${key}:stance`, set: "stance", at: JSON.stringify(path) } }, options, stance),
          rule && h("button", { type: "button", className: "mini", "aria-expanded": String(open), data: { key: `${key}:edit`, do: "edit", at: JSON.stringify(path), label } }, open ? "Close" : "Edit"),
          rule && path[0] !== "categories" && h("button", { type: "button", className: "mini mini-plain", data: { do: "drop", at: JSON.stringify(path) }, "aria-label": `Remove the rule of ${label}` }, "Remove"),
        ),
      ),
      rule && open && this.#editor(label, path),
    );
  }

  #editor(name, path, options) {
    const key = pointer(path);
    let editor = this.#editors.get(key);
    if (!editor) this.#editors.set(key, (editor = new RuleEditor(name, path, this.#apply, options)));
    editor.draw(this.#policy);
    return editor.root;
  }

  // === What the person does ===

  #onChange(event) {
    const { target } = event;
    const { set, at: place } = target.dataset;
    if (!set || target.closest(".rule-editor")) return;
    event.stopPropagation();
    const path = JSON.parse(place);
    const values = {
      choice: () => target.value || undefined,
      text: () => target.value.trim() || undefined,
      listed: () => (target.value === "true" ? undefined : false),
      approvers: () => Number(target.value),
      stance: () => (target.value === "" ? undefined : this.#ruleOf(path, target.value)),
    };
    if (set === "stance" && target.value === "custom") return;
    this.#apply(path, values[set]());
  }

  /** The plain rule of a segment; arguments stay checked where they were. */
  #ruleOf(path, segment) {
    const now = at(this.#policy.root, path);
    return ruleFor(path.at(-1), { segment }, now && classify(now).checks);
  }

  #onClick({ target }) {
    const button = target.closest("button[data-do]");
    if (!button || button.closest(".rule-editor")) return;
    const path = button.dataset.at && JSON.parse(button.dataset.at);
    if (button.dataset.do === "edit") {
      const key = pointer(path);
      if (!this.#editors.delete(key)) this.#editor(button.dataset.label, path);
      this.draw(this.#policy);
    } else if (button.dataset.do === "drop") {
      this.#apply(path, undefined);
    } else if (button.dataset.do === "fresh") {
      this.#take(button.dataset.fresh);
    }
  }

  /** Enter in the field of a new name adds it. */
  enter(target) {
    if (target.dataset.fresh) this.#take(target.dataset.fresh);
    return Boolean(target.dataset.fresh);
  }

  /** The fields for new names. */
  #fresh() {
    return [...this.#root.querySelectorAll("input[data-fresh]")];
  }

  /** Adds the name in a field: to what is hidden, or as a rule that denies. */
  #take(place) {
    const field = this.#fresh().find((one) => one.dataset.fresh === place);
    const path = JSON.parse(place);
    const there = at(this.#policy.root, path);
    const name = field.value.trim();
    const isKnown = there?.items ? there.items.some((item) => item.value === name) : get(there, name);
    field.toggleAttribute("aria-invalid", name === "");
    if (name === "" || isKnown) return field.focus();
    field.value = "";
    if (path.at(-1) === "hide") this.#apply([...path, there?.items?.length ?? 0], name);
    else this.#apply([...path, name], { deny_if: [{ conditions: [] }] });
  }
}

function section(title, about, ...rows) {
  return h("fieldset", { className: "builder-section" }, h("legend", {}, title), about && h("p", { className: "quiet-text small" }, about), ...rows);
}
