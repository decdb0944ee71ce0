//! Tests of policies: what they expect and what they get.

use policy::suite::{Expect, parse, run, to_json};

use crate::support::{NOW, document, tools, with};

const POLICY: &str = r#""hide":["gone"],"tools":{
    "pay":{"deny_if":[{"conditions":[{"path":"args.amount","op":"gt","value":100}]}],
           "limits":[{"counter":"n","window":"minute","max":3},
                     {"counter":"sum","window":"day","max":250,"increment_from":"args.amount"}]},
    "ask":{"action":"require_approval"},
    "night":{"require":[{"conditions":[{"path":"time.hour","op":"lt","value":6}]}]}}"#;

fn suite(tests: &str) -> String {
    format!(r#"{{"version":"1","tests":[{tests}]}}"#)
}

fn verdicts(tests: &str) -> Vec<(bool, Expect, String, String)> {
    let known = tools(&["pay", "ask", "gone", "night", "other"]);
    let tests = parse(&suite(tests)).unwrap();
    let run = run(&document(&with(POLICY)), &known, &tests, NOW.parse().unwrap()).unwrap();
    run.into_iter().map(|v| (v.passed, v.got, v.rule, v.detail)).collect()
}

#[test]
fn each_expectation_can_be_met() {
    let tests = r#"
        {"name":"1","tool":"pay","arguments":{"amount":5},"expect":"allow"},
        {"name":"2","tool":"pay","arguments":{"amount":101},"expect":"deny",
         "rule":"/tools/pay/deny_if/0"},
        {"name":"3","tool":"pay","arguments":{"amount":5},"repeat":3,"expect":"allow"},
        {"name":"4","tool":"pay","arguments":{"amount":5},"repeat":4,"expect":"limit",
         "rule":"/tools/pay/limits/0"},
        {"name":"5","tool":"pay","arguments":{"amount":99.5},"repeat":3,"expect":"limit",
         "rule":"/tools/pay/limits/1"},
        {"name":"6","tool":"gone","expect":"hide"},
        {"name":"7","tool":"ask","expect":"approve","grant":"ci","client":"c"},
        {"name":"8","tool":"night","at":"2026-11-25T03:00:00Z","expect":"allow"},
        {"name":"9","tool":"night","at":"2026-11-25T12:00:00Z","expect":"deny"},
        {"name":"10","tool":"other","expect":"deny","rule":"(default deny)"}"#;
    for (passed, got, rule, detail) in verdicts(tests) {
        assert!(passed, "{got:?} {rule} {detail}");
    }
}

#[test]
fn what_fails_says_what_came_instead() {
    let tests = r#"
        {"name":"1","tool":"pay","arguments":{"amount":101},"expect":"allow"},
        {"name":"2","tool":"pay","arguments":{"amount":101},"expect":"deny","rule":"/x"},
        {"name":"3","tool":"pay","arguments":{"amount":1},"expect":"allow","rule":"/x"},
        {"name":"4","tool":"missing","expect":"allow"}"#;
    let details: Vec<_> = verdicts(tests).into_iter().map(|v| (v.0, v.3)).collect();
    let expected = [
        "Expected allowed, got denied by /tools/pay/deny_if/0.",
        "It was denied as expected, but by /tools/pay/deny_if/0, not by /x.",
        "It was allowed as expected, but by no rule, not by /x.",
        "Expected allowed, got hidden by (unknown tool).",
    ];
    assert_eq!(details, expected.map(|text| (false, text.to_owned())));
}

#[test]
fn a_test_judges_the_rules_and_not_the_day() {
    let policy = with(r#""mode":"observe","tools":{"pay":{"action":"deny"}}"#);
    let tests = parse(&suite(r#"{"name":"1","tool":"pay","expect":"deny"}"#)).unwrap();
    let mut known = tools(&["pay"]);
    known[0].state = policy::ToolState::Quarantined;
    let run = run(&document(&policy), &known, &tests, NOW.parse().unwrap()).unwrap();
    assert!(run[0].passed && run[0].rule == "/tools/pay/deny_if/0", "{}", run[0].detail);
}

#[test]
fn a_file_is_read_strictly_and_written_back_as_it_was() {
    let text = suite(
        r#"{"name":"a","tool":"t","arguments":{"n":1.50},"at":"2026-11-25T12:00:00Z","repeat":2,"expect":"allow"},
           {"name":"b","tool":"t","expect":"hide","rule":"(hidden)"}"#,
    );
    let tests = parse(&text).unwrap();
    assert_eq!(parse(&to_json(&tests)).unwrap(), tests);
    assert!(to_json(&tests).contains("1.50"));
    let broken = suite(
        r#"{"name":"a","tool":"t","expect":"denied"},{"name":"b","tol":"t","expect":"deny"},
           {"name":"c","tool":"t","expect":"deny","arguments":[],"at":"noon","repeat":0},
           {"name":"d","tool":"t","expect":"deny"},{"name":"d","tool":"t","expect":"deny"}"#,
    );
    let problems = parse(&broken).unwrap_err();
    let pointers: Vec<_> = problems.iter().map(|p| p.pointer.as_str()).collect();
    let expected = [
        "/tests/0/expect",
        "/tests/1",
        "/tests/1/tol",
        "/tests/2/arguments",
        "/tests/2/at",
        "/tests/2/repeat",
        "/tests/4",
    ];
    for pointer in expected {
        assert!(pointers.contains(&pointer), "{pointer} of {problems:#?}");
    }
    assert_eq!(problems[0].suggestion.as_deref(), Some("deny"));
    assert!(parse("{").is_err() && parse("[]").is_err());
}
