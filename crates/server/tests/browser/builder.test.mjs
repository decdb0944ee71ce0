// The policy builder's model: what it reads from a document and how little it writes.
// Run: cargo xtask test browser, or node --test builder.test.mjs here.

import assert from "node:assert/strict";
import { test } from "node:test";

import { compare } from "../../../../static/js/builder/changes.js";
import { asked } from "../../../../static/js/builder/conditions.js";
import { Draft } from "../../../../static/js/builder/draft.js";
import { edit, Raw } from "../../../../static/js/builder/edit.js";
import { History } from "../../../../static/js/builder/history.js";
import { JsonError, locate, offsetOf, parse, position } from "../../../../static/js/builder/json.js";
import { patch, unfold } from "../../../../static/js/builder/patch.js";
import { alike, allToolsLimit, read, stateOf, stateOfRule } from "../../../../static/js/builder/policy.js";
import { unfolded } from "../../../../static/js/builder/rule-editor.js";

const published = `{"version":"1","default":"deny","tools":{"run_workflow":{"limits":[
  {"counter":"run_workflow_rate","window":"minute","max":10,"scope":"grant"}]}}}`;

const fuller = `{
  "version": "1",
  "default": "deny",
  "hide": ["delete_account", "admin_*"],
  "all_tools": { "limits": [{ "counter": "calls-per-minute", "window": "minute", "max": 60, "scope": "grant" }] },
  "categories": { "read": {}, "destructive": { "action": "deny", "reason": "Never." } },
  "x-unknown": { "kept":   true },
  "tools": {
    "list_customers": {},
    "create_charge": {
      "require": [{ "conditions": [{ "path": "args.reason", "op": "exists", "value": true }], "on_deny": "Give a reason." }],
      "limits": [{ "counter": "create_charge_rate", "window": "minute", "max": 30, "scope": "grant" }]
    },
    "send_*": { "approve_if": [{ "conditions": [] }] },
    "send_mail": {"limits":[{"max":5,"counter":"mail","window":"hour","on_deny":"Slow down."}]}
  }
}
`;

const state = (text, name, category = "write") => stateOf(read(text), { name, category });
const change = (text, ...rules) => edit(read(text), { rules: new Map(rules) });

test("each plain form of a rule is a segment", () => {
  assert.equal(state(published, "run_workflow").segment, "limit");
  assert.equal(state(published, "run_workflow").max, "10");
  assert.equal(state(fuller, "list_customers").segment, "allow");
  assert.equal(state(fuller, "create_charge").segment, "custom");
  assert.equal(state(fuller, "create_charge").words, "1 requirement, 1 limit");
  assert.equal(state(fuller, "delete_account").segment, "hide");
  assert.deepEqual([state(fuller, "send_mail").max, state(fuller, "send_mail").window], ["5", "hour"]);
});

test("the sugared forms are segments too", () => {
  const text = `{"tools":{"a":{"action":"allow"},"b":{"action":"deny","reason":"No."},"c":{"action":"hide"},
    "d":{"action":"require_approval"},"e":{"rate_limit":{"max":10,"window":60}},"f":{"action":"explode"}}}`;
  const segments = ["a", "b", "c", "d", "e", "f"].map((name) => state(text, name).segment);
  assert.deepEqual(segments, ["allow", "deny", "hide", "approve", "limit", "custom"]);
  assert.equal(state(text, "e").window, "minute");
});

test("a tool without a rule of its own shows where its treatment comes from", () => {
  const source = (name, category) => [state(fuller, name, category).segment, state(fuller, name, category).source];
  assert.deepEqual(source("admin_reset"), ["hide", "hide"]);
  assert.deepEqual(source("send_sms"), ["approve", "glob"]);
  assert.deepEqual(source("get_x", "read"), ["allow", "category"]);
  assert.deepEqual(source("drop_x", "destructive"), ["deny", "category"]);
  assert.deepEqual(source("other"), ["deny", "default"]);
});

