// One value of a policy's text set or removed, by its place. Pure: no DOM.

import { itemsText, objectText, print, styleOf } from "./edit.js";
import { get } from "./json.js";

/** Lists that say nothing when they are empty. */
const LISTS = new Set(["require", "deny_if", "approve_if", "limits", "redact", "hide"]);

/** The node at a path of keys and indexes; `undefined` if there is none. */
export function at(root, path) {
  let node = root;
  for (const key of path) node = child(node, key);
  return node;
}

/** The path as a JSON Pointer. */
export function pointer(path) {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/**
 * Gives the text with one value changed; every other byte stays.
 * @param policy what `read` made of the text
 * @param path keys and indexes from the root; what is missing on the way is made
 * @param value any JSON, with `Raw` for what is to be written as it is; `undefined` removes, and
 *   with the last one of a list or part that says nothing when empty, that too
 */
export function patch(policy, path, value) {
  const style = styleOf(policy.text);
  const trail = [policy.root];
  for (const key of path) {
    const next = child(trail.at(-1), key);
    if (!next) break;
    trail.push(next);
  }
  const exists = trail.length > path.length;
  if (value === undefined) return exists ? remove(policy, path, trail, style) : policy.text;
  if (exists) return splice(policy.text, trail.at(-1), print(value, style));
  return add(policy, path, trail, value, style);
}

/** The longest value that stays on one line. */
const LONG = 90;

/**
 * The text with what has grown long on one line within a value laid out over several, if the
 * document is. Only blanks change.
 */
export function unfold(policy, path) {
  const node = at(policy.root, path);
  const style = styleOf(policy.text);
  if (!node || !style.many) return policy.text;
  return grown(policy.text, node).reduceRight((text, part) => {
    const start = text.lastIndexOf("\n", part.start) + 1;
    return splice(text, part, lines(text, part, style.step, /^[ \t]*/.exec(text.slice(start))[0]));
  }, policy.text);
}

/** The outermost values that are long and on one line. */
function grown(text, node) {
  const parts = node.members?.map((member) => member.value) ?? node.items ?? [];
  if (node.end - node.start <= LONG || parts.length === 0) return [];
  return text.slice(node.start, node.end).includes("\n") ? parts.flatMap((part) => grown(text, part)) : [node];
}

/** What fits stays on its line; the rest goes one a line. */
function lines(text, node, step, indent) {
  const whole = text.slice(node.start, node.end);
  const parts = node.members ?? node.items;
  if (!parts || parts.length === 0 || indent.length + whole.length <= LONG) return whole;
  const body = parts.map((part) => {
    const value = lines(text, node.members ? part.value : part, step, indent + step);
    return indent + step + (node.members ? text.slice(part.start, part.value.start) : "") + value;
  });
  const [open, close] = node.members ? "{}" : "[]";
  return `${open}\n${body.join(",\n")}\n${indent}${close}`;
}

function child(node, key) {
  return node?.type === "array" ? node.items[key] : get(node, key);
}

function splice(text, { start, end }, body) {
  return text.slice(0, start) + body + text.slice(end);
}

function add(policy, path, trail, value, style) {
  const depth = trail.length - 1;
  const parent = trail[depth];
  const made = path.slice(depth + 1).reduceRight((inner, key) => (typeof key === "number" ? [inner] : { [key]: inner }), value);
  const body = print(made, style);
  if (parent.type === "object") return splice(policy.text, parent, objectText(policy, parent, new Map([[path[depth], body]]), new Set(), style));
  if (parent.type === "array") return splice(policy.text, parent, itemsText(policy, parent, { add: [body] }, style));
  return policy.text;
}

function remove(policy, path, trail, style) {
  let depth = path.length;
  while (depth > 1 && size(trail[depth - 1]) === 1 && saysNothingEmpty(path.slice(0, depth - 1), trail[depth - 1])) depth -= 1;
  const parent = trail[depth - 1];
  const key = path[depth - 1];
  const body = parent.type === "array" ? itemsText(policy, parent, { without: key }, style) : objectText(policy, parent, new Map(), new Set([key]), style);
  return splice(policy.text, parent, body);
}

function size(node) {
  return (node.items ?? node.members ?? []).length;
}

/** Whether what stands at a path can go with the last thing in it. A rule cannot: `{}` allows. */
function saysNothingEmpty(path, node) {
  const last = path.at(-1);
  if (node.type === "array") return LISTS.has(last);
  if (path.length === 1) return last !== "tools";
  const inSection = path[0] === "prompts" || path[0] === "resources";
  if (inSection && path.length === 2) return last === "rules";
  return last === "response" && path.length === (inSection ? 4 : 3);
}
