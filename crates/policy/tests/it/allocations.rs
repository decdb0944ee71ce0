//! What a decision costs, counted and not timed: it allocates nothing on the way that most calls
//! take, and 2 000 rules cost a call what 20 cost.

use std::fmt::Write as _;

use allocation_counter::measure;
use policy::{Call, Compiled, Decision};

use crate::support::{compiled, context, tools};

/// Everything that a rule can have, within reason.
const RULE: &str = r#"{
    "require":[{"conditions":[{"path":"args.reason","op":"exists","value":true}]}],
    "deny_if":[{"conditions":[{"path":"args.amount","op":"gt","value":10000}]},
               {"conditions":[{"path":"args.note","op":"regex","value":"(?i)drop\\s+table"}]},
               {"conditions":[{"any":[{"path":"args.to[*]","op":"ends_with","value":".evil"},
                   {"not":{"path":"args.kind","op":"in","value":["a","b"]}},
                   {"path":"args.file","op":"glob","value":"/etc/**"},
                   {"path":"time.hour","op":"lt","value":6},
                   {"path":"grant.label","op":"eq","value":"other"}]}]}],
    "approve_if":[{"conditions":[{"path":"args.amount","op":"gt","value":1000}]}],
    "limits":[{"counter":"charges","window":"minute","max":30},
              {"counter":"spend","window":"day","max":50000,"increment_from":"args.amount"}]}"#;

const ARGUMENTS: &str = r#"{"amount":99.5,"reason":"invoice 12","note":"second half","kind":"a",
    "to":["a@example.com","b@example.com"],"file":"/srv/a","more":{"x":[1,2,3]}}"#;

/// A policy of so many rules, the longest that a document may have among them.
fn policy(rules: usize) -> Compiled {
    let mut text = String::from(
        r#"{"version":"1","default":"deny","hide":["admin_*"],"all_tools":{"limits":[
            {"counter":"calls","window":"minute","max":60}]},"tools":{"#,
    );
    for index in 3..rules {
        let _ = write!(text, r#""tool_{index}":{{}},"#);
    }
    let _ = write!(text, r#""charge":{RULE},"list":{{}},"read_*":{{}}}}}}"#);
    let names: Vec<_> = (3..rules).map(|index| format!("tool_{index}")).collect();
    let names = names.iter().map(String::as_str).chain(["charge", "list", "read_it", "other"]);
    compiled(&text, &tools(&names.collect::<Vec<_>>()))
}

/// How often a call allocates, patterns having warmed up.
fn allocations(policy: &Compiled, tool: &str) -> u64 {
    let (tape, context) = (json::parse(ARGUMENTS.as_bytes()).unwrap(), context());
    let call = Call { tool, arguments: Some(tape.root()), context: &context };
    let _ = policy.decide(&call);
    measure(|| {
        let _ = std::hint::black_box(policy.decide(&call));
    })
    .count_total
}

#[test]
fn a_call_that_is_allowed_allocates_nothing() {
    let policy = policy(20);
    let (tape, context) = (json::parse(ARGUMENTS.as_bytes()).unwrap(), context());
    for tool in ["charge", "list", "read_it"] {
        let call = Call { tool, arguments: Some(tape.root()), context: &context };
        let decision = policy.decide(&call);
        assert!(matches!(decision, Decision::Allow { observed: None, .. }), "{decision:?}");
        assert_eq!(allocations(&policy, tool), 0, "{tool}");
    }
    // Nor does being denied by default, and what does allocate is counted.
    assert_eq!(allocations(&policy, "other"), 0);
    assert!(allocations(&policy, "no_such_tool") > 0);
}

#[test]
fn two_thousand_rules_allocate_no_more_than_twenty() {
    let (few, many) = (policy(20), policy(2_000));
    for tool in ["charge", "list", "read_it", "other", "no_such_tool"] {
        assert_eq!(allocations(&few, tool), allocations(&many, tool), "{tool}");
    }
}

#[test]
fn a_list_answer_allocates_nothing_either() {
    let policy = policy(2_000);
    let names = ["charge", "list", "read_it", "tool_7", "no_such_tool"];
    let listed = measure(|| {
        assert_eq!(names.iter().filter(|name| policy.lists(name)).count(), 4);
    });
    assert_eq!(listed.count_total, 0);
}