test("the glob with the most literal characters wins, a tie goes to the first in order", () => {
  const text = `{"default":"deny","tools":{"a*":{"action":"deny"},"abc*":{},"ab*":{"approve_if":[{"conditions":[]}]},"*z":{"action":"deny"}}}`;
  assert.equal(state(text, "abcd").pattern, "abc*");
  assert.equal(state(text, "az").pattern, "*z");
  const escaped = `{"default":"deny","tools":{"a\\\\*b":{}}}`;
  assert.equal(state(escaped, "a*b").segment, "allow");
  assert.equal(state(escaped, "axb").segment, "deny");
});

test("setting one segment changes only that rule", () => {
  const after = change(fuller, ["list_customers", { segment: "deny" }]);
  assert.equal(after, fuller.replace('"list_customers": {}', '"list_customers": { "deny_if": [{ "conditions": [] }] }'));
});

test("a limit is changed in place: key order, counter and text stay", () => {
  const after = change(fuller, ["send_mail", { segment: "limit", max: "7", window: "day" }]);
  assert.equal(after, fuller.replace('"max":5,"counter":"mail","window":"hour"', '"max":7,"counter":"mail","window":"day"'));
  assert.equal(change(fuller, ["send_mail", { segment: "limit", max: "5", window: "hour" }]), fuller);
});

test("a rule that is new stands at the end, indented like its neighbours", () => {
  const after = change(fuller, ["new_tool", { segment: "limit", max: "3", window: "minute" }]);
  assert.match(after, /\n {4}"new_tool": \{ "limits": \[\{ "counter": "new_tool_rate", "window": "minute", "max": 3, "scope": "grant" \}\] \}\n {2}\}\n\}\n$/);
  assert.ok(after.includes('"x-unknown": { "kept":   true }'));
});

test("a minified document stays minified", () => {
  assert.equal(change('{"default":"deny"}', ["a", { segment: "allow" }]), '{"default":"deny","tools":{"a":{}}}');
  assert.equal(change('{"default":"deny","tools":{"a":{}}}', ["a", { segment: "hide" }]), '{"default":"deny","tools":{},"hide":["a"]}');
});

test("hiding moves the name into hide, and another segment moves it out", () => {
  const hidden = change(fuller, ["list_customers", { segment: "hide" }]);
  assert.ok(hidden.includes('"hide": ["delete_account", "admin_*", "list_customers"]'));
  assert.ok(!hidden.includes('"list_customers": {}'));
  const shown = change(fuller, ["delete_account", { segment: "allow" }]);
  assert.ok(shown.includes('"hide": ["admin_*"]'));
  assert.equal(state(shown, "delete_account").segment, "allow");
});

test("removing a tool's own rule lets the rest of the policy decide", () => {
  const first = change(fuller, ["list_customers", null]);
  const last = change(fuller, ["send_mail", null]);
  assert.equal(state(first, "list_customers").source, "default");
  assert.equal(state(last, "send_mail").pattern, "send_*");
  JSON.parse(first);
  JSON.parse(last);
});

test("many changes at once give the same as one after another", () => {
  const rules = [["list_customers", { segment: "hide" }], ["send_mail", null], ["a", { segment: "allow" }], ["b", { segment: "approve" }], ["delete_account", { segment: "deny" }]];
  const atOnce = change(fuller, ...rules);
  const byOne = rules.reduce((text, rule) => change(text, rule), fuller);
  assert.deepEqual(JSON.parse(atOnce), JSON.parse(byOne));
  assert.deepEqual(Object.keys(JSON.parse(atOnce)), Object.keys(JSON.parse(fuller)));
});

test("an edit and its opposite leave the meaning as it was, on every segment", () => {
  for (const segment of ["allow", "limit", "approve", "deny", "hide"]) {
    const after = change(fuller, ["other", { segment, max: "2", window: "hour" }]);
    JSON.parse(after);
    assert.equal(state(after, "other").segment, segment);
    assert.equal(state(after, "other").source, "tool");
    assert.deepEqual(JSON.parse(change(after, ["other", null])), JSON.parse(fuller));
  }
});

