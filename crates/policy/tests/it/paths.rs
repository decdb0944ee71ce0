//! Where conditions look: nested arguments, every element of a list, attributes.

use policy::{Category, Context};

use crate::support::{at, compiled, context, facts, for_t, judged, outcome, rule};

fn gate(gate: &str, condition: &str) -> policy::Compiled {
    for_t(&rule(&format!(r#"{{"{gate}":[{{"conditions":[{condition}]}}]}}"#)))
}

#[test]
fn nested_arguments() {
    let policy = gate("require", r#"{"path":"args.a.b.c","op":"eq","value":1}"#);
    assert_eq!(outcome(&policy, r#"{"a":{"b":{"c":1}}}"#), "allowed");
    assert_eq!(outcome(&policy, r#"{"a":{"b":{}}}"#), "denied");
    assert_eq!(outcome(&policy, r#"{"a":null}"#), "denied");
}

#[test]
fn something_else_than_an_object_on_the_way_cannot_be_judged() {
    // A server that reads JSON inside text would see what the condition could not.
    let policy = gate("deny_if", r#"{"path":"args.options.force","op":"eq","value":true}"#);
    assert_eq!(outcome(&policy, r#"{"options":{"force":false}}"#), "allowed");
    assert_eq!(
        judged(&policy, "t", r#"{"options":"{\"force\":true}"}"#),
        "denied /tools/t/deny_if/0 options must be an object."
    );
    assert_eq!(outcome(&policy, r#"{"options":[{"force":true}]}"#), "denied");
}

#[test]
fn each_element_in_deny_if_is_any_and_in_require_is_every() {
    let test = r#"{"path":"args.items[*].price","op":"lte","value":10}"#;
    let (deny, require) = (gate("deny_if", test), gate("require", test));
    let cases = [
        (r#"{"items":[{"price":5},{"price":50}]}"#, "denied", "denied"),
        (r#"{"items":[{"price":5},{"price":6}]}"#, "denied", "allowed"),
        (r#"{"items":[{"price":50}]}"#, "allowed", "denied"),
        (r#"{"items":[]}"#, "allowed", "denied"),
        ("{}", "allowed", "denied"),
        (r#"{"items":[{"price":5},{}]}"#, "denied", "denied"),
        (r#"{"items":[{"price":50},{"price":"5"}]}"#, "denied", "denied"),
        (r#"{"items":{"price":50}}"#, "denied", "denied"),
        (r#"{"items":[50]}"#, "denied", "denied"),
    ];
    for (arguments, denied, required) in cases {
        assert_eq!(outcome(&deny, arguments), denied, "deny_if {arguments}");
        assert_eq!(outcome(&require, arguments), required, "require {arguments}");
    }
    assert_eq!(
        judged(&deny, "t", r#"{"items":[{"price":"5"}]}"#),
        "denied /tools/t/deny_if/0 items[*].price must be a number."
    );
}

#[test]
fn not_is_evaluated_for_each_element() {
    let test = r#"{"not":{"path":"args.to[*]","op":"ends_with","value":"@ours.example"}}"#;
    let deny = gate("deny_if", test);
    assert_eq!(outcome(&deny, r#"{"to":["a@ours.example","b@ours.example"]}"#), "allowed");
    assert_eq!(outcome(&deny, r#"{"to":["a@ours.example","b@else.example"]}"#), "denied");
    assert_eq!(outcome(&deny, r#"{"to":["a@ours.example",null]}"#), "denied");
    assert_eq!(outcome(&deny, r#"{"to":[]}"#), "allowed");
    let require = gate("require", test);
    assert_eq!(outcome(&require, r#"{"to":["x@else.example"]}"#), "allowed");
    assert_eq!(outcome(&require, r#"{"to":["x@else.example","a@ours.example"]}"#), "denied");
}

#[test]
fn lists_within_lists() {
    let test = r#"{"path":"args.rows[*].tags[*]","op":"eq","value":"ok"}"#;
    let require = gate("require", test);
    assert_eq!(outcome(&require, r#"{"rows":[{"tags":["ok"]},{"tags":["ok","ok"]}]}"#), "allowed");
    assert_eq!(outcome(&require, r#"{"rows":[{"tags":["ok"]},{"tags":[]}]}"#), "denied");
    assert_eq!(outcome(&require, r#"{"rows":[{"tags":["ok"]},{}]}"#), "denied");
    let deny = gate("deny_if", test);
    assert_eq!(outcome(&deny, r#"{"rows":[{"tags":["no"]},{"tags":["no","ok"]}]}"#), "denied");
    assert_eq!(outcome(&deny, r#"{"rows":[{"tags":["no"]},{"tags":[]}]}"#), "allowed");
}

#[test]
fn attributes_of_the_call() {
    let night = Context {
        grant_label: "ci",
        client_name: None,
        now: "2026-11-28T03:10:00Z".parse().unwrap(), // a Saturday
    };
    let cases = [
        (r#"{"path":"time.hour","op":"lt","value":6}"#, "allowed", "denied"),
        (r#"{"path":"time.hour","op":"in","value":[3]}"#, "allowed", "denied"),
        (r#"{"path":"time.weekday","op":"in","value":["saturday","sunday"]}"#, "allowed", "denied"),
        (r#"{"path":"grant.label","op":"eq","value":"ci"}"#, "allowed", "denied"),
        (r#"{"path":"client.name","op":"eq","value":"tester"}"#, "denied", "allowed"),
        (r#"{"path":"client.name","op":"exists","value":false}"#, "allowed", "denied"),
    ];
    for (test, by_day, by_night) in cases {
        let policy = gate("deny_if", test);
        let said = |context: &Context<'_>| {
            at(&policy, "t", "{}", context).split(' ').next().unwrap().to_owned()
        };
        assert_eq!((&*said(&context()), &*said(&night)), (by_day, by_night), "{test}");
    }
}

#[test]
fn attributes_of_the_tool() {
    let mut tool = facts("t", Category::Destructive);
    tool.risk = "critical".into();
    tool.annotations = Some(r#"{"readOnlyHint":false,"x":{"y":[1,2]},"n":1e999}"#.into());
    let cases = [
        (r#"{"path":"tool.category","op":"eq","value":"destructive"}"#, "denied"),
        (r#"{"path":"tool.category","op":"in","value":["read","write"]}"#, "allowed"),
        (r#"{"path":"tool.risk","op":"eq","value":"critical"}"#, "denied"),
        (r#"{"path":"tool.annotations.readOnlyHint","op":"neq","value":true}"#, "denied"),
        (r#"{"path":"tool.annotations.missing","op":"neq","value":true}"#, "allowed"),
        (r#"{"path":"tool.annotations.x.y[*]","op":"gt","value":1}"#, "denied"),
        (r#"{"path":"tool.annotations.n","op":"lt","value":1}"#, "denied"),
    ];
    for (test, expected) in cases {
        let text = rule(&format!(r#"{{"deny_if":[{{"conditions":[{test}]}}]}}"#));
        let policy = compiled(&text, std::slice::from_ref(&tool));
        assert_eq!(outcome(&policy, "{}"), expected, "{test}");
    }
}
