//! What holds for every policy of Intercept that is taken over: nothing passes here that did not
//! pass there. What passes there is decided by a small Intercept of the tests' own.

mod proxy;

use std::collections::HashMap;

use policy::{Call, Compiled, Decision, Limits, Others, ToolFacts, import};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};

use crate::support::{context, tools};
use proxy::{Proxy, Said};

/// The policy as it is here, with counters of its own.
struct Here {
    policy: Compiled,
    counted: HashMap<String, u64>,
}

impl Here {
    fn new(policy: &Value) -> Option<Self> {
        let facts: Vec<ToolFacts> = tools(&["pay", "send", "odd*name"]);
        // The comment makes it YAML, as such a file would be.
        let text = format!("# A policy\n{policy}");
        let imported = import(&text, Others::Inherit).ok()?;
        let policy = policy::compile(&imported.document, &facts).unwrap();
        Some(Self { policy, counted: HashMap::new() })
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Said {
        let text = arguments.to_string();
        let tape = json::parse(text.as_bytes()).unwrap();
        let context = context();
        let call = Call { tool, arguments: Some(tape.root()), context: &context };
        match self.policy.decide(&call) {
            Decision::Refuse(_) => Said::Denied,
            // What a person lets pass is counted then; a full limit stops it all the same.
            Decision::Approve { limits, .. } => {
                reserved(&mut self.counted.clone(), &limits).min(Said::Asked)
            }
            Decision::Allow { limits, .. } => reserved(&mut self.counted, &limits),
        }
    }
}

/// All of the limits' counts go up, or none.
fn reserved(counted: &mut HashMap<String, u64>, limits: &Limits<'_>) -> Said {
    let name = |request: &policy::LimitRequest<'_>| {
        format!("{} {} {:?}", request.limit.counter, request.limit.window, request.limit.measure)
    };
    let mut after = counted.clone();
    let mut met: Vec<String> = Vec::new();
    for request in limits.requests() {
        let name = name(request);
        let count = after.entry(name.clone()).or_default();
        if !met.contains(&name) {
            *count += request.amount;
            met.push(name);
        }
        if *count > request.limit.max {
            return Said::Denied;
        }
    }
    *counted = after;
    Said::Passed
}

// === Making policies and calls ===

fn value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(5),
        json!("5"),
        json!(5.0),
        json!("5.0"),
        json!(2.5),
        json!(-3),
        json!(true),
        json!("true"),
        json!("main"),
        json!("mainly"),
        json!(1_000_000),
        json!("1e+06"),
        json!("٣"),
        json!(""),
    ])
}

fn argument() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => value(),
        1 => Just(json!(null)),
        1 => Just(json!({"c": 5})),
        1 => prop::collection::vec(value(), 0..3).prop_map(Value::from),
    ]
}

fn arguments() -> impl Strategy<Value = Value> {
    let some = || prop::option::weighted(0.85, argument());
    (some(), some(), prop::option::weighted(0.7, -2_i64..9), some()).prop_map(|(a, b, n, c)| {
        let mut out = json!({});
        for (key, value) in [("a", a), ("b", b), ("n", n.map(Value::from))] {
            if let Some(value) = value {
                out[key] = value;
            }
        }
        if let Some(c) = c {
            out["o"] = json!({"c": c});
        }
        out
    })
}

fn condition() -> impl Strategy<Value = Value> {
    let path = prop::sample::select(vec!["args.a", "args.b", "args.n", "args.o.c"]);
    let test = prop_oneof![
        (prop::sample::select(vec!["eq", "neq", "contains"]), value()),
        (
            prop::sample::select(vec!["in", "not_in"]),
            prop::collection::vec(value(), 0..3).prop_map(Value::from)
        ),
        (
            prop::sample::select(vec!["lt", "lte", "gt", "gte"]),
            prop::sample::select(vec![json!(0), json!(5), json!(2.5)])
        ),
        (Just("exists"), any::<bool>().prop_map(Value::from)),
        (
            Just("regex"),
            prop::sample::select(vec![json!("^main$"), json!(r"\d"), json!(r"^[\w]*$"), json!("")])
        ),
    ];
    (path, test).prop_map(|(path, (op, value))| json!({"path": path, "op": op, "value": value}))
}

fn conditions(least: usize) -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(condition(), least..3)
}

/// A rule of a tool; `index` keeps the names of counters apart.
fn rule(scope: &'static str) -> impl Strategy<Value = Value> {
    let bound = (prop::sample::select(vec!["lt", "lte"]), 0..6_i64);
    let name = prop::sample::select(vec!["c", "d"]);
    let by = prop::sample::select(vec![
        json!({}),
        json!({"increment": 2}),
        json!({"increment_from": "args.n"}),
    ]);
    let counted =
        (bound, name, by, conditions(0)).prop_map(move |((op, value), counter, by, more)| {
            let path = format!("state.{scope}.{counter}");
            let mut all = vec![json!({"path": path, "op": op, "value": value})];
            all.extend(more);
            let mut state = json!({"counter": counter, "window": "day"});
            if let Some((key, by)) = by.as_object().and_then(|by| by.iter().next()) {
                state[key] = by.clone();
            }
            json!({"conditions": all, "state": state})
        });
    let foreign =
        prop::sample::select(vec![format!("state.{scope}.c"), "state._global.c".to_owned()]);
    let looks = (foreign, 0..5_i64).prop_map(
        |(path, value)| json!({"conditions": [{"path": path, "op": "lte", "value": value}]}),
    );
    prop_oneof![
        4 => conditions(1).prop_map(|conditions| json!({"conditions": conditions})),
        1 => Just(json!({"action": "deny"})),
        2 => conditions(0).prop_map(|c| json!({"action": "require_approval", "conditions": c})),
        2 => counted,
        1 => looks,
        1 => (1..4_u32).prop_map(|n| json!({"rate_limit": format!("{n}/hour")})),
    ]
}

