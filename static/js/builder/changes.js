// What publishing would change, in words. Pure: no DOM.

import { canonical, get } from "./json.js";
import { allToolsLimit, stateOf } from "./policy.js";

const SECONDS = { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800, month: 2_592_000 };

/**
 * Compares the draft to the live version. What is read from either is kept on it as `states`, one a
 * tool, because pages of a thousand tools compare at every click.
 * @returns `{tools, words, same}`: names of the tools whose treatment changes, phrases, and whether
 *   the two documents mean the same
 */
export function compare(live, draft, tools) {
  live.states ??= tools.map((tool) => stateOf(live, tool));
  live.meaning ??= canonical(live.root, live.text);
  const counts = new Map();
  const changed = new Set();
  draft.states ??= tools.map((tool) => stateOf(draft, tool));
  for (const [index, tool] of tools.entries()) {
    const kind = kindOf(live.states[index], draft.states[index], live, draft);
    if (!kind) continue;
    changed.add(tool.name);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const words = phrases(counts);
  if (live.fallback !== draft.fallback) words.push(`tools without a rule are ${draft.fallback === "allow" ? "allowed" : "denied"}`);
  if (live.observes !== draft.observes) words.push(draft.observes ? "refusals are only observed" : "rules are enforced");
  const together = allToolsWords(live, draft);
  if (together) words.push(together);
  const same = live.meaning === canonical(draft.root, draft.text);
  if (!same && words.length === 0) words.push("other parts of the document changed");
  return { tools: changed, words, same };
}

function kindOf(before, after, live, draft) {
  if (before.segment !== after.segment) return after.segment;
  if (after.segment === "custom") return canonical(before.node, live.text) === canonical(after.node, draft.text) ? null : "rewritten";
  if (after.segment !== "limit") return null;
  const change = perSecond(after) - perSecond(before);
  if (before.max === after.max && before.window === after.window) return null;
  return change < 0 ? "lower" : change > 0 ? "higher" : "moved";
}

function perSecond({ max, window }) {
  return max / (SECONDS[window] ?? Number(window));
}

const PHRASES = [
  ["allow", (n) => `${tools(n)} newly allowed`],
  ["limit", (n) => `${tools(n)} newly limited`],
  ["approve", (n) => `${tools(n)} ${n === 1 ? "needs" : "need"} approval`],
  ["deny", (n) => `${tools(n)} newly denied`],
  ["hide", (n) => `${tools(n)} newly hidden`],
  ["custom", (n) => `${tools(n)} with a custom rule`],
  ["rewritten", (n) => `${n} custom ${n === 1 ? "rule" : "rules"} changed`],
  ["lower", (n) => `${limits(n)} lower`],
  ["higher", (n) => `${limits(n)} higher`],
  ["moved", (n) => `${limits(n)} over another window`],
];

function phrases(counts) {
  return PHRASES.filter(([kind]) => counts.has(kind)).map(([kind, say]) => say(counts.get(kind)));
}

const tools = (n) => `${n.toLocaleString("en")} ${n === 1 ? "tool" : "tools"}`;
const limits = (n) => `${n.toLocaleString("en")} ${n === 1 ? "limit" : "limits"}`;

function allToolsWords(live, draft) {
  const now = (policy) => canonical(get(get(policy.root, "all_tools"), "limits"), policy.text);
  if (now(live) === now(draft)) return "";
  const limit = allToolsLimit(draft);
  if (!limit) return "no limit on all tools together";
  return limit === "custom" ? "limits on all tools changed" : `all tools together at most ${limit.max} a ${limit.window}`;
}
