// Changes to a policy's text that leave every byte alone which they do not mean: key order,
// unknown keys, spaces and rules that no segment can draw. Pure: no DOM.

import { get } from "./json.js";
import { allToolsLimit, classify, literal } from "./policy.js";

const WORD = /^[a-z]+$/;

/** JSON as it is to be written, such as a number with all its places. */
export class Raw {
  /** @param text the JSON */
  constructor(text) {
    this.text = text;
  }
}

/** What a node says, as JSON to be written again: numbers keep their digits. */
export function plain(node) {
  if (node.type === "object") return Object.fromEntries(node.members.map((member) => [member.key, plain(member.value)]));
  if (node.type === "array") return node.items.map(plain);
  return node.type === "number" ? new Raw(node.raw) : node.value;
}

/**
 * Gives the text after the changes.
 * @param policy what `read` made of the text
 * @param changes `rules`: tool name → `{segment, max, window}` (all text), `{rule}` (any JSON) or null (no own
 *   rule); `fallback`: "allow" or "deny"; `allTools`: `{max, window}` or null
 */
export function edit(policy, { rules = new Map(), fallback, allTools } = {}) {
  const style = styleOf(policy.text);
  const root = new Map();
  const gone = new Set();

  if (rules.size > 0) {
    const { set, remove, hide, unhide } = sort(policy, rules, style);
    if (set.size > 0 || remove.size > 0) put(root, policy, "tools", objectText(policy, policy.tools, set, remove, style));
    if (hide.length > 0 || unhide.size > 0) put(root, policy, "hide", listText(policy, policy.hide, hide, unhide, style));
  }
  if (fallback) root.set("default", JSON.stringify(fallback));
  if (allTools !== undefined) editAllTools(policy, allTools, root, gone, style);

  const { text } = policy;
  const body = objectText(policy, policy.root, root, gone, style);
  return text.slice(0, policy.root.start) + body + text.slice(policy.root.end);
}

function put(root, policy, key, text) {
  const now = get(policy.root, key);
  if (!now || text !== policy.text.slice(now.start, now.end)) root.set(key, text);
}

/** Splits the changed rules into what happens to `tools` and what happens to `hide`. */
function sort(policy, rules, style) {
  const set = new Map();
  const remove = new Set();
  const hide = [];
  const unhide = new Set();
  for (const [name, change] of rules) {
    const own = policy.exact.get(name);
    const isHidden = policy.hidden.has(name);
    const hides = change?.segment === "hide";
    if (isHidden && !hides) unhide.add(policy.hidden.get(name).text);
    if (!isHidden && hides) hide.push(literal(name));
    if (own && (hides || change === null)) remove.add(own.text);
    if (hides || change === null) continue;
    const value = ruleText(policy, name, own?.member.value, change, style);
    if (value !== null) set.set(own?.text ?? literal(name), value);
  }
  return { set, remove, hide, unhide };
}

/** The text of a rule after the change; null if it already says so. */
function ruleText(policy, name, node, change, style) {
  if (change.rule) return print(change.rule, style);
  const now = node ? classify(node) : null;
  if (now?.segment === change.segment) {
    if (change.segment !== "limit") return null;
    if (now.windowNode) return limitInPlace(policy.text, node, now, change);
  }
  return print(ruleFor(name, change, now?.checks), style);
}

/** The plain rule of a segment. `checks`: the arguments are checked, as they were. */
export function ruleFor(name, { segment, max = "30", window = "minute" }, checks = false) {
  const always = [{ conditions: [] }];
  const rule = {};
  if (segment === "deny") rule.deny_if = always;
  if (segment === "approve") rule.approve_if = always;
  if (segment === "limit") rule.limits = [limitFor(`${name}_rate`, max, window)];
  if (checks) rule.validate_arguments = true;
  return rule;
}

function limitFor(counter, max, window) {
  return { counter, window: WORD.test(window) ? window : new Raw(window), max: new Raw(max), scope: "grant" };
}

/** Only the two values of a limit change; its counter, text and key order stay. */
function limitInPlace(text, node, now, { max = now.max, window = now.window }) {
  const parts = [];
  if (max !== now.max) parts.push([now.maxNode, max]);
  if (window !== now.window) parts.push([now.windowNode, WORD.test(window) ? JSON.stringify(window) : window]);
  if (parts.length === 0) return null;
  parts.sort(([a], [b]) => b.start - a.start);
  let out = text.slice(node.start, node.end);
  for (const [at, value] of parts) out = out.slice(0, at.start - node.start) + value + out.slice(at.end - node.start);
  return out;
}

