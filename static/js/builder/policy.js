// What a policy document says about each tool, in the words of the builder. Pure: no DOM.
// The gateway decides; this only draws what it will decide.

import { canonical, get, parse } from "./json.js";

/** The segments of a row, in their order on the page. */
export const SEGMENTS = ["allow", "limit", "approve", "deny", "hide"];

const WINDOW_WORDS = ["second", "minute", "hour", "day", "week", "month"];
const SECONDS_OF = new Map([[60, "minute"], [3600, "hour"], [86_400, "day"]]);
const LIMIT_KEYS = new Set(["counter", "window", "max", "scope", "on_deny"]);
const RULE_LISTS = ["require", "deny_if", "approve_if", "limits"];
const RULE_KEYS = new Set([...RULE_LISTS, "validate_arguments"]);

/** Reads a document; throws `JsonError` if the text is not JSON. */
export function read(text) {
  const root = parse(text);
  const tools = get(root, "tools");
  const hide = get(root, "hide");
  const patterns = (tools?.members ?? []).map((member) => ({ ...pattern(member.key), member }));
  const hidden = (hide?.items ?? []).filter((item) => item.type === "string").map((item) => ({ ...pattern(item.value), item }));
  return {
    text,
    root,
    tools,
    hide,
    exact: new Map(patterns.filter((p) => !p.glob).map((p) => [p.name, p])),
    globs: patterns.filter((p) => p.glob).sort(byWeight),
    hidden: new Map(hidden.filter((p) => !p.glob).map((p) => [p.name, p])),
    hiddenGlobs: hidden.filter((p) => p.glob),
    categories: get(root, "categories"),
    fallback: get(root, "default")?.value === "allow" ? "allow" : "deny",
    observes: get(root, "mode")?.value === "observe",
    drawable: drawable(root, tools, hide),
  };
}

/** Why the builder cannot edit this document, or an empty text if it can. */
function drawable(root, tools, hide) {
  if (root.type !== "object") return "A policy is an object: it begins with { and ends with }.";
  if (tools && tools.type !== "object") return "“tools” must be an object.";
  if (hide && hide.type !== "array") return "“hide” must be a list.";
  return "";
}

/**
 * What holds for one tool: the segment, where it comes from and what it says.
 * `source` is "tool" for the tool's own rule or hide entry, else "hide", "glob", "category", "default".
 */
export function stateOf(policy, tool) {
  const own = policy.hidden.get(tool.name);
  if (own) return { segment: "hide", source: "tool", node: own.item };
  const hides = policy.hiddenGlobs.find((p) => p.matches(tool.name));
  if (hides) return { segment: "hide", source: "hide", pattern: hides.text, node: hides.item };
  const exact = policy.exact.get(tool.name);
  if (exact) return { ...classify(exact.member.value), source: "tool", node: exact.member.value };
  const glob = policy.globs.find((p) => p.matches(tool.name));
  if (glob) return { ...classify(glob.member.value), source: "glob", pattern: glob.text, node: glob.member.value };
  const category = get(policy.categories, tool.category);
  if (category) return { ...classify(category), source: "category", pattern: tool.category, node: category };
  return { segment: policy.fallback, source: "default", node: get(policy.root, "default") };
}

/** The segment that a RULE amounts to; "custom" if a segment cannot say it. */
export function classify(rule) {
  if (rule.type !== "object") return { segment: "custom", words: "not an object" };
  const sugar = sugared(rule);
  if (sugar) return sugar;
  const lists = RULE_LISTS.filter((key) => (get(rule, key)?.items?.length ?? 0) > 0);
  const checks = get(rule, "validate_arguments")?.value === true;
  const custom = () => ({ segment: "custom", checks, words: describe(rule) });
  if (rule.members.some((member) => !RULE_KEYS.has(member.key))) return custom();
  if (RULE_LISTS.some((key) => get(rule, key) && get(rule, key).type !== "array")) return custom();
  if (lists.length === 0) return { segment: "allow", checks };
  const [only, ...more] = get(rule, lists[0]).items;
  if (lists.length > 1 || more.length > 0) return custom();
  if (lists[0] === "limits") return simpleLimit(only) ? { segment: "limit", checks, ...simpleLimit(only) } : custom();
  if (lists[0] === "approve_if" && always(only)) return { segment: "approve", checks };
  if (lists[0] === "deny_if" && always(only)) return { segment: "deny", checks };
  return custom();
}