test("argument checks survive a change between allow, limit and approve", () => {
  const text = '{"tools":{"a":{"validate_arguments":true,"limits":[{"counter":"c","window":"minute","max":1}]}}}';
  const after = change(text, ["a", { segment: "approve" }]);
  assert.deepEqual(JSON.parse(after).tools.a, { approve_if: [{ conditions: [] }], validate_arguments: true });
});

test("argument checks survive denying too, and what is custom", () => {
  const text = '{"tools":{"a":{"validate_arguments":true},"b":{"validate_arguments":true,"limits":[{"counter":"c","window":"day","max":1,"scope":"server"}]}}}';
  const after = JSON.parse(change(text, ["a", { segment: "deny" }], ["b", { segment: "approve" }])).tools;
  assert.deepEqual(after.a, { deny_if: [{ conditions: [] }], validate_arguments: true });
  assert.deepEqual(after.b, { approve_if: [{ conditions: [] }], validate_arguments: true });
  const denied = stateOfRule({ deny_if: [{ conditions: [] }] });
  assert.ok(alike(state(change(text, ["a", { segment: "deny" }]), "a"), text, denied), "denied before its arguments matter");
});

test("numbers keep their digits, whatever is changed around them", () => {
  const text = `{
  "tools": {
    "a": { "deny_if": [{ "conditions": [{ "path": "args.id", "op": "gt", "value": 12345678901234567890 }] }] },
    "b": { "limits": [{ "counter": "c", "window": "minute", "max": 12345678901234567890 }] },
    "c": { "rate_limit": { "max": 12345678901234567890, "window": 60 }, "deny_if": [{ "conditions": [{ "path": "args.n", "op": "eq", "value": 1.50 }] }] }
  }
}`;
  const policy = read(text);
  const control = (set, value, at) => ({ value, dataset: { set, at: JSON.stringify(at) } });
  const path = ["tools", "a", "deny_if", 0, "conditions", 0];
  const now = locate(policy.root, "/tools/a/deny_if/0/conditions/0");
  const moved = asked(control("op", "gte", path), now, []);
  assert.match(patch(policy, moved.path, moved.value), /"op": "gte", "value": 12345678901234567890 /);
  const listed = asked(control("op", "in", path), now, []);
  assert.match(patch(policy, listed.path, listed.value), /"value": \[12345678901234567890\]/);

  const { max, window } = state(text, "b");
  assert.deepEqual([max, window], ["12345678901234567890", "minute"]);
  const hourly = change(text, ["b", { segment: "limit", max, window: "hour" }]);
  assert.equal(hourly, text.replace('"window": "minute"', '"window": "hour"'));

  const full = unfolded(locate(policy.root, "/tools/c"), "c");
  const written = patch(policy, ["tools", "c"], full);
  assert.ok(written.includes('"max": 12345678901234567890, "scope": "grant"') && written.includes('"value": 1.50'), written);
  assert.equal(JSON.parse(written).tools.c.limits[0].window, "minute");
});

test("where no schema says what a field is, plain numbers are numbers, and the type can be said", () => {
  const typed = (value, text, type) => {
    const condition = read(`{"path":"args.x","op":"eq","value":${value}}`).root;
    const { value: given } = asked({ value: text, dataset: { set: type ?? "guess", type: "", at: '["c","value"]' } }, condition, []);
    return given instanceof Raw ? `raw ${given.text}` : given;
  };
  assert.equal(typed('""', "5"), "raw 5");
  assert.equal(typed("5", "5a"), "5a");
  assert.equal(typed('"5a"', "12345678901234567890"), "raw 12345678901234567890");
  assert.equal(typed('"5"', "55"), "55", "said to be text");
  assert.equal(typed("5", "string", "kind"), "5");
  assert.equal(typed('"5"', "number", "kind"), "raw 5");
  assert.equal(typed('"x"', "number", "kind"), 0);
  assert.equal(typed('"false"', "literal", "kind"), false);
  assert.deepEqual(typed('["x"]', "1, 2", "list").map((one) => one.text), ["1", "2"]);
  assert.deepEqual(typed('["1"]', "1, 2", "list"), ["1", "2"]);
});

