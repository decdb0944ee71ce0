// One condition as fields: what is looked at, how, and with what it is compared. What these fields
// cannot say is shown as a chip that leads to the JSON.

import { h, select } from "./dom.js";
import { plain, Raw } from "./edit.js";
import { get } from "./json.js";
import { ATTRIBUTES, isNumber, operator, operatorKey, operatorsFor } from "./words.js";

const OTHER = "other";

/** A condition to begin with. */
export function firstCondition(fields) {
  return { path: fields[0]?.path ?? "grant.label", op: "exists", value: true };
}

/**
 * Draws a condition.
 * @param node of the condition
 * @param context `{fields, text, put, path, noun}`: fields of the tool, the document's text, what
 *   sets a value at a path, where this stands, what it is called
 */
export function condition(node, context) {
  const said = readCondition(node, context.text);
  if (!said) return chip(node, context);
  const known = [...context.fields, ...ATTRIBUTES].find((field) => field.path === said.path);
  const type = known?.type;
  return h(
    "div",
    { className: "condition", role: "group", "aria-label": context.noun },
    ...fieldPicker(said, known, context),
    operatorPicker(said, type, context),
    kindPicker(said, type, context),
    valueField(said, known, context),
    h("button", { type: "button", className: "mini mini-plain", data: { do: "put", at: JSON.stringify(context.path) }, "aria-label": `Remove ${context.noun}` }, "Remove"),
  );
}

/** What a condition says, if these fields can say it: values as JSON text. */
function readCondition(node, text) {
  const keys = node.members?.map((member) => member.key).sort().join();
  if (keys !== "op,path,value") return null;
  const [path, op, value] = ["path", "op", "value"].map((key) => get(node, key));
  if (path.type !== "string" || op.type !== "string") return null;
  const raw = text.slice(value.start, value.end);
  const found = operator(operatorKey(op.value, raw));
  if (!found || !fits(found.value, value)) return null;
  return { path: path.value, op: found, node: value, raw };
}

function fits(kind, value) {
  if (kind === "none") return true;
  if (kind === "text") return value.type === "string";
  if (kind === "number") return value.type === "number";
  if (kind === "list") return isPlainList(value);
  return value.type === "string" || value.type === "number" || value.value === true || value.value === false;
}

/** A list that can be written in one line with commas. */
function isPlainList(value) {
  if (value.type !== "array" || value.items.length === 0) return false;
  const type = value.items[0].type;
  if (value.items.some((item) => item.type !== type)) return false;
  if (type === "number") return true;
  return type === "string" && value.items.every((item) => item.value !== "" && item.value.trim() === item.value && !/[,\n]/.test(item.value));
}

function chip(node, { text, path, noun }) {
  const whole = text.slice(node.start, node.end).replace(/\s+/g, " ");
  return h(
    "div",
    { className: "condition" },
    h("button", { type: "button", className: "mini", title: whole, data: { do: "show", at: JSON.stringify(path) } }, describe(node, whole)),
    h("button", { type: "button", className: "mini mini-plain", data: { do: "put", at: JSON.stringify(path) }, "aria-label": `Remove ${noun}` }, "Remove"),
  );
}

function describe(node, whole) {
  for (const key of ["any", "all"]) {
    const items = get(node, key)?.items;
    if (items) return `${key} of ${items.length} condition${items.length === 1 ? "" : "s"}, in the JSON`;
  }
  return get(node, "not") ? "not …, in the JSON" : `${whole.slice(0, 40)}, in the JSON`;
}

// === The three fields ===

function fieldPicker(said, known, { fields, path, noun }) {
  const group = (label, list) => h("optgroup", { label }, ...list.map(({ path: name, type }) => h("option", { value: name, selected: name === said.path }, label === "Arguments" ? `${name.slice(5)}${type ? `, ${type}` : ""}` : name)));
  const key = `${path.join("/")}:field`;
  const pick = h("select", { className: "select small", "aria-label": `Field of ${noun}`, data: { key, set: "field", at: JSON.stringify(path) } });
  if (fields.length > 0) pick.append(group("Arguments", fields));
  pick.append(group("The call", ATTRIBUTES), h("option", { value: OTHER, selected: !known }, "another field"));
  // While it is typed, a path may be a known one on its way to another.
  if (known && document.activeElement?.dataset?.key !== `${path.join("/")}:path`) return [pick];
  return [pick, h("input", { type: "text", className: "input small code", value: said.path, spellcheck: false, "aria-label": `Path of ${noun}`, data: { key: `${path.join("/")}:path`, set: "path", at: JSON.stringify(path) } })];
}

function operatorPicker(said, type, { path, noun }) {
  const options = operatorsFor(type).map(({ key, words }) => [key, words]);
  const data = { key: `${path.join("/")}:op`, set: "op", at: JSON.stringify(path) };
  return select({ "aria-label": `Comparison of ${noun}`, data }, options, said.op.key, said.op.words);
}

/** What a value is, where the schema does not say. */
function kindPicker(said, type, { path, noun }) {
  const { value } = said.op;
  if (isSettled(type) || (value !== "any" && value !== "list")) return null;
  const options = [["string", "text"], ["number", "number"], ...(value === "any" ? [["literal", "true or false"]] : [])];
  const now = said.node.items?.[0] ?? said.node;
  return select({ "aria-label": `Type of ${noun}`, data: { key: `${path.join("/")}:kind`, set: "kind", at: JSON.stringify([...path, "value"]) } }, options, now.type);
}