/** The short spellings of rules: `action` and `rate_limit`. */
function sugared(rule) {
  const keys = new Set(rule.members.map((member) => member.key));
  const action = get(rule, "action")?.value;
  if (action && [...keys].every((key) => key === "action" || key === "reason")) {
    const segment = { allow: "allow", deny: "deny", hide: "hide", require_approval: "approve" }[action];
    return segment ? { segment } : null;
  }
  const rate = get(rule, "rate_limit");
  if (rate && keys.size === 1) {
    const max = get(rate, "max");
    const window = get(rate, "window");
    if (max?.type !== "number" || window?.type !== "number") return null;
    return { segment: "limit", max: max.raw, window: SECONDS_OF.get(window.value) ?? window.raw, maxNode: max };
  }
  return null;
}

/** `max` and `window`, both text, of a limit that two fields can show, else null. */
export function simpleLimit(limit) {
  if (limit?.type !== "object" || limit.members.some((member) => !LIMIT_KEYS.has(member.key))) return null;
  const max = get(limit, "max");
  const window = get(limit, "window");
  const scope = get(limit, "scope");
  if (max?.type !== "number" || (scope && scope.value !== "grant")) return null;
  const known = window?.type === "number" || WINDOW_WORDS.includes(window?.value);
  return known ? { max: max.raw, window: window.raw ?? window.value, maxNode: max, windowNode: window } : null;
}

/** A predicate without conditions, which always holds. */
function always(predicate) {
  const conditions = get(predicate, "conditions");
  const known = predicate.members?.every((member) => ["conditions", "on_deny"].includes(member.key));
  return Boolean(known) && conditions?.type === "array" && conditions.items.length === 0;
}

/** A custom rule in a few words: "1 requirement, 2 limits". */
function describe(rule) {
  const names = { require: "requirement", deny_if: "denial", approve_if: "approval", limits: "limit" };
  const parts = RULE_LISTS.map((key) => [get(rule, key)?.items?.length ?? 0, names[key]])
    .filter(([count]) => count > 0)
    .map(([count, noun]) => `${count} ${noun}${count === 1 ? "" : "s"}`);
  if (get(rule, "response")) parts.push("response rules");
  return parts.join(", ") || "not known to the builder";
}

/** A recommended rule, or "hide", as a state to compare with. */
export function stateOfRule(rule) {
  if (rule === "hide") return { segment: "hide" };
  const text = JSON.stringify(rule);
  const node = parse(text);
  return { ...classify(node), node, text };
}

/** Whether two states treat a tool alike. `text` is the document that the first one stands in. */
export function alike(state, text, other) {
  if (state.segment !== other.segment) return false;
  if (state.segment === "custom") return canonical(state.node, text) === canonical(other.node, other.text);
  // What is always denied is denied before its arguments matter.
  if (state.segment === "deny") return true;
  return state.max === other.max && state.window === other.window && (state.checks ?? false) === (other.checks ?? false);
}

/** The limit on all tools together: `{max, window}`, "custom", or null if there is none. */
export function allToolsLimit(policy) {
  const limits = get(get(policy.root, "all_tools"), "limits");
  if (!limits || limits.items?.length === 0) return null;
  const [only, ...more] = limits.items ?? [];
  return (more.length === 0 && simpleLimit(only)) || "custom";
}

// === Name patterns ===

/** A key of `tools` or an entry of `hide`: an exact name, or a glob with its test and weight. */
function pattern(text) {
  if (!/[*\\]/.test(text)) return { text, glob: false, name: text };
  // The literals between the stars.
  const parts = [""];
  for (let i = 0; i < text.length; i += 1) {
    const escaped = text[i] === "\\" && i + 1 < text.length;
    if (escaped) i += 1;
    if (text[i] === "*" && !escaped) parts.push("");
    else parts[parts.length - 1] += text[i];
  }
  const literals = parts.join("");
  if (parts.length === 1) return { text, glob: false, name: literals };
  return { text, glob: true, weight: [...literals].length, matches: (name) => fits(parts, name) };
}

/** Whether a name has these literals with anything between. Of several places the first leaves the most room. */
function fits(parts, name) {
  const last = parts.at(-1);
  if (!name.startsWith(parts[0])) return false;
  let at = parts[0].length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/** The most literal characters first; a tie goes to the one that sorts first. */
function byWeight(a, b) {
  return b.weight - a.weight || (a.text < b.text ? -1 : 1);
}

/** A tool's name as a key that matches it and nothing else. */
export function literal(name) {
  return name.replace(/[*\\]/g, "\\$&");
}