test("a glob of many stars is judged at once", () => {
  const text = JSON.stringify({ default: "deny", hide: [`${"a*".repeat(12)}b`], tools: { "x*yz*z": {}, "é*": {}, "😀*": { action: "deny" } } });
  // A reading that goes back and tries again would not come to an end.
  assert.equal(state(text, "a".repeat(200)).source, "default");
  assert.equal(state(text, `${"a".repeat(200)}b`).segment, "hide");
  assert.deepEqual(["xyzz", "xyz", "xyzyzz", "yzz"].map((name) => state(text, name).segment), ["allow", "deny", "allow", "deny"]);
  const tie = JSON.stringify({ default: "deny", tools: { "😀*": { action: "deny" }, "*b": {} } });
  assert.equal(state(tie, "😀b").pattern, "*b", "one character is one, however many units it takes");
});

test("names with a star, quotes or __proto__ are names, not patterns or traps", () => {
  for (const name of ["a*b", 'say "hi"', "__proto__", "a\\b", "naïve\u202e"]) {
    const after = change('{"default":"deny","tools":{}}', [name, { segment: "allow" }]);
    assert.deepEqual([state(after, name).segment, state(after, name).source], ["allow", "tool"], name);
    assert.equal(state(after, `${name}x`).segment, "deny");
  }
});

test("the default and the limit on all tools are changed, added and removed", () => {
  const open = edit(read(fuller), { fallback: "allow" });
  assert.equal(open, fuller.replace('"default": "deny"', '"default": "allow"'));
  assert.equal(edit(read(fuller), { allTools: { max: "5", window: "minute" } }), fuller.replace('"max": 60', '"max": 5'));
  assert.equal(JSON.parse(edit(read(fuller), { allTools: null })).all_tools, undefined);
  const added = edit(read(published), { allTools: { max: "9", window: "hour" } });
  assert.equal(allToolsLimit(read(added)).max, "9");
});

test("a document that is not JSON says where", () => {
  const where = (text) => {
    try {
      parse(text);
    } catch (error) {
      assert.ok(error instanceof JsonError);
      return position(text, error.offset);
    }
    throw new Error("it was read");
  };
  assert.deepEqual(where('{\n  "a": 1,\n}'), { line: 3, column: 1 });
  assert.deepEqual(where('{"a" 1}'), { line: 1, column: 6 });
  assert.deepEqual(where("[01]"), { line: 1, column: 3 });
  assert.deepEqual(where(""), { line: 1, column: 1 });
  assert.throws(() => parse("[".repeat(100_000)), JsonError);
});

test("a pointer leads to its place, or to the nearest above it", () => {
  const { root } = read(fuller);
  const node = locate(root, "/tools/create_charge/limits/0/max");
  assert.equal(fuller.slice(node.start, node.end), "30");
  assert.equal(locate(root, "/tools/nowhere/limits"), locate(root, "/tools"));
  assert.equal(offsetOf("ab\ncd", 2, 2), 4);
});

test("what changes is said in words", () => {
  const live = read(fuller);
  const tools = [{ name: "list_customers", category: "read" }, { name: "send_mail", category: "write" }, { name: "other", category: "write" }];
  const draft = read(change(fuller, ["list_customers", { segment: "deny" }], ["send_mail", { segment: "limit", max: "1", window: "hour" }]));
  assert.deepEqual(compare(live, draft, tools).words, ["1 tool newly denied", "1 limit lower"]);
  assert.deepEqual(compare(live, live, tools), { tools: new Set(), words: [], same: true });
  const spaced = read(JSON.stringify(JSON.parse(fuller)));
  assert.equal(compare(live, spaced, tools).same, true);
});

test("a recommendation is recognised when the policy says it already", () => {
  const recommended = stateOfRule({ limits: [{ counter: "any", window: "minute", max: 10, scope: "grant" }] });
  assert.ok(alike(state(published, "run_workflow"), published, recommended));
  assert.ok(!alike(state(published, "run_workflow"), published, stateOfRule({})));
  assert.ok(alike(state(fuller, "delete_account"), fuller, stateOfRule("hide")));
});