fn rules(scope: &'static str) -> impl Strategy<Value = Value> {
    prop::collection::vec(rule(scope), 0..3).prop_map(|rules| json!({"rules": rules}))
}

fn policy() -> impl Strategy<Value = Value> {
    let tools = (
        prop::option::weighted(0.9, rules("pay")),
        prop::option::of(rules("send")),
        prop::option::weighted(0.3, Just(json!({"rules": []}))),
        prop::option::weighted(0.4, rules("_global")),
    );
    let hide = prop::collection::vec(prop::sample::select(vec!["send", "*", "pa*"]), 0..2);
    let hide = prop_oneof![3 => Just(Vec::new()), 1 => hide];
    (any::<bool>(), hide, tools).prop_map(|(allow, hide, (pay, send, odd, every))| {
        let mut all = json!({});
        for (name, rules) in [("pay", pay), ("send", send), ("odd*", odd), ("*", every)] {
            if let Some(rules) = rules {
                all[name] = rules;
            }
        }
        let default = if allow { "allow" } else { "deny" };
        json!({"version": "1", "default": default, "hide": hide, "tools": all})
    })
}

fn calls() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let tool = prop::sample::select(vec!["pay", "pay", "pay", "send", "odd*name"]);
    prop::collection::vec((tool, arguments()), 1..8)
}

// === The laws ===

proptest! {
    #[test]
    fn nothing_passes_that_did_not_pass_there(policy in policy(), calls in calls()) {
        // A few policies are refused whole.
        let Some(mut here) = Here::new(&policy) else { return Ok(()) };
        let mut there = Proxy::new(&policy);
        for (tool, arguments) in &calls {
            let here = here.call(tool, arguments);
            if here == Said::Denied {
                continue;
            }
            // There it meets the same history: what passed here.
            let there = there.call(tool, arguments, here == Said::Passed);
            prop_assert!(here <= there, "{tool} {arguments}: {here:?} here, {there:?} there");
        }
    }
}

#[test]
fn most_policies_are_taken_over() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let taken = (0..200).filter(|_| {
        let policy = policy().new_tree(&mut runner).unwrap().current();
        Here::new(&policy).is_some()
    });
    assert!(taken.count() > 100);
}

/// What is said plainly means the same, call by call.
#[test]
fn plain_policies_decide_alike() {
    let policy = json!({"version": "1", "default": "deny", "hide": ["odd*name"], "tools": {
        "pay": {"rules": [
            {"name": "small", "conditions": [{"path": "args.n", "op": "lte", "value": 5}]},
            {"name": "main", "conditions": [{"path": "args.a", "op": "in", "value": ["main", "x"]}]},
            {"name": "not b", "conditions": [{"path": "args.b", "op": "exists", "value": false}]},
            {"name": "sum", "conditions": [{"path": "state.pay.sum", "op": "lte", "value": 12}],
             "state": {"counter": "sum", "window": "day", "increment_from": "args.n"}},
            {"name": "ask", "action": "require_approval",
             "conditions": [{"path": "args.n", "op": "gt", "value": 4}]}]},
        "send": {"rules": [{"name": "two", "rate_limit": "2/hour"}]},
        "*": {"rules": [{"name": "five", "conditions": [
            {"path": "state._global.calls", "op": "lt", "value": 7}],
            "state": {"counter": "calls", "window": "minute"}}]}}});
    let (mut here, mut there) = (Here::new(&policy).unwrap(), Proxy::new(&policy));
    let calls = [
        ("pay", json!({"n": 3, "a": "main"})),
        ("pay", json!({"n": 6, "a": "main"})),
        ("pay", json!({"n": "3", "a": "main"})),
        ("pay", json!({"a": "main"})),
        ("pay", json!({"n": 3, "a": "y"})),
        ("pay", json!({"n": 3, "a": "x", "b": 1})),
        ("pay", json!({"n": 3, "a": "x", "b": null})),
        ("pay", json!({"n": 5, "a": "x"})),
        ("pay", json!({"n": 4, "a": "x"})),
        ("pay", json!({"n": 3, "a": "x"})),
        ("send", json!({})),
        ("send", json!({})),
        ("send", json!({})),
        ("odd*name", json!({})),
        ("pay", json!({"n": 2, "a": "x"})),
        ("pay", json!({"n": 0, "a": "x"})),
        ("pay", json!({"n": 0, "a": "x"})),
    ];
    let said = |said: Vec<Said>| format!("{said:?}");
    let here: Vec<_> = calls.iter().map(|(tool, args)| here.call(tool, args)).collect();
    let there: Vec<_> = calls.iter().map(|(tool, args)| there.call(tool, args, true)).collect();
    assert_eq!(said(here.clone()), said(there));
    for one in [Said::Passed, Said::Asked, Said::Denied] {
        assert!(here.contains(&one), "{one:?} comes up");
    }
}
