//! Backtests and learning, on calls made by hand and on any.

use chrono::{DateTime, TimeDelta, Utc};
use policy::replay::{Backtest, Change, Kind, Learner, Recorded, Report};
use policy::{Category, ToolFacts};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{compiled, document, rule, tools, with};

/// A call as it was recorded, owned.
#[derive(Debug, Clone)]
struct Call {
    at: DateTime<Utc>,
    grant: u128,
    kind: Kind,
    target: String,
    outcome: &'static str,
    rule: String,
    names: Vec<String>,
    values: Option<String>,
}

fn start() -> DateTime<Utc> {
    "2026-11-25T13:47:00Z".parse().unwrap()
}

/// A call of `t` that was let through so many seconds after the start, with these names.
fn call(after: i64, names: &[&str]) -> Call {
    Call {
        at: start() + TimeDelta::seconds(after),
        grant: 1,
        kind: Kind::Tool,
        target: "t".to_owned(),
        outcome: "allowed",
        rule: String::new(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        values: None,
    }
}

impl Call {
    fn values(mut self, text: &str) -> Self {
        self.values = Some(text.to_owned());
        self
    }

    fn came(mut self, outcome: &'static str, rule: &str) -> Self {
        (self.outcome, self.rule) = (outcome, rule.to_owned());
        self
    }

    fn with<T>(&self, id: usize, look: impl FnOnce(&Recorded<'_>) -> T) -> T {
        let tape = self.values.as_ref().map(|text| json::parse(text.as_bytes()).unwrap());
        look(&Recorded {
            id: id as u128,
            at: self.at,
            grant: self.grant,
            grant_label: "agent",
            client_name: None,
            session: None,
            kind: self.kind,
            target: &self.target,
            outcome: self.outcome,
            rule: &self.rule,
            names: &self.names,
            arguments: tape.as_ref().map(json::Tape::root),
        })
    }
}

fn backtest_on(facts: &[ToolFacts], live: &str, draft: &str, then: bool, calls: &[Call]) -> Report {
    let mut backtest = Backtest::new(TimeDelta::hours(1));
    let server = backtest.add_server(compiled(live, facts), compiled(draft, facts));
    let then = then.then(|| backtest.add_then(server, compiled(live, facts)));
    for (id, call) in calls.iter().enumerate() {
        call.with(id, |call| backtest.feed(server, then, call));
    }
    backtest.finish()
}

fn backtest(live: &str, draft: &str, calls: &[Call]) -> Report {
    backtest_on(&tools(&["t", "u"]), live, draft, false, calls)
}

/// What changed, in one line: `denied 2 /tools/t/deny_if/0`.
fn found(report: &Report) -> Vec<String> {
    let line = |rule: &policy::replay::RuleReport| {
        format!("{} {} {}", rule.change.as_str(), rule.count, rule.rule)
    };
    report.rules.iter().map(line).collect()
}

const ALLOW: &str = r#"{"version":"1","default":"allow"}"#;
const DENY: &str = r#"{"version":"1","default":"deny"}"#;

#[test]
fn each_change_is_found_under_the_rule_that_makes_it() {
    let calls = [call(0, &[]), call(1, &["amount"])];
    let changed = |live: &str, draft: &str| found(&backtest(live, draft, &calls));
    assert_eq!(changed(ALLOW, DENY), ["denied 2 (default deny)"]);
    assert_eq!(changed(DENY, ALLOW), ["allowed 2 (default deny)"]);
    let gated = rule(r#"{"action":"require_approval"}"#);
    assert_eq!(changed(ALLOW, &gated), ["gated 2 /tools/t/approve_if/0"]);
    assert_eq!(changed(&gated, ALLOW), ["allowed 2 /tools/t/approve_if/0"]);
    assert_eq!(changed(ALLOW, &rule(r#"{"action":"hide"}"#)), ["hidden 2 (hidden)"]);
    let one = rule(r#"{"limits":[{"counter":"c","window":"minute","max":1}]}"#);
    assert_eq!(changed(ALLOW, &one), ["limited 1 /tools/t/limits/0"]);
    assert_eq!(changed(&one, ALLOW), ["allowed 1 /tools/t/limits/0"]);
    let observed = ALLOW.replace("\"1\"", "\"1\",\"mode\":\"observe\"").replace("allow", "deny");
    assert_eq!(changed(ALLOW, &observed), Vec::<String>::new());
    assert_eq!(changed(DENY, DENY), Vec::<String>::new());
    let named =
        rule(r#"{"deny_if":[{"conditions":[{"path":"args.amount","op":"exists","value":true}]}]}"#);
    assert_eq!(changed(ALLOW, &named), ["denied 1 /tools/t/deny_if/0"]);
}

#[test]
fn a_report_has_examples_and_figures_over_time() {
    let mut calls: Vec<_> = (0..9).map(|n| call(n * 600, &[])).collect();
    calls[0] = calls[0].clone().came("denied", "/tools/t/deny_if/0");
    let report = backtest(ALLOW, DENY, &calls);
    assert_eq!((report.calls, report.tally.denied, report.tally.unchanged), (9, 9, 0));
    let [rule] = report.rules.as_slice() else { panic!("{report:?}") };
    assert_eq!((rule.change, rule.examples.len()), (Change::Denied, 5));
    assert_eq!((rule.examples[0].outcome.as_str(), rule.examples[0].id), ("denied", 0));
    let series: Vec<_> = report.series.iter().map(|(at, t)| (at.to_rfc3339(), t.denied)).collect();
    let hour = |hour| format!("2026-11-25T{hour}:00:00+00:00");
    assert_eq!(series, [(hour(13), 2), (hour(14), 6), (hour(15), 1)]);
}

// === What cannot be known ===

fn over(amount: u32) -> String {
    rule(&format!(
        r#"{{"deny_if":[{{"conditions":[{{"path":"args.amount","op":"gt","value":{amount}}}]}}]}}"#
    ))
}

#[test]
fn a_value_that_was_not_recorded_is_not_guessed() {
    let calls = [call(0, &["amount"]), call(1, &["note"]), call(2, &[])];
    let report = backtest(ALLOW, &over(10), &calls);
    assert_eq!(found(&report), ["unknown 1 /tools/t/deny_if/0"]);
    assert_eq!((report.tally.unchanged, report.with_values), (2, 1));
    let [missing] = report.missing.as_slice() else { panic!("{report:?}") };
    assert_eq!((missing.path.as_str(), missing.calls), ("args.amount", 1));
    let known = [
        call(0, &["amount"]).values(r#"{"amount":11}"#),
        call(1, &["amount"]).values(r#"{"amount":9}"#),
    ];
    let report = backtest(ALLOW, &over(10), &known);
    assert_eq!(found(&report), ["denied 1 /tools/t/deny_if/0"]);
    assert_eq!((report.tally.unchanged, report.with_values), (1, 2));
}

#[test]
fn what_is_known_settles_what_it_can() {
    let calls = [call(0, &["a"])];
    let changed = |members: &str| found(&backtest(ALLOW, &rule(members), &calls));
    let unknown = r#"{"path":"args.a","op":"gt","value":1}"#;
    let absent = r#"{"path":"args.b","op":"gt","value":1}"#;
    let deny =
        |conditions: &str| changed(&format!(r#"{{"deny_if":[{{"conditions":{conditions}}}]}}"#));
    assert_eq!(deny(&format!("[{unknown},{absent}]")), Vec::<String>::new());
    assert_eq!(
        deny(&format!(r#"[{{"any":[{unknown},{absent}]}}]"#)),
        ["unknown 1 /tools/t/deny_if/0"]
    );
    assert_eq!(
        deny(&format!(r#"[{{"any":[{unknown},{{"not":{absent}}}]}}]"#)),
        ["denied 1 /tools/t/deny_if/0"]
    );
    let require = format!(r#"{{"require":[{{"conditions":[{unknown},{absent}]}}]}}"#);
    assert_eq!(changed(&require), ["denied 1 /tools/t/require/0"]);
    // A later rule refuses for certain.
    let both = format!(r#"{{"require":[{{"conditions":[{unknown}]}}],"action":"deny"}}"#);
    assert_eq!(changed(&both), ["denied 1 /tools/t/deny_if/0"]);
    let deep = r#"{"path":"args.a.b","op":"exists","value":true}"#;
    assert_eq!(deny(&format!("[{deep}]")), ["unknown 1 /tools/t/deny_if/0"]);
    let variant = r#"{"path":"args.A","op":"gt","value":1}"#;
    assert_eq!(deny(&format!("[{variant}]")), ["denied 1 /tools/t/deny_if/0"]);
    assert_eq!(
        changed(r#"{"validate_arguments":true}"#),
        ["unknown 1 /tools/t/validate_arguments"]
    );
}

#[test]
fn the_recorded_outcome_tells_what_the_same_rule_found_then() {
    let facts = tools(&["t", "u"]);
    let more = over(10).replace(r#""tools":{"t":{"#, r#""hide":["u"],"tools":{"t":{"#);
    let passed = [call(0, &["amount"])];
    let denied = [call(0, &["amount"]).came("denied", "/tools/t/deny_if/0")];
    let changed = |live: &str, draft: &str, then, calls: &[Call]| {
        found(&backtest_on(&facts, live, draft, then, calls))
    };
    // The same question on both sides has the same answer, whatever it is.
    assert_eq!(changed(&over(10), &more, false, &passed), Vec::<String>::new());
    assert_eq!(changed(&over(10), &over(20), true, &passed), ["unknown 1 /tools/t/deny_if/0"]);
    assert_eq!(changed(&over(10), ALLOW, true, &passed), Vec::<String>::new());
    assert_eq!(changed(&over(10), ALLOW, false, &passed), ["unknown 1 /tools/t/deny_if/0"]);
    assert_eq!(changed(&over(10), ALLOW, true, &denied), ["allowed 1 /tools/t/deny_if/0"]);
    assert_eq!(changed(&over(10), DENY, true, &denied), Vec::<String>::new());
    let gated = over(10).replace("deny_if", "approve_if");
    let asked = [call(0, &["amount"]).came("approval_required", "/tools/t/approve_if/0")];
    assert_eq!(changed(&gated, ALLOW, true, &asked), ["allowed 1 /tools/t/approve_if/0"]);
    assert_eq!(changed(&gated, DENY, true, &asked), ["denied 1 (default deny)"]);
}

#[test]
fn many_names_say_nothing_of_one_that_lacks() {
    let names: Vec<String> = (0..64).map(|n| format!("k{n}")).collect();
    let full = call(0, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let report = backtest(ALLOW, &over(10), &[full]);
    assert_eq!(found(&report), ["unknown 1 /tools/t/deny_if/0"]);
}

// === Limits ===

fn limited(limit: &str) -> String {
    rule(&format!(r#"{{"limits":[{{"counter":"c",{limit}}}]}}"#))
}

#[test]
fn limits_count_in_the_windows_in_which_calls_were_made() {
    let at = |seconds: &[i64]| seconds.iter().map(|after| call(*after, &[])).collect::<Vec<_>>();
    let stopped =
        |limit: &str, calls: &[Call]| backtest(ALLOW, &limited(limit), calls).tally.limited;
    let two = r#""window":"minute","max":2"#;
    assert_eq!(stopped(two, &at(&[0, 1, 59])), 1);
    assert_eq!(stopped(two, &at(&[0, 59, 60, 61])), 0);
    assert_eq!(stopped(two, &at(&[0, 59, 60, 61, 62])), 1);
    // A refused call consumes nothing.
    assert_eq!(stopped(r#""window":"hour","max":1"#, &at(&[0, 1, 2, 780])), 2);
    // Half a window later half of what was counted before still weighs.
    let sliding = r#""window":"minute","max":2,"algorithm":"sliding""#;
    assert_eq!(stopped(sliding, &at(&[0, 1, 60, 90, 91])), 2);
    assert_eq!(stopped(sliding, &at(&[0, 1, 120, 121])), 0);
}

#[test]
fn counts_are_kept_apart_as_at_the_gateway() {
    let mut calls = vec![call(0, &[]), call(1, &[]), call(2, &[])];
    calls[1].grant = 2;
    calls[2].target = "u".to_owned();
    let stopped = |members: &str| backtest(ALLOW, &with(members), &calls).tally.limited;
    let shared = |scope: &str| {
        let limit = format!(r#"{{"counter":"c","window":"minute","max":1,"scope":"{scope}"}}"#);
        format!(r#""all_tools":{{"limits":[{limit}]}},"tools":{{"t":{{}},"u":{{}}}}"#)
    };
    assert_eq!((stopped(&shared("grant")), stopped(&shared("server"))), (1, 2));
}

#[test]
fn sums_and_keys_are_replayed_where_values_are_known() {
    let paid = |after, amount: &str, to: &str| {
        call(after, &["amount", "to"]).values(&format!(r#"{{"amount":{amount},"to":"{to}"}}"#))
    };
    let calls = [paid(0, "6.5", "a"), paid(1, "4", "a"), paid(2, "3.5", "b")];
    let sum = r#""window":"day","max":10,"increment_from":"args.amount""#;
    let report = backtest(ALLOW, &limited(sum), &calls);
    assert_eq!(found(&report), ["limited 1 /tools/t/limits/0"]);
    assert_eq!(report.rules[0].examples[0].id, 1);
    let keyed = r#""window":"day","max":1,"key":"args.to""#;
    assert_eq!(backtest(ALLOW, &limited(keyed), &calls).tally.limited, 1);
    let unknown = backtest(ALLOW, &limited(sum), &[call(0, &["amount"])]);
    assert_eq!(found(&unknown), ["unknown 1 /tools/t/limits/0"]);
    let lacking = backtest(ALLOW, &limited(sum), &[call(0, &["to"])]);
    assert_eq!(found(&lacking), ["denied 1 /tools/t/limits/0"]);
}

// === Learning ===

fn learned(facts: &[ToolFacts], calls: &[Call]) -> policy::replay::Learned {
    let mut learner = Learner::new();
    for (id, call) in calls.iter().enumerate() {
        call.with(id, |call| learner.see(call));
    }
    learner.finish(facts).unwrap()
}

#[test]
fn the_least_that_was_needed_is_learned() {
    let mut pay = crate::support::facts("pay", Category::Financial);
    pay.input_schema = Some(r#"{"properties":{"amount":{},"to":{},"force":{}}}"#.to_owned());
    let facts = [pay, crate::support::facts("drop", Category::Destructive)];
    let paid = |after, text: &str, names: &[&str]| Call {
        target: "pay".to_owned(),
        ..call(after, names).values(text)
    };
    let calls = [
        paid(0, r#"{"amount":105,"to":"eu"}"#, &["amount", "to"]),
        paid(1, r#"{"amount":4870,"to":"eu"}"#, &["amount", "to"]),
        paid(2, r#"{"to":"us"}"#, &["to"]),
        paid(60, r#"{"to":"us"}"#, &["to"]),
        Call { target: "drop".to_owned(), ..call(61, &[]).came("denied", "(default deny)") },
        Call { kind: Kind::Resource, target: "file:///a*b".to_owned(), ..call(62, &[]) },
    ];
    let learned = learned(&facts, &calls);
    assert_eq!((learned.calls, learned.refused), (5, 1));
    assert_eq!(learned.unused, ["drop"]);
    assert_eq!((learned.tools[0].peak, learned.tools[0].max), (3, 5));
    let rule = json!({
        "require": [
            { "conditions": [{ "any": [
                { "path": "args.amount", "op": "exists", "value": false },
                { "all": [
                    { "path": "args.amount", "op": "gte", "value": 100 },
                    { "path": "args.amount", "op": "lte", "value": 4900 },
                ] },
              ] }],
              "on_deny": "When this policy was learned, amount was between 100 and 4900, or not given." },
            { "conditions": [{ "path": "args.to", "op": "in", "value": ["eu", "us"] }],
              "on_deny": "When this policy was learned, to was one of \"eu\", \"us\"." },
            { "conditions": [{ "path": "args.force", "op": "exists", "value": false }],
              "on_deny": "When this policy was learned, force was never given." },
        ],
        "limits": [{ "counter": "pay_rate", "window": "minute", "max": 5, "scope": "grant" }],
    });
    let document: Value = serde_json::from_str(&learned.document.to_json()).unwrap();
    assert_eq!(document["tools"], json!({ "pay": rule }));
    let resources = json!({ "default": "deny", "rules": { "file:///a\\*b": {} } });
    assert_eq!((&document["resources"], &document["default"]), (&resources, &json!("deny")));
}

#[test]
fn nothing_is_said_of_values_that_were_not_all_recorded() {
    let half = [call(0, &["a"]).values(r#"{"a":1}"#), call(1, &["a"])];
    let learned = learned(&tools(&["t"]), &half);
    assert_eq!(learned.tools[0].arguments, Vec::<String>::new());
    assert_eq!(learned.tools[0].unknown, ["a"]);
}

// === Laws ===

fn any_call() -> impl Strategy<Value = Call> {
    let values = prop_oneof![
        (0i64..200).prop_map(|n| json!({ "amount": n })),
        (0i64..5, "[ab]{1,2}").prop_map(|(n, to)| json!({ "amount": n, "to": to })),
        "[ab]".prop_map(|to| json!({ "to": to, "list": [1, 2] })),
        (0i64..200).prop_map(|n| json!({ "Amount": n })),
        Just(json!({})),
    ];
    let outcome = prop::sample::select(vec!["allowed", "allowed", "upstream_error", "denied"]);
    (values, any::<bool>(), outcome, 0i64..400, 1u128..3, prop::sample::select(vec!["t", "u"]))
        .prop_map(|(values, is_known, outcome, after, grant, target): (Value, _, _, _, _, _)| {
            Call {
                grant,
                target: target.to_owned(),
                outcome,
                rule: if outcome == "denied" { "/tools/t/deny_if/0".into() } else { String::new() },
                names: values.as_object().unwrap().keys().cloned().collect(),
                values: is_known.then(|| values.to_string()),
                ..call(after, &[])
            }
        })
}

fn any_calls() -> impl Strategy<Value = Vec<Call>> {
    prop::collection::vec(any_call(), 0..60).prop_map(|mut calls| {
        calls.sort_by_key(|call| call.at);
        calls
    })
}

const RICH: &str = r#"{"version":"1","default":"deny",
    "all_tools":{"limits":[{"counter":"all","window":"minute","max":7}]},
    "tools":{"u":{"approve_if":[{"conditions":[{"path":"args.to","op":"eq","value":"a"}]}]},
      "t":{"require":[{"conditions":[{"path":"args.to","op":"exists","value":true}]}],
        "deny_if":[{"conditions":[{"path":"args.amount","op":"gt","value":100}]}],
        "limits":[{"counter":"s","window":"minute","max":90,"algorithm":"sliding",
                   "increment_from":"args.amount"}]}}}"#;

proptest! {
    #[test]
    fn a_policy_beside_itself_changes_nothing(calls in any_calls(), then in any::<bool>()) {
        let facts = tools(&["t", "u"]);
        let report = backtest_on(&facts, RICH, RICH, then, &calls);
        prop_assert_eq!(report.tally.unchanged, calls.len() as u64, "{:?}", report);
    }

    #[test]
    fn what_is_learned_lets_through_all_that_was_let_through(calls in any_calls()) {
        let mut facts = tools(&["t", "u"]);
        facts[0].input_schema = Some(r#"{"properties":{"amount":{},"force":{},"TO":{}}}"#.to_owned());
        let document = learned(&facts, &calls).document.to_json();
        let passed: Vec<_> = calls.into_iter().filter(|call| call.outcome != "denied").collect();
        let report = backtest_on(&facts, ALLOW, &document, false, &passed);
        prop_assert_eq!(report.tally.unchanged, passed.len() as u64, "{} {:?}", document, report);
        prop_assert!(policy::parse(&document).is_ok());
    }

    #[test]
    fn values_only_settle_what_names_left_open(calls in any_calls()) {
        let facts = tools(&["t", "u"]);
        let no_limits = RICH.replace("\"max\":7", "\"max\":1000").replace("\"max\":90", "\"max\":100000");
        let bare: Vec<_> = calls.iter().map(|call| Call { values: None, ..call.clone() }).collect();
        for (bare, full) in bare.iter().zip(&calls).filter(|(_, full)| full.values.is_some()) {
            let report = |call: &Call| backtest_on(&facts, ALLOW, &no_limits, false, std::slice::from_ref(call));
            let (bare, full) = (report(bare), report(full));
            prop_assert!(bare.tally.unknown == 1 || bare.tally == full.tally, "{:?} {:?}", bare, full);
        }
    }
}

#[test]
fn documents_of_these_tests_are_in_order() {
    let _rich = document(RICH);
}