test("undo and redo walk the text, and typing is one step", () => {
  const history = new History("abc");
  history.push("abcd", "typing", 0);
  history.push("abcde", "typing", 500);
  history.push("abXde", "segment", 600);
  assert.equal(history.undo(), "abcde");
  assert.equal(history.undo(), "abc");
  assert.equal(history.canUndo, false);
  assert.equal(history.redo(), "abcde");
  assert.equal(history.redo(), "abXde");
  history.undo();
  history.push("new", "");
  assert.equal(history.canRedo, false);
});

test("1 084 tools are edited and compared well within a frame or two", () => {
  const tools = Array.from({ length: 1084 }, (_, n) => ({ name: `service_with_a_long_name_${n}`, category: "write" }));
  const all = new Map(tools.map((tool) => [tool.name, { segment: "limit", max: "30", window: "minute" }]));
  const start = performance.now();
  const text = edit(read('{\n  "version": "1",\n  "default": "deny"\n}'), { rules: all });
  const one = edit(read(text), { rules: new Map([[tools[500].name, { segment: "deny" }]]) });
  const found = compare(read(text), read(one), tools);
  assert.deepEqual(found.words, ["1 tool newly denied"]);
  assert.equal(Object.keys(JSON.parse(one).tools).length, 1084);
  assert.ok(performance.now() - start < 1000, "a quadratic model would take seconds");
});

test("one value is set, made or removed by its place, and every other byte stays", () => {
  const set = (text, path, value) => patch(read(text), path, value);
  const rule = ["tools", "create_charge"];
  const text = set(fuller, [...rule, "limits", 0, "max"], new Raw("30.50"));
  assert.equal(text, fuller.replace('"max": 30,', '"max": 30.50,'));
  const longer = set(fuller, [...rule, "require", 0, "conditions", 1], { path: "args.a", op: "eq", value: 1 });
  assert.equal(longer, fuller.replace('"value": true }]', '"value": true }, { "path": "args.a", "op": "eq", "value": 1 }]'));
  assert.equal(set(longer, [...rule, "require", 0, "conditions", 1]), fuller);
  const made = set(fuller, ["prompts", "rules", "greet", "deny_if", 0], { conditions: [] });
  assert.deepEqual(JSON.parse(made).prompts, { rules: { greet: { deny_if: [{ conditions: [] }] } } });
  assert.deepEqual(JSON.parse(set(made, ["prompts", "rules", "greet", "deny_if", 0])).prompts, { rules: { greet: {} } }, "an empty rule allows, so it stays");
  assert.equal(JSON.parse(set(made, ["prompts", "rules", "greet"])).prompts, undefined);
  assert.equal(set('{"tools":{"response":{"response":{"max_bytes":1}}}}', ["tools", "response", "response", "max_bytes"]), '{"tools":{"response":{}}}');
  assert.equal(set(published, ["tools", "gone", "limits", 0]), published, "what is not there stays away");
  assert.equal(set('{"a":1}', ["b", "c"], [1, { d: "x" }]), '{"a":1,"b":{"c":[1,{"d":"x"}]}}', "a minified document stays minified");
});

test("a rule that has grown long is laid out over several lines, its numbers as they were", () => {
  const conditions = Array.from({ length: 3 }, (_, n) => ({ path: `args.value_${n}`, op: "gt", value: new Raw(`${n}.50`) }));
  const grown = patch(read(fuller), ["tools", "list_customers", "deny_if", 0], { conditions, on_deny: "Too much." });
  const laid = unfold(read(grown), ["tools", "list_customers"]);
  assert.deepEqual(JSON.parse(laid), JSON.parse(grown));
  assert.match(laid, /\n {10,12}\{ "path": "args\.value_1", "op": "gt", "value": 1\.50 \}/);
  assert.equal(unfold(read(laid), ["tools", "list_customers"]), laid);
  assert.equal(unfold(read(published), ["tools", "run_workflow"]), published, "over two lines already");
  assert.equal(unfold(read(fuller), ["tools", "send_mail"]), fuller, "short enough");
});

