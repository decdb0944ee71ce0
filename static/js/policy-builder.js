// The policy builder: a table of tools and the JSON of the policy, two views of one text.
//
// The text is the only state. A click edits the text as little as it can (builder/edit.js), and the
// rows are drawn from what the text says (builder/policy.js), so neither side can lose what the
// other cannot show. The form works without this file; see templates/policies/builder.html.

import { compare } from "./builder/changes.js";
import { edit, Raw } from "./builder/edit.js";
import { Editor } from "./builder/editor.js";
import { Draft } from "./builder/draft.js";
import { History } from "./builder/history.js";
import { JsonError, locate, position } from "./builder/json.js";
import { patch, pointer as pointerOf, unfold } from "./builder/patch.js";
import { allToolsLimit, alike, literal, read, stateOf, stateOfRule } from "./builder/policy.js";
import { review } from "./builder/review.js";
import { Rows } from "./builder/rows.js";
import { RuleEditor } from "./builder/rule-editor.js";
import { Sections } from "./builder/sections.js";
import { Validator } from "./builder/validator.js";
import { isNumber } from "./builder/words.js";
import { toast } from "./toasts.js";

const EMPTY = '{"default":"deny"}';

class PolicyBuilder extends HTMLElement {
  #form;
  #parts;
  #chips;
  #all;
  #tools;
  #live;
  #policy;
  #history;
  #rows;
  #editor;
  #validator;
  #draft;
  #sections;
  /** Open rules by the name of their tool. */
  #open = new Map();
  #fields = new Map();

  connectedCallback() {
    const data = JSON.parse(document.getElementById("builder-data").content.textContent);
    this.#form = this.querySelector("form");
    this.#parts = Object.fromEntries([...this.querySelectorAll("[data-part]")].map((element) => [element.dataset.part, element]));
    this.#chips = [...this.querySelectorAll("[data-do=category]")];
    const { default: fallbacks, all_max: allMax, all_window: allWindow } = this.#form.elements;
    this.#all = { fallbacks: [...fallbacks], max: allMax, window: allWindow, custom: this.#parts.custom };
    this.#tools = data.tools.map((tool) => ({ ...tool, wish: tool.recommended && stateOfRule(tool.recommended) }));
    this.#live = readOr(data.live, EMPTY);
    this.#editor = new Editor(this.#parts.editor);
    this.#rows = new Rows(this.#parts.rows, this.#tools);
    this.#sections = new Sections(this.#parts.sections, (...change) => this.#put(...change));
    this.#draft = new Draft(this.#form.dataset.policy, data.live, Number(this.#form.elements.version.defaultValue));
    this.#history = new History(this.#editor.text);
    this.#validator = new Validator(this.#form.dataset.validateUrl, this.#form.dataset.server, (result) => this.#showProblems(result));
    this.#listen();
    this.#published();
    this.#restore();
    this.#show({ check: true });
    this.#filter();
    this.dataset.ready = "";
  }

  // === What the person does ===

