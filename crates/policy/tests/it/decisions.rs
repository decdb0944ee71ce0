//! Which rule applies, and the order in which a call is judged.

use policy::{Category, RuleSource, Stance, ToolState};

use crate::support::{compiled, facts, for_t, judged, outcome, rule, tools, with};

#[test]
fn the_closest_rule_applies_and_only_that() {
    let text = with(
        r#""categories":{"write":{"action":"deny","reason":"category"}},
        "tools":{
            "send_mail":{"action":"deny","reason":"exact"},
            "send_*":{"action":"deny","reason":"send"},
            "*_mail":{"action":"deny","reason":"mail"},
            "s*_*l":{"action":"deny","reason":"loose"}}"#,
    );
    let mut known = tools(&["send_mail", "send_fax", "read_mail", "sign_all", "other"]);
    known.push(facts("write_it", Category::Write));
    known.push(facts("send_it", Category::Write));
    let policy = compiled(&text, &known);
    let reason = |tool: &str| judged(&policy, tool, "{}").rsplit(' ').next().unwrap().to_owned();
    assert_eq!(reason("send_mail"), "exact");
    assert_eq!(reason("send_fax"), "send");
    assert_eq!(reason("read_mail"), "mail");
    assert_eq!(reason("sign_all"), "loose");
    assert_eq!(reason("write_it"), "category");
    assert_eq!(reason("send_it"), "send");
    assert_eq!(reason("other"), "policy.");

    let rule_of = |tool| policy.rule_for(tool).map(|rule| (rule.source, rule.pointer));
    assert_eq!(rule_of("send_mail"), Some((RuleSource::Tool, Some("/tools/send_mail"))));
    assert_eq!(rule_of("send_fax"), Some((RuleSource::Glob, Some("/tools/send_*"))));
    assert_eq!(rule_of("write_it"), Some((RuleSource::Category, Some("/categories/write"))));
    assert_eq!(rule_of("other"), Some((RuleSource::Default, None)));
    assert_eq!(rule_of("unknown"), None);
    assert_eq!(policy.rule_for("other").unwrap().stance, Stance::Deny);
}

#[test]
fn of_two_equally_close_globs_the_first_in_the_alphabet_applies() {
    let text = with(
        r#""tools":{"*_b":{"action":"deny","reason":"one"},"a_*":{"action":"deny","reason":"two"}}"#,
    );
    let policy = compiled(&text, &tools(&["a_b"]));
    assert!(judged(&policy, "a_b", "{}").ends_with("one"));
}