function isSettled(type) {
  return type === "string" || type === "number" || type === "boolean";
}

function valueField(said, known, { path, noun }) {
  const { value } = said.op;
  if (value === "none") return null;
  const data = { key: `${path.join("/")}:value`, at: JSON.stringify([...path, "value"]) };
  const label = { "aria-label": `Value of ${noun}` };
  const options = known?.values ?? (said.node.value === true || said.node.value === false ? [true, false] : null);
  if (value === "any" && options) {
    data.set = "json";
    return select({ ...label, data }, options.map((option) => [JSON.stringify(option), String(option)]), said.raw);
  }
  if (value === "list") {
    const list = said.node.items.map((item) => (item.type === "string" ? item.value : said.raw.slice(item.start - said.node.start, item.end - said.node.start)));
    Object.assign(data, { set: "list", type: isSettled(known?.type) ? said.node.items[0].type : "", loose: "" });
    return h("input", { type: "text", className: "input small", value: list.join(", "), placeholder: "one, two", ...label, data });
  }
  const isNumeric = said.node.type === "number";
  if (value === "any" && known?.type !== "string" && !(isNumeric && isSettled(known?.type))) {
    data.set = "guess";
    return h("input", { type: "text", className: "input small", value: isNumeric ? said.raw : said.node.value, spellcheck: false, ...label, data });
  }
  if (isNumeric) {
    data.set = "number";
    return h("input", { type: "text", className: "input small", inputMode: "decimal", value: said.raw, ...label, data });
  }
  data.set = "text";
  return h("input", { type: "text", className: "input small", value: said.node.value, spellcheck: false, ...label, data });
}

// === What is typed ===

/**
 * The value that a control asks for, as `{path, value}`; null while what is typed is none.
 * @param control one with `data-set`
 * @param now the condition's node, for changes of its field or operator
 */
export function asked(control, now, fields) {
  const { set, at } = control.dataset;
  const path = JSON.parse(at);
  const text = control.value;
  switch (set) {
    case "text":
      return { path, value: text };
    case "number":
      return isNumber(text.trim()) ? { path, value: new Raw(text.trim()) } : null;
    case "json":
      return { path, value: new Raw(text) };
    case "guess":
      return { path, value: guessed(text, get(now, "value")) };
    case "kind":
      return { path, value: converted(get(now, "value"), text) };
    case "list":
      return list(path, text, control.dataset.type, get(now, "value"));
    case "path":
      return { path: [...path, "path"], value: text };
    case "field":
      return { path, value: withField(text === OTHER ? "args." : text, now, fields) };
    case "op":
      return { path, value: withOperator(operator(text), now, typeOf(get(now, "path")?.value, fields)) };
    default:
      return null;
  }
}

/** Plain numbers are numbers, unless what stands there is one that is meant as text. */
function guessed(text, now) {
  return isNumber(text) && !isDigits(now) ? new Raw(text) : text;
}

function isDigits(node) {
  return node?.type === "string" && isNumber(node.value);
}

/** A value of another kind, as far as it can be read as one. */
function converted(node, kind) {
  if (node.items) return node.items.map((item) => converted(item, kind));
  const text = node.raw ?? String(node.value);
  if (kind === "number") return isNumber(text) ? new Raw(text) : 0;
  return kind === "literal" ? text !== "false" : text;
}

/** @param type of the items; empty where it shows in what is typed */
function list(path, text, type, now) {
  const items = text.split(",").map((item) => item.trim()).filter(Boolean);
  const areNumbers = items.every(isNumber);
  if (items.length === 0 || (type === "number" && !areNumbers)) return null;
  const asNumbers = type === "" ? areNumbers && !now?.items?.every(isDigits) : type === "number";
  return { path, value: items.map((item) => (asNumbers ? new Raw(item) : item)) };
}

function typeOf(path, fields) {
  return [...fields, ...ATTRIBUTES].find((field) => field.path === path)?.type;
}

/** The condition on another field, compared in the same way if that field can be. */
function withField(path, now, fields) {
  const type = typeOf(path, fields);
  const key = operatorKey(get(now, "op")?.value, get(now, "value")?.value);
  const fit = operatorsFor(type);
  const { op, given, value: kind } = fit.find((one) => one.key === key) ?? fit[0];
  return { path, op, value: kind === "none" ? given : first(kind, type, path, fields) };
}

function withOperator({ op, given, value: kind }, now, type) {
  const path = get(now, "path").value;
  const value = get(now, "value");
  if (kind === "none") return { path, op, value: given };
  // Of what is given or missing the value says nothing about the field.
  const isOfField = value && get(now, "op")?.value !== "exists";
  const keeps = isOfField && fits(kind, value) && !(kind === "any" && type && value.type !== type && !(type === "boolean" && value.type === "literal"));
  if (keeps && value.type !== "array") return { path, op, value: plain(value) };
  if (kind === "list" && (value?.type === "string" || value?.type === "number") && value.value !== "") return { path, op, value: [plain(value)] };
  return { path, op, value: first(kind, type, path, []) };
}

/** A value to begin with. */
function first(kind, type, path, fields) {
  const values = [...fields, ...ATTRIBUTES].find((field) => field.path === path)?.values;
  const plain = values?.[0] ?? (type === "boolean" ? true : type === "number" ? 0 : "");
  if (kind === "number") return 0;
  if (kind === "text") return "";
  if (kind === "list") return [type === "number" ? 0 : values?.[0] ?? "value"];
  return plain;
}