  #listen() {
    this.#editor.onInput = () => this.#take(this.#editor.text, "typing", { typed: true });
    this.#form.addEventListener("change", (event) => this.#onChange(event));
    this.#form.addEventListener("input", (event) => this.#onInput(event));
    this.#form.addEventListener("click", (event) => this.#onClick(event));
    this.#parts.more.addEventListener("toggle", () => this.#policy && this.#sections.draw(this.#policy));
    this.#form.addEventListener("submit", ({ submitter }) => {
      if (submitter === this.#parts.publish) this.#draft.send(this.#history.text);
    });
    // On the document, because the focus may have been on something that is gone by now.
    document.addEventListener("keydown", (event) => {
      if (event.target === document.body || this.contains(event.target)) this.#onKey(event);
    });
    // With scripts the document is what counts; the table's fields are only its picture.
    this.#form.addEventListener("formdata", ({ formData }) => {
      formData.set("document", this.#history.text);
      formData.set("version", this.#draft.version);
      formData.set("source", "document");
      for (const name of [...formData.keys()]) if (/^(rule|max|window)\[|^(default|all_max|all_window)$/.test(name)) formData.delete(name);
    });
  }

  #onChange({ target }) {
    const tool = this.#rows.toolOf(target);
    if (tool && target.type === "radio" && target.value === "custom") this.#customize(tool);
    else if (tool && target.type === "radio") this.#setSegment(tool, target.value);
    else if (tool && target.matches("select")) this.#setLimit(tool);
    else if (target.name === "default") this.#apply({ fallback: target.value }, "/default");
    else if (target.name === "all_window") this.#setAllTools();
  }

  #onInput({ target }) {
    const tool = this.#rows.toolOf(target);
    if (tool && target.type === "number") this.#setLimit(tool, `limit ${tool.name}`);
    else if (target.name === "all_max") this.#setAllTools("all tools");
    else if (target === this.#parts.search) this.#filter();
  }

  #onClick({ target }) {
    const button = target.closest("button[data-do]");
    if (!button) return;
    const tool = this.#rows.toolOf(button);
    const deeds = {
      undo: () => this.#travel(this.#history.undo()),
      redo: () => this.#travel(this.#history.redo()),
      category: () => this.#toggle(button),
      bulk: () => this.#setShown(button.value),
      recommend: () => this.#recommend(tool ? [tool] : this.#rows.shown()),
      unset: () => this.#apply({ rules: new Map([[tool.name, null]]) }),
      custom: () => this.#custom(tool),
      close: () => this.#close(tool),
      show: () => this.#showAt(JSON.parse(button.dataset.at)),
      problem: () => this.#editor.goTo(Number(button.value)),
      json: () => this.#toggleJson(button),
      discard: () => this.#discard(),
      review: () => review(this.#parts.review, this.#parts.review.dataset.url, this.#history.text),
      clear: () => this.#clearFilter(),
    };
    deeds[button.dataset.do]?.();
  }

  #onKey(event) {
    const letter = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && !event.altKey && (letter === "z" || letter === "y")) {
      if (!this.#isPicture(event.target)) return;
      event.preventDefault();
      this.#travel(letter === "y" || event.shiftKey ? this.#history.redo() : this.#history.undo());
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (this.#rows.move(event.target, event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
    } else if (event.key === "Enter" && this.#sections.enter(event.target)) {
      event.preventDefault();
    } else if (event.key === "Enter" && event.target.matches("input")) {
      // Enter in a field would publish.
      event.preventDefault();
      if ((event.ctrlKey || event.metaKey) && !this.#parts.publish.disabled) this.#form.requestSubmit(this.#parts.publish);
    } else if (event.key === "Escape" && event.target === this.#parts.search) {
      this.#clearFilter();
    }
  }

  /** Whether a control shows a part of the document. Other fields undo what is typed in them by themselves. */
  #isPicture(target) {
    if (!target.matches("input:not([type=radio], [type=checkbox]), textarea")) return true;
    const { max } = this.#all;
    return target === max || target.matches("textarea[name=document], [data-set]") || Boolean(this.#rows.toolOf(target));
  }

  // === Deeds: each one is an edit of the text ===

  #setSegment(tool, segment) {
    this.#close(tool);
    const change = segment === "limit" ? { segment, ...this.#rows.limitOf(tool) } : { segment };
    this.#apply({ rules: new Map([[tool.name, change]]) }, `/tools/${escape(tool.name)}`);
  }

  /** A rule of the tool's own, to be changed: what holds for it now, until it is. */
  #customize(tool) {
    const state = stateOf(this.#policy, tool);
    this.#openRule(tool);
    if (state.source === "tool" && state.segment !== "hide") return this.#show({});
    const { node } = state;
    const isRule = node?.type === "object";
    const deny = state.segment === "deny" || state.segment === "hide";
    const rule = isRule ? new Raw(this.#policy.text.slice(node.start, node.end)) : deny ? { deny_if: [{ conditions: [] }] } : {};
    this.#apply({ rules: new Map([[tool.name, { rule }]]) }, `/tools/${escape(tool.name)}`);
  }

  #openRule(tool) {
    if (this.#open.has(tool.name)) return;
    const key = this.#policy.exact.get(tool.name)?.text ?? literal(tool.name);
    const editor = new RuleEditor(tool.name, ["tools", key], (...change) => this.#put(...change));
    this.#open.set(tool.name, editor);
    this.#rows.open(tool, editor.root);
    this.#fieldsOf(tool).then((fields) => (editor.fields = fields));
  }

  #close(tool) {
    if (!this.#open.delete(tool.name)) return;
    this.#rows.close(tool);
    this.#show({});
  }

  /** "Edit" of a rule of its own; what comes from elsewhere is changed there. */
  #custom(tool) {
    const { source, segment } = stateOf(this.#policy, tool);
    if (source !== "tool" || segment === "hide") return this.#goTo(tool);
    this.#openRule(tool);
    this.#show({});
  }

  /** The arguments that a tool's schema names; asked once. Without them paths are typed. */
  #fieldsOf(tool) {
    if (!this.#fields.has(tool.name)) {
      const url = `${this.#form.action}/fields?tool=${encodeURIComponent(tool.name)}`;
      const asked = fetch(url, { headers: { accept: "application/json" } }).then((answer) => (answer.ok ? answer.json() : { fields: [] }));
      this.#fields.set(tool.name, asked.then(({ fields }) => fields, () => []));
    }
    return this.#fields.get(tool.name);
  }

  /** One value of the document, from an open rule. */
  #put(path, value, kind = "") {
    if (!this.#policy || this.#policy.drawable) return;
    const text = patch(this.#policy, path, value);
    const depth = path[0] === "all_tools" ? 1 : path[1] === "rules" ? 3 : 2;
    this.#take(unfold(read(text), path.slice(0, depth)), kind, { pointer: pointerOf(path) });
  }

  #showAt(path) {
    if (this.hasAttribute("data-no-json")) this.#toggleJson(this.#parts.json);
    const node = locate(this.#policy.root, pointerOf(path));
    this.#editor.goTo(node.start, node.end);
  }

  #setLimit(tool, kind = "") {
    const limit = this.#rows.limitOf(tool);
    if (limit.max === undefined) return;
    this.#apply({ rules: new Map([[tool.name, { segment: "limit", ...limit }]]) }, `/tools/${escape(tool.name)}`, kind);
  }

  #setAllTools(kind = "") {
    const { max, window } = this.#all;
    if (max.value !== "" && !(max.checkValidity() && isNumber(max.value))) return;
    this.#apply({ allTools: max.value === "" ? null : { max: max.value, window: window.value } }, "/all_tools", kind);
  }

  #setShown(segment) {
    const tools = this.#rows.shown();
    const skipped = tools.filter((tool) => ["custom"].includes(stateOf(this.#policy, tool).segment));
    const rules = new Map();
    for (const tool of tools) {
      const { source } = stateOf(this.#policy, tool);
      if (skipped.includes(tool) || source === "hide") continue;
      rules.set(tool.name, segment === "limit" ? { segment, ...this.#rows.limitOf(tool) } : { segment });
    }
    this.#apply({ rules });
    const kept = skipped.length > 0 ? ` ${count(skipped.length, "custom rule")} kept.` : "";
    toast(`${count(rules.size, "tool")} set.${kept} Ctrl Z takes it back.`, "success");
  }

  #recommend(tools) {
    const rules = new Map();
    for (const tool of tools) {
      if (!tool.wish || alike(stateOf(this.#policy, tool), this.#policy.text, tool.wish)) continue;
      const { segment, max, window, checks } = tool.wish;
      const plain = segment === "hide" || (segment !== "custom" && !checks);
      rules.set(tool.name, plain ? { segment, max, window } : { rule: tool.recommended });
    }
    this.#apply({ rules });
    if (tools.length > 1) toast(rules.size > 0 ? `${count(rules.size, "recommendation")} applied. Ctrl Z takes them back.` : "All of these follow the recommendation.", "success");
  }

  #apply(changes, pointer, kind = "") {
    if (!this.#policy || this.#policy.drawable) return;
    this.#take(edit(this.#policy, changes), kind, { pointer });
  }

  #take(text, kind, { typed = false, pointer } = {}) {
    this.#history.push(text, kind);
    this.#draft.keep(text);
    this.#show({ typed, pointer, check: true });
  }

  #travel(text) {
    this.#draft.keep(text);
    this.#show({ check: true, follow: true });
  }

  #discard() {
    // What was made from an older version is not mixed with what is made from this one.
    if (this.#draft.isOutdated) this.#history = new History(this.#live.text);
    this.#draft.discard();
    this.#take(this.#live.text, "");
    this.#parts.restored.hidden = true;
  }

  #restore() {
    const text = this.#draft.find(this.#editor.text);
    if (text === null) return;
    if (this.#draft.isOutdated) this.#history = new History(text);
    else this.#history.push(text);
    this.#parts.restored.hidden = false;
    this.#parts.since.hidden = !this.#draft.isOutdated;
  }

  /** The address says what was just published, once. */
  #published() {
    const here = new URL(location.href);
    const version = here.searchParams.get("published");
    if (version === null) return;
    this.#draft.published(Number(version));
    here.searchParams.delete("published");
    history.replaceState(history.state, "", here);
  }

  // === Drawing ===

  /** Draws everything from the text. `typed`: the editor has it already. */
  #show({ typed = false, pointer, follow = false, check = false }) {
    const { text } = this.#history;
    if (!typed) this.#editor.set(text, { follow });
    const problem = this.#read(text);
    if (!problem) this.#showRows();
    if (!problem) this.#showRules();
    if (pointer && this.#policy) this.#editor.reveal(locate(this.#policy.root, pointer).start);
    this.#showState(problem);
    this.#parts.undo.disabled = !this.#history.canUndo;
    this.#parts.redo.disabled = !this.#history.canRedo;
    if (check) problem?.offset === undefined ? this.#validator.soon(text) : this.#validator.stop();
    if (problem?.offset !== undefined) this.#showProblems({ errors: [{ ...position(text, problem.offset), detail: problem.message }], local: true });
  }

  /** Reads the text; returns why the table cannot show it, if so. The last good reading stays. */
  #read(text) {
    try {
      this.#policy = read(text);
      return this.#policy.drawable ? { message: this.#policy.drawable } : null;
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      return error;
    }
  }

  #showRows() {
    const policy = this.#policy;
    policy.states = this.#tools.map((tool) => stateOf(policy, tool));
    this.#rows.draw((tool, index) => {
      const state = policy.states[index];
      return { ...state, fits: !tool.wish || alike(state, policy.text, tool.wish) };
    });
    for (const radio of this.#all.fallbacks) radio.checked = radio.value === policy.fallback;
    const limit = allToolsLimit(policy);
    const { max, window } = this.#all;
    const custom = limit === "custom";
    max.disabled = window.disabled = custom;
    this.#all.custom.hidden = !custom;
    if (custom || document.activeElement === max) return;
    max.value = limit?.max ?? "";
    if (limit) this.#rows.offer(window, limit.window);
  }

  #showRules() {
    this.#sections.draw(this.#policy);
    for (const [name, editor] of this.#open) {
      const own = this.#policy.exact.has(name) && !this.#policy.hidden.has(name);
      if (own) editor.draw(this.#policy);
      else this.#closeGone(name);
    }
  }

  /** The rule went, as by undo: its editor goes with it. */
  #closeGone(name) {
    this.#open.delete(name);
    this.#rows.close({ name });
  }

  #showState(problem) {
    this.#parts.table.inert = Boolean(problem);
    const found = problem ? null : compare(this.#live, this.#policy, this.#tools);
    if (found) this.#rows.mark(found.tools);
    const changed = this.#history.text !== this.#live.text;
    this.#parts.changes.textContent = sentence(problem, found, changed);
    const publish = this.#parts.publish;
    publish.disabled = publish.type !== "submit" || !changed || problem?.offset !== undefined;
    if (this.#filtersChanged()) this.#filter();
  }

  /** Errors and warnings beside the JSON, and their marks at the lines. */
  #showProblems({ errors = [], warnings = [], local = false, failed = false, checking = false }) {
    const status = this.#parts.status;
    const words = checking ? "Checking…" : failed ? "Could not be checked now; it will be when you publish." : errors.length > 0 ? count(errors.length, "error") : warnings.length > 0 ? `Valid, ${count(warnings.length, "warning")}` : "Valid";
    if (status.textContent !== words) status.textContent = words;
    status.dataset.state = checking || failed ? "open" : errors.length > 0 ? "bad" : warnings.length > 0 ? "warned" : "good";
    if (checking) return;
    if (!local) this.#parts.publish.classList.toggle("has-errors", errors.length > 0);
    this.#editor.problems([...errors.map((e) => ({ ...e, bad: true })), ...warnings], this.#policy);
  }

  // === Filter ===

  #toggle(chip) {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    this.#filter();
  }

  /** Whether what is shown depends on what was changed. */
  #filtersChanged() {
    return this.#chips.find((chip) => chip.value === "changed").getAttribute("aria-pressed") === "true";
  }

  #clearFilter() {
    this.#parts.search.value = "";
    for (const chip of this.#chips) chip.setAttribute("aria-pressed", "false");
    this.#filter();
  }

  #filter() {
    const words = this.#parts.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = this.#chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.value);
    const shown = this.#rows.filter(words, new Set(chosen));
    const total = this.#tools.length;
    this.#parts.shown.textContent = shown === total ? count(total, "tool") : `${shown.toLocaleString("en")} of ${count(total, "tool")}`;
    this.#parts.none.hidden = shown > 0;
  }

  #toggleJson(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    this.toggleAttribute("data-no-json", !on);
  }

  #goTo(tool) {
    const { node } = stateOf(this.#policy, tool);
    if (this.hasAttribute("data-no-json")) this.#toggleJson(this.#parts.json);
    this.#editor.goTo(node?.start ?? 0, node?.end);
  }
}

function readOr(text, fallback) {
  try {
    return read(text || fallback);
  } catch {
    return read(fallback);
  }
}

function sentence(problem, found, changed) {
  if (problem?.offset !== undefined) return "The JSON cannot be read yet.";
  if (problem) return `The table cannot show this: ${problem.message}`;
  if (!changed) return "Nothing changed.";
  if (found.same) return "Only spaces and order changed.";
  const text = `${found.words.join(", ")}.`;
  return text[0].toUpperCase() + text.slice(1);
}

function count(n, noun) {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

function escape(name) {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

customElements.define("policy-builder", PolicyBuilder);