/** A browser that keeps drafts. */
function browser() {
  const kept = new Map();
  globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
  const leaving = [];
  globalThis.addEventListener = (_, listener) => leaving.push(listener);
  return {
    kept,
    open: (live, version) => new Draft("pol_1", live, version),
    leave: () => leaving.splice(0).forEach((listener) => listener()),
  };
}

test("a draft that was published is no draft any more, though the server writes it otherwise", () => {
  const { kept, open, leave } = browser();
  const written = '{"default":"deny","tools":{"a":{"action":"deny"}}}';
  open('{"default":"deny"}', 1).send(written);
  leave();
  const stored = '{"default":"deny","tools":{"a":{"deny_if":[{"conditions":[]}]}}}';
  const after = open(stored, 2);
  after.published(2);
  assert.equal(after.find(stored), null);
  assert.equal(kept.size, 0);
  // One that is the same but for spaces and order goes without being told.
  open(stored, 2).keep('{ "tools": {"a": {"deny_if": [{"conditions": []}]}}, "default": "deny" }');
  leave();
  assert.equal(open(stored, 2).find(stored), null);
  assert.equal(kept.size, 0);
});

test("a draft is published over the version that it was made from", () => {
  const { open, leave } = browser();
  const mine = '{"default":"deny","tools":{"mine":{}}}';
  open('{"default":"deny"}', 2).keep(mine);
  leave();
  const theirs = '{"default":"deny","tools":{"theirs":{}}}';
  const draft = open(theirs, 3);
  draft.published(3);
  assert.equal(draft.find(theirs), mine, "it was not sent: theirs is in force");
  assert.deepEqual([draft.version, draft.isOutdated], [2, true]);
  // Going on with it keeps it what it is.
  draft.keep(`${mine} `);
  leave();
  const again = open(theirs, 3);
  assert.equal(again.find(theirs), `${mine} `);
  assert.equal(again.version, 2);
  again.discard();
  assert.deepEqual([again.version, again.isOutdated], [3, false]);
  assert.equal(open(theirs, 3).find(theirs), null);
});

test("what was refused is still a draft", () => {
  const { open, leave } = browser();
  const live = '{"default":"deny"}';
  open(live, 2).send('{"default":"maybe"}');
  leave();
  const refused = open(live, 2);
  assert.equal(refused.find('{"default":"maybe"}'), null, "the page has it already");
  const later = open(live, 2);
  later.published(2);
  assert.equal(later.find(live), '{"default":"maybe"}');
});

// Numbers that repeat, so that a failure can be looked at.
function random(seed) {
  let state = seed;
  return (most) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % most;
  };
}

test("any change of any value gives the document that the same change gives its meaning", () => {
  const pick = random(7);
  const values = [{}, [], 1, "x", true, { a: [1, { b: 2 }] }];
  const keys = ["limits", "deny_if", "a b", "x~/y", "__proto_", "max"];
  for (let round = 0; round < 2_000; round += 1) {
    const base = [fuller, published, "{}", '{ "a" : [ 1 , [ ] , { } ] }'][pick(4)];
    let text = base;
    for (let step = 0; step < 4; step += 1) {
      const model = JSON.parse(text);
      const path = [];
      let node = model;
      while (pick(4) > 0 && node !== null && typeof node === "object") {
        const own = Object.keys(node);
        const key = Array.isArray(node) ? pick(node.length + 1) : own.length > 0 && pick(3) > 0 ? own[pick(own.length)] : keys[pick(keys.length)];
        path.push(key);
        node = node[key];
      }
      if (path.length === 0) continue;
      const value = values[pick(values.length)];
      const parent = path.slice(0, -1).reduce((inner, key) => inner[key], model);
      if (parent === null || typeof parent !== "object") continue;
      parent[path.at(-1)] = value;
      const next = patch(read(text), path, value);
      assert.deepEqual(JSON.parse(next), model, `${text}\n${JSON.stringify(path)} = ${JSON.stringify(value)}`);
      text = next;
    }
  }
});
