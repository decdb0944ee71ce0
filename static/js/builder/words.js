// The language in the words of the builder: operators by the type of a field, attributes of a call,
// scopes and windows. Pure: no DOM.

/** What a condition can look at beside arguments. */
export const ATTRIBUTES = [
  { path: "tool.category", type: "string", values: ["read", "write", "execute", "destructive", "financial"] },
  { path: "tool.risk", type: "string", values: ["low", "medium", "high", "critical"] },
  { path: "grant.label", type: "string" },
  { path: "client.name", type: "string" },
  { path: "time.hour", type: "number" },
  { path: "time.weekday", type: "string", values: ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] },
];

/**
 * Operators in the order of the list. `value` is what the field beside it holds: "none", "text",
 * "number", "any" (of the field's own type) or "list". `exists` is two words, one for each value.
 */
const OPERATORS = [
  { op: "eq", words: "is", value: "any", types: ["string", "number", "boolean"] },
  { op: "neq", words: "is not", value: "any", types: ["string", "number", "boolean"] },
  { op: "in", words: "is one of", value: "list", types: ["string", "number"] },
  { op: "not_in", words: "is none of", value: "list", types: ["string", "number"] },
  { op: "gt", words: "is more than", value: "number", types: ["number"] },
  { op: "gte", words: "is at least", value: "number", types: ["number"] },
  { op: "lt", words: "is less than", value: "number", types: ["number"] },
  { op: "lte", words: "is at most", value: "number", types: ["number"] },
  { op: "contains", words: "contains", value: "any", types: ["string", "array"] },
  { op: "starts_with", words: "starts with", value: "text", types: ["string"] },
  { op: "ends_with", words: "ends with", value: "text", types: ["string"] },
  { op: "regex", words: "matches the pattern", value: "text", types: ["string"] },
  { op: "glob", words: "matches the glob", value: "text", types: ["string"] },
  { op: "cidr", words: "is in the network", value: "text", types: ["string"] },
  { op: "length_lte", words: "is no longer than", value: "number", types: ["string", "array"] },
  { op: "exists", words: "is given", value: "none", given: true, types: null },
  { op: "exists", words: "is missing", value: "none", given: false, types: null },
];

/** The operators that fit a type; all of them where it is not known. */
export function operatorsFor(type) {
  return OPERATORS.filter(({ types }) => !types || !type || types.includes(type)).map((operator) => ({ ...operator, key: keyOf(operator) }));
}

/** The operator of a condition by its key, whatever it fits. */
export function operator(key) {
  const found = OPERATORS.find((one) => keyOf(one) === key);
  return found && { ...found, key };
}

/** The key of a condition's operator. */
export function operatorKey(op, value) {
  return op === "exists" ? `exists:${value}` : op;
}

function keyOf({ op, given }) {
  return op === "exists" ? `exists:${given}` : op;
}

export const SCOPES = [["grant", "each grant"], ["session", "each session"], ["server", "the server"], ["organisation", "the organisation"]];
export const WINDOWS = ["second", "minute", "hour", "day", "week", "month"];
export const KINDS = [["secrets", "secrets"], ["emails", "e-mail addresses"], ["cards", "card numbers"], ["phones", "phone numbers"]];

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Whether a text is a number as JSON writes it. */
export function isNumber(text) {
  return NUMBER.test(text);
}
