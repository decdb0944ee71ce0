// A JSON reader that remembers where everything stands, so that the text can be edited in place
// without touching what was not meant. Pure: no DOM.

/**
 * @typedef {{ type: "object", start: number, end: number, members: Member[] }
 *   | { type: "array", start: number, end: number, items: Node[] }
 *   | { type: "number", start: number, end: number, value: number, raw: string }
 *   | { type: "string" | "literal", start: number, end: number, value: unknown }} Node `raw` has all
 *   the digits that `value` may not hold
 * @typedef {{ key: string, start: number, value: Node }} Member
 */

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERAL = /true|false|null/y;
const DEPTH = 64;

/** Where and why a text is not JSON. */
export class JsonError extends Error {
  constructor(message, offset) {
    super(message);
    this.offset = offset;
  }
}

/** Reads a whole text into a tree of nodes with offsets; throws `JsonError`. */
export function parse(text) {
  let at = 0;

  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found) return null;
    at = pattern.lastIndex;
    return found[0];
  };
  const skip = () => take(SPACE);
  const fail = (message) => {
    throw new JsonError(message, at);
  };
  const found = () => (at < text.length ? `“${String.fromCodePoint(text.codePointAt(at))}”` : "the end");

  function value(depth) {
    if (depth > DEPTH) fail("This is nested too deeply");
    const start = at;
    const first = text[at];
    if (first === "{") return object(start, depth);
    if (first === "[") return array(start, depth);
    if (first === '"') return { type: "string", value: string("a value"), start, end: at };
    const literal = take(LITERAL);
    if (literal) return { type: "literal", value: JSON.parse(literal), start, end: at };
    const number = take(NUMBER);
    if (number) return { type: "number", value: Number(number), raw: number, start, end: at };
    return fail(`Expected a value, found ${found()}`);
  }

  function string(what) {
    const raw = take(STRING);
    if (raw === null) fail(text[at] === '"' ? "This string is not closed, or has a bad escape" : `Expected ${what} in double quotes, found ${found()}`);
    return JSON.parse(raw);
  }

  function object(start, depth) {
    const members = [];
    at += 1;
    skip();
    if (text[at] === "}") {
      at += 1;
      return { type: "object", members, start, end: at };
    }
    for (;;) {
      const keyStart = at;
      const key = string("a name");
      skip();
      if (text[at] !== ":") fail(`Expected “:” after ${JSON.stringify(key)}, found ${found()}`);
      at += 1;
      skip();
      members.push({ key, start: keyStart, value: value(depth + 1) });
      skip();
      if (text[at] === "}") break;
      if (text[at] !== ",") fail(`Expected “,” or “}”, found ${found()}`);
      at += 1;
      skip();
    }
    at += 1;
    return { type: "object", members, start, end: at };
  }

  function array(start, depth) {
    const items = [];
    at += 1;
    skip();
    if (text[at] === "]") {
      at += 1;
      return { type: "array", items, start, end: at };
    }
    for (;;) {
      items.push(value(depth + 1));
      skip();
      if (text[at] === "]") break;
      if (text[at] !== ",") fail(`Expected “,” or “]”, found ${found()}`);
      at += 1;
      skip();
    }
    at += 1;
    return { type: "array", items, start, end: at };
  }

  skip();
  const root = value(0);
  skip();
  if (at < text.length) fail(`Nothing may follow the document, found ${found()}`);
  return root;
}

/** The value under a key, the last one if it is doubled; `undefined` if there is none. */
export function get(node, key) {
  if (node?.type !== "object") return undefined;
  return node.members.findLast((member) => member.key === key)?.value;
}

/** The node that a JSON Pointer names, or the nearest one above it. */
export function locate(root, pointer) {
  let node = root;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const next = node.type === "array" ? node.items[Number(key)] : get(node, key);
    if (!next) break;
    node = next;
  }
  return node;
}

/** The same text for the same meaning: sorted keys, no spaces, numbers as written. */
export function canonical(node, text) {
  if (node === undefined) return "";
  if (node.type === "object") {
    const members = node.members.map((m) => `${JSON.stringify(m.key)}:${canonical(m.value, text)}`);
    return `{${members.sort().join(",")}}`;
  }
  if (node.type === "array") return `[${node.items.map((item) => canonical(item, text)).join(",")}]`;
  return node.type === "string" ? JSON.stringify(node.value) : text.slice(node.start, node.end);
}

/** Line and column, both from 1, of an offset. */
export function position(text, offset) {
  let line = 1;
  let start = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) {
    line += 1;
    start = at + 1;
  }
  return { line, column: offset - start + 1 };
}

/** The offset of a line and column, both from 1. */
export function offsetOf(text, line, column = 1) {
  let start = 0;
  for (let n = 1; n < line; n += 1) {
    const next = text.indexOf("\n", start);
    if (next < 0) break;
    start = next + 1;
  }
  return Math.min(start + column - 1, text.length);
}