#[test]
fn a_star_can_be_meant_literally() {
    let policy = compiled(&with(r#""tools":{"a\\*":{}}"#), &tools(&["a*", "ab"]));
    assert_eq!(judged(&policy, "a*", "{}"), "allowed");
    assert!(judged(&policy, "ab", "{}").starts_with("denied"));
    assert_eq!(policy.rule_for("a*").unwrap().source, RuleSource::Tool);
}

#[test]
fn slashes_and_tildes_of_a_name_are_escaped_in_its_rule_id() {
    let policy = compiled(&with(r#""tools":{"a/b~c":{"action":"deny"}}"#), &tools(&["a/b~c"]));
    let said = judged(&policy, "a/b~c", "{}");
    assert!(said.starts_with("denied /tools/a~1b~0c/deny_if/0 "), "{said}");
}

#[test]
fn an_empty_rule_allows_under_either_default() {
    assert_eq!(outcome(&for_t(&rule("{}")), "{}"), "allowed");
    let open = compiled(r#"{"version":"1","default":"allow"}"#, &tools(&["t"]));
    assert_eq!(outcome(&open, "{}"), "allowed");
    assert_eq!(outcome(&for_t(&with(r#""tools":{}"#)), "{}"), "denied");
}

#[test]
fn hidden_comes_before_everything() {
    let mut known = tools(&["t", "admin_reset"]);
    known[0].state = ToolState::Quarantined;
    let policy = compiled(&with(r#""hide":["t","admin_*"],"tools":{"t":{}}"#), &known);
    assert_eq!(judged(&policy, "t", "{}"), "hidden (hidden) Unknown tool: t");
    assert_eq!(judged(&policy, "admin_reset", "{}"), "hidden (hidden) Unknown tool: admin_reset");
    assert_eq!(judged(&policy, "admin_gone", "{}"), "hidden (hidden) Unknown tool: admin_gone");
    assert_eq!(judged(&policy, "gone", "{}"), "hidden (unknown tool) Unknown tool: gone");
}

#[test]
fn one_star_in_hide_hides_everything() {
    let policy = for_t(r#"{"version":"1","default":"allow","hide":["*"]}"#);
    assert_eq!(outcome(&policy, "{}"), "hidden");
    assert!(!policy.lists("t"));
}

#[test]
fn a_changed_definition_is_quarantined_whatever_the_rule() {
    let mut known = tools(&["t", "new", "new_named"]);
    known[0].state = ToolState::Quarantined;
    known[1].state = ToolState::New;
    known[2].state = ToolState::New;
    let policy = compiled(&with(r#""tools":{"t":{},"new*":{},"new_named":{}}"#), &known);
    let waits = "(definition changed) This tool's definition changed and waits for review.";
    assert_eq!(judged(&policy, "t", "{}"), format!("quarantined {waits}"));
    assert_eq!(judged(&policy, "new", "{}"), format!("quarantined {waits}"));
    // The policy's author named it, so it is known.
    assert_eq!(judged(&policy, "new_named", "{}"), "allowed");
    assert!(policy.is_quarantined("t") && !policy.is_quarantined("new_named"));
}

#[test]
fn require_comes_before_deny_if_and_all_tools_before_the_rule() {
    let predicate = |words: &str, arg: &str, op: &str| {
        format!(
            r#"[{{"conditions":[{{"path":"args.{arg}","op":"{op}","value":true}}],"on_deny":"{words}"}}]"#
        )
    };
    let gates = |who: &str, arg: &str| {
        format!(
            r#""require":{},"deny_if":{},"approve_if":{}"#,
            predicate(&format!("{who} require"), &format!("{arg}_needed"), "exists"),
            predicate(&format!("{who} deny"), &format!("{arg}_bad"), "eq"),
            predicate(&format!("{who} approve"), &format!("{arg}_ask"), "eq"),
        )
    };
    let policy = for_t(&with(&format!(
        r#""all_tools":{{{}}},"tools":{{"t":{{{}}}}}"#,
        gates("all", "all"),
        gates("own", "own")
    )));
    // Each step is mended in turn, and the next one speaks.
    let mut arguments = serde_json::json!({
        "all_bad": true, "own_bad": true, "all_ask": true, "own_ask": true
    });
    let mut expect = |key: &str, value: bool, words: &str| {
        let said = judged(&policy, "t", &arguments.to_string());
        assert!(said.ends_with(words), "{said} instead of {words}");
        arguments[key] = value.into();
    };
    expect("all_needed", true, "all require");
    expect("own_needed", true, "own require");
    expect("all_bad", false, "all deny");
    expect("own_bad", false, "own deny");
    expect("all_ask", false, "approval_required /all_tools/approve_if/0 all approve");
    expect("own_ask", false, "approval_required /tools/t/approve_if/0 own approve");
    expect("end", true, "allowed");
}

#[test]
fn all_tools_are_judged_even_without_a_rule() {
    let text = r#"{"version":"1","default":"allow","all_tools":{"deny_if":[
        {"conditions":[{"path":"args.x","op":"eq","value":1}],"on_deny":"x"}]}}"#;
    let policy = for_t(text);
    assert_eq!(judged(&policy, "t", r#"{"x":1}"#), "denied /all_tools/deny_if/0 x");
    assert_eq!(judged(&policy, "t", "{}"), "allowed");
}

#[test]
fn a_second_predicate_that_cannot_judge_is_not_waived_by_an_approval_of_the_first() {
    let policy = for_t(&rule(
        r#"{"approve_if":[{"conditions":[]},
            {"conditions":[{"path":"args.n","op":"gt","value":1}]}]}"#,
    ));
    assert_eq!(outcome(&policy, r#"{"n":5}"#), "approval_required");
    let said = judged(&policy, "t", r#"{"n":"5"}"#);
    assert_eq!(said, "denied /tools/t/approve_if/1 n must be a number.");
}

#[test]
fn refusals_without_words_of_their_own_say_the_condition() {
    let policy = for_t(&rule(
        r#"{"require":[{"conditions":[{"path":"args.reason","op":"exists","value":true}]}],
            "deny_if":[{"conditions":[{"path":"args.n","op":"gt","value":10},
                {"not":{"path":"args.env","op":"in","value":["dev","test"]}}]}],
            "approve_if":[{"conditions":[]}]}"#,
    ));
    let said = |arguments| judged(&policy, "t", arguments);
    assert_eq!(
        said("{}"),
        "denied /tools/t/require/0 This call is allowed only if reason is given."
    );
    assert_eq!(
        said(r#"{"reason":1,"n":11}"#),
        "denied /tools/t/deny_if/0 This call is not allowed if n is greater than 10 and not (env \
         is one of [\"dev\",\"test\"])."
    );
    assert_eq!(
        said(r#"{"reason":1}"#),
        "approval_required /tools/t/approve_if/0 A person must approve every call of this tool."
    );
}

#[test]
fn arguments_are_validated_against_the_pinned_schema_before_the_rules() {
    let mut tool = facts("t", Category::Execute);
    tool.input_schema = Some(
        r#"{"type":"object","properties":{"n":{"type":"integer","maximum":9}},"required":["n"],
            "additionalProperties":false}"#
            .into(),
    );
    let text = rule(
        r#"{"validate_arguments":true,
            "require":[{"conditions":[{"path":"args.n","op":"neq","value":3}],"on_deny":"three"}]}"#,
    );
    let policy = compiled(&text, std::slice::from_ref(&tool));
    assert_eq!(outcome(&policy, r#"{"n":4}"#), "allowed");
    assert_eq!(judged(&policy, "t", r#"{"n":3}"#), "denied /tools/t/require/0 three");
    for wrong in [r#"{"n":10}"#, r#"{"n":"4"}"#, "{}", "null", r#"{"n":4,"x":1}"#] {
        let said = judged(&policy, "t", wrong);
        assert!(said.starts_with("denied /tools/t/validate_arguments The arguments"), "{said}");
    }
    tool.input_schema = None;
    let policy = compiled(&text, &[tool]);
    assert_eq!(
        judged(&policy, "t", r#"{"n":4}"#),
        "denied /tools/t/validate_arguments This call cannot be checked: the tool has no input \
         schema."
    );
}

#[test]
fn observe_waives_the_rules_but_not_what_comes_before_them() {
    let mut known = tools(&["t", "gone", "changed", "other"]);
    known[2].state = ToolState::Quarantined;
    let text = with(
        r#""mode":"observe","hide":["gone"],"tools":{"changed":{},"t":{
            "require":[{"conditions":[{"path":"args.why","op":"exists","value":true}],"on_deny":"why"}],
            "approve_if":[{"conditions":[{"path":"args.n","op":"gt","value":5}],"on_deny":"ask"}],
            "limits":[{"counter":"c","window":"day","max":1}]}}"#,
    );
    let policy = compiled(&text, &known);
    let said = |tool, arguments| judged(&policy, tool, arguments);
    assert_eq!(said("t", r#"{"why":1}"#), "allowed");
    assert_eq!(said("t", "{}"), "observed /tools/t/require/0 why");
    assert_eq!(said("t", r#"{"why":1,"n":6}"#), "observed /tools/t/approve_if/0 ask");
    assert_eq!(said("other", "{}"), "observed (default deny) This is not allowed by policy.");
    assert_eq!(said("gone", "{}"), "hidden (hidden) Unknown tool: gone");
    assert_eq!(said("missing", "{}"), "hidden (unknown tool) Unknown tool: missing");
    assert!(said("changed", "{}").starts_with("quarantined"));
}

#[test]
fn a_policy_says_of_a_name_what_one_click_would_say() {
    let document = crate::support::document(&with(
        r#""hide":["gone"],"tools":{
            "a":{},"d":{"action":"deny"},"p":{"action":"require_approval"},
            "l":{"rate_limit":{"max":1,"window":60}},
            "s":{"limits":[{"counter":"c","window":"day","max":1,"increment_from":"args.n"}]},
            "v":{"validate_arguments":true},
            "c":{"deny_if":[{"conditions":[{"path":"args.n","op":"gt","value":1}]}]}}"#,
    ));
    let stances: Vec<_> =
        ["gone", "a", "d", "p", "l", "s", "v", "c"].map(|n| document.stance(n).unwrap()).into();
    let expected = [
        Stance::Hide,
        Stance::Allow,
        Stance::Deny,
        Stance::Approve,
        Stance::Limit,
        Stance::Custom,
        Stance::Custom,
        Stance::Custom,
    ];
    assert_eq!(stances, expected);
    assert_eq!(document.stance("other"), None);
}
