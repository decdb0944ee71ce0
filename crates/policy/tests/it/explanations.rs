//! The decision with every step that led to it.

use policy::{Call, Category, Explanation};

use crate::support::{compiled, context, facts, for_t, rule, tools, with};

fn explained(policy: &policy::Compiled, tool: &str, arguments: &str) -> Explanation {
    let tape = json::parse(arguments.as_bytes()).unwrap();
    let context = context();
    policy.explain(&Call { tool, arguments: Some(tape.root()), context: &context })
}

#[test]
fn every_step_is_told_with_the_values_that_decided_it() {
    let policy = for_t(&with(
        r#""all_tools":{"require":[{"conditions":[{"path":"time.hour","op":"gte","value":8}]}]},
        "tools":{"t":{
            "deny_if":[{"conditions":[{"not":{"path":"args.to[*]","op":"ends_with","value":"@a.b"}},
                {"path":"args.none","op":"exists","value":true}]}],
            "approve_if":[{"conditions":[{"path":"args.n","op":"gt","value":5}],"on_deny":"Ask."}],
            "limits":[{"counter":"c","window":90,"max":0.5,"increment_from":"args.n"}]}}"#,
    ));
    insta::assert_json_snapshot!(explained(&policy, "t", r#"{"n":7.50,"to":["x@a.b","y@c.d"]}"#));
}

#[test]
fn the_last_step_is_the_one_that_refuses() {
    let mut tool = facts("t", Category::Write);
    tool.input_schema = Some(r#"{"type":"object","required":["n"]}"#.into());
    let policy = compiled(
        &with(
            r#""hide":["h"],"tools":{"t":{"validate_arguments":true,
            "require":[{"conditions":[{"path":"args.n","op":"lt","value":5}],"on_deny":"No."}]}}"#,
        ),
        &[tool, facts("d", Category::Write)],
    );
    let cases = [
        ("h", "{}", "hidden", "visibility", "(hidden)"),
        ("x", "{}", "hidden", "visibility", "(unknown tool)"),
        ("d", "{}", "denied", "rule", "(default deny)"),
        ("t", r#"{"N":1}"#, "denied", "keys", "/tools/t/require/0"),
        ("t", "{}", "denied", "validate_arguments", "/tools/t/validate_arguments"),
        ("t", r#"{"n":5}"#, "denied", "require", "/tools/t/require/0"),
        ("t", r#"{"n":"5"}"#, "denied", "require", "/tools/t/require/0"),
    ];
    for (tool, arguments, outcome, step, rule) in cases {
        let explanation = explained(&policy, tool, arguments);
        let last = explanation.steps.last().unwrap();
        assert_eq!((explanation.outcome, &*explanation.rule), (outcome, rule), "{arguments}");
        assert_eq!((last.step, &*last.rule, last.refuses), (step, rule, true), "{arguments}");
        let refusing = explanation.steps.iter().filter(|step| step.refuses).count();
        assert_eq!(refusing, 1);
    }
}

#[test]
fn long_values_are_cut() {
    let policy = for_t(&rule(
        r#"{"deny_if":[{"conditions":[{"path":"args.a","op":"contains","value":"x"}]}]}"#,
    ));
    let long = "y".repeat(10_000);
    let explanation = explained(&policy, "t", &format!(r#"{{"a":"{long}"}}"#));
    let found = explanation.steps.iter().flat_map(|step| &step.conditions);
    let found: Vec<_> = found.filter_map(|condition| condition.found.as_deref()).collect();
    assert_eq!(found.len(), 1);
    assert!(found[0].chars().count() < 250);
}

#[test]
fn observe_is_explained_as_what_it_waived() {
    let policy = compiled(&with(r#""mode":"observe""#), &tools(&["t"]));
    let explanation = explained(&policy, "t", "{}");
    assert_eq!((explanation.outcome, &*explanation.rule), ("observed", "(default deny)"));
}