function editAllTools(policy, limit, root, gone, style) {
  const node = get(policy.root, "all_tools");
  const now = allToolsLimit(policy);
  if (now === "custom" || (node && node.type !== "object")) return;
  if (limit === null) {
    if (!now) return;
    const others = node.members.some((member) => member.key !== "limits");
    if (others) root.set("all_tools", objectText(policy, node, new Map(), new Set(["limits"]), style));
    else gone.add("all_tools");
    return;
  }
  if (now) {
    const changed = limitInPlace(policy.text, node, now, limit);
    if (changed !== null) root.set("all_tools", changed);
    return;
  }
  const value = print([limitFor("all_tools_rate", limit.max, limit.window)], style);
  root.set("all_tools", node ? objectText(policy, node, new Map([["limits", value]]), new Set(["limits"]), style) : print({ limits: [limitFor("all_tools_rate", limit.max, limit.window)] }, style));
}

// === Text of objects and lists ===

/** How the document is written: one line or many, and the step of its indent. */
export function styleOf(text) {
  const many = text.includes("\n");
  return { many, spaced: many || /[:,] /.test(text), step: /\n([ \t]+)\S/.exec(text)?.[1] ?? "  " };
}

/** An object's text with members replaced, removed and, at its end, added. */
export function objectText(policy, node, set, remove, style) {
  const members = node?.members ?? [];
  const parts = members.map((member) => ({ key: member.key, start: member.start, end: member.value.end, valueStart: member.value.start }));
  const known = new Set();
  const last = new Map(members.map((member, index) => [member.key, index]));
  const replace = (part, index) => {
    known.add(part.key);
    if (!set.has(part.key)) return remove.has(part.key) ? null : policy.text.slice(part.start, part.end);
    // A doubled key keeps its first copies: the validator tells the person about them.
    if (last.get(part.key) !== index) return policy.text.slice(part.start, part.end);
    return policy.text.slice(part.start, part.valueStart) + set.get(part.key);
  };
  const colon = style.spaced ? ": " : ":";
  return sequence(policy, node, parts, replace, () => [...set].filter(([key]) => !known.has(key)).map(([key, value]) => JSON.stringify(key) + colon + value), style, "{}");
}

/** A list with elements added at the end, and one of those that were there left out. */
export function itemsText(policy, node, { add = [], without = -1 }, style) {
  const parts = node.items.map((item) => ({ start: item.start, end: item.end }));
  const keep = (part, index) => (index === without ? null : policy.text.slice(part.start, part.end));
  return sequence(policy, node, parts, keep, () => add, style, "[]");
}

/** A list of strings with some added at the end and some taken out. */
function listText(policy, node, add, remove, style) {
  const parts = (node?.items ?? []).map((item) => ({ start: item.start, end: item.end, value: item.value }));
  const keep = (part) => (remove.has(part.value) ? null : policy.text.slice(part.start, part.end));
  return sequence(policy, node, parts, keep, () => add.map((name) => JSON.stringify(name)), style, "[]");
}

/** Joins what stays, with the spaces it had, and what is new, with the spaces its neighbours have. */
function sequence(policy, node, parts, keep, added, style, [open, close]) {
  const { text } = policy;
  const kept = [];
  let from = node ? node.start + 1 : 0;
  parts.forEach((part, index) => {
    const next = parts[index + 1];
    const comma = next ? text.indexOf(",", part.end) : part.end;
    const body = keep(part, index);
    // Whatever comes first takes the first one's blank: no stray space after the bracket.
    const lead = kept.length === 0 ? text.slice(node.start + 1, parts[0].start) : text.slice(from, part.start);
    if (body !== null) kept.push(lead + body + text.slice(part.end, comma));
    from = comma + 1;
  });
  const fresh = added();
  if (kept.length === 0 && fresh.length === 0) return open + close;
  const space = spacing(text, node, parts, style, open === "{");
  const tail = parts.length > 0 ? text.slice(parts.at(-1).end, node.end - 1) : space.after;
  return open + [...kept, ...fresh.map((body) => space.before + body)].join(",") + tail + close;
}

/** The blank before a new element, and the one before the closing bracket. */
function spacing(text, node, parts, style, isObject) {
  if (parts.length > 0) {
    const first = text.slice(node.start + 1, parts[0].start);
    const lastLine = text.slice(text.lastIndexOf(",", parts.at(-1).start) + 1, parts.at(-1).start);
    const before = parts.length > 1 && /^\s*$/.test(lastLine) ? lastLine : first;
    return { before: before.includes("\n") ? before.slice(before.lastIndexOf("\n")) : style.spaced ? " " : "", after: "" };
  }
  if (!style.many || !isObject) return { before: "", after: "" };
  const lineStart = node ? text.lastIndexOf("\n", node.start) + 1 : 0;
  const base = node ? /^[ \t]*/.exec(text.slice(lineStart))[0] : style.step;
  return { before: `\n${base}${style.step}`, after: `\n${base}` };
}

/** A value on one line, spaced like the document. */
export function print(value, style) {
  if (value instanceof Raw) return value.text;
  const [comma, colon] = style.spaced ? [", ", ": "] : [",", ":"];
  if (Array.isArray(value)) return `[${value.map((item) => print(item, style)).join(comma)}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}${colon}${print(item, style)}`);
  if (members.length === 0) return "{}";
  return style.spaced ? `{ ${members.join(comma)} }` : `{${members.join(comma)}}`;
}
