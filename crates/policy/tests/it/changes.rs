//! What changed between two documents, in words.

use policy::{Bearing, diff};

use crate::support::{document, rule, with};

/// The changes as lines: bearing, pointer, sentence.
fn lines(old: &str, new: &str) -> Vec<String> {
    let changes = diff(&document(old), &document(new));
    let line = |c: policy::Change| {
        let side = if c.removed { "-" } else { "+" };
        format!("{} {side}{} {}", c.bearing, c.pointer, c.summary)
    };
    changes.into_iter().map(line).collect()
}

fn only(old: &str, new: &str) -> String {
    let lines = lines(old, new);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.into_iter().next().unwrap()
}

fn limited(max: &str, more: &str) -> String {
    rule(&format!(r#"{{"limits":[{{"counter":"c","window":"minute","max":{max}{more}}}]}}"#))
}

#[test]
fn the_same_document_changed_nothing() {
    let text = limited("30", "");
    assert!(lines(&text, &text).is_empty());
    // Sugar is the same as what it stands for.
    let denied = rule(r#"{"action":"deny","reason":"No."}"#);
    let spelt = rule(r#"{"deny_if":[{"conditions":[],"on_deny":"No."}]}"#);
    assert!(lines(&denied, &spelt).is_empty());
}

#[test]
fn limits_are_told_in_plain_words() {
    assert_eq!(
        only(&limited("30", ""), &limited("60", "")),
        "looser +/tools/t/limits/0 t: limit 30 → 60 calls a minute"
    );
    assert_eq!(
        only(&limited("30", ""), &limited("30", r#","scope":"server""#)),
        "stricter +/tools/t/limits/0 t: limit of 30 calls a minute for each grant → 30 calls a \
         minute for the server"
    );
    assert_eq!(
        only(&limited("30", ""), &limited("30", r#","key":"args.to""#)),
        "either +/tools/t/limits/0 t: limited to 30 calls a minute for each grant"
            .replace("limited to", "limit of")
            + " → 30 calls a minute for each grant, apart for each to"
    );
    assert_eq!(
        only(&limited("1", r#","increment_from":"args.amount""#), &rule("{}")),
        "looser -/tools/t/limits/0 t: limit of 1 of amount a minute for each grant removed"
    );
    let hourly = limited("30", "").replace("minute", "hour");
    assert!(only(&limited("30", ""), &hourly).starts_with("stricter"));
    assert!(
        only(&limited("30", ""), &limited("60", "").replace("minute", "hour"))
            .starts_with("either")
    );
}

#[test]
fn stances_are_told_as_one_change() {
    assert_eq!(
        only(
            &with(r#""hide":["delete_account"]"#),
            &with(r#""tools":{"delete_account":{"action":"deny"}}"#)
        ),
        "looser +/tools/delete_account delete_account: hidden → denied"
    );
    assert_eq!(
        only(&rule("{}"), &with(r#""hide":["t"]"#)),
        "stricter +/hide/0 t: allowed → hidden"
    );
    assert_eq!(
        only(&rule("{}"), &rule(r#"{"action":"deny"}"#)),
        "stricter +/tools/t t: allowed → denied"
    );
    assert_eq!(
        only(&rule("{}"), &limited("3", "")),
        "stricter +/tools/t t: allowed → limited to 3 calls a minute for each grant"
    );
    assert_eq!(
        only(&limited("3", ""), &rule(r#"{"action":"require_approval"}"#)),
        "either +/tools/t t: limited to 3 calls a minute for each grant → asks a person"
    );
}

#[test]
fn a_new_rule_is_judged_by_what_applied_before() {
    let deny = r#"{"version":"1","default":"deny"}"#;
    let allow = r#"{"version":"1","default":"allow"}"#;
    let list = |default: &str| {
        format!(r#"{{"version":"1","default":"{default}","tools":{{"list_*":{{}}}}}}"#)
    };
    assert_eq!(only(deny, &list("deny")), "looser +/tools/list_* new rule for list_*: allowed");
    assert_eq!(only(allow, &list("allow")), "neither +/tools/list_* new rule for list_*: allowed");
    assert_eq!(
        only(&list("deny"), deny),
        "stricter -/tools/list_* rule for list_* removed (was: allowed)"
    );
    // A closer rule under a glob: it takes the place of the glob's or of the default.
    let closer = with(r#""tools":{"list_*":{},"list_keys":{"action":"deny"}}"#);
    assert_eq!(
        only(&list("deny"), &closer),
        "stricter +/tools/list_keys new rule for list_keys: denied"
    );
}

#[test]
fn predicates_are_matched_by_what_they_look_at() {
    let deny = |bound: u32| {
        rule(&format!(
            r#"{{"deny_if":[{{"conditions":[{{"path":"args.to","op":"eq","value":"x"}}]}},
               {{"conditions":[{{"path":"args.amount","op":"gt","value":{bound}}}]}}]}}"#
        ))
    };
    assert_eq!(
        only(&deny(100), &deny(200)),
        "looser +/tools/t/deny_if/1 t: denied if amount is greater than 100 → denied if amount is \
         greater than 200"
    );
    let require = |ops: &str| rule(&format!(r#"{{"require":[{{"conditions":[{ops}]}}]}}"#));
    let reason = r#"{"path":"args.reason","op":"exists","value":true}"#;
    let small = r#"{"path":"args.amount","op":"lte","value":5}"#;
    assert_eq!(
        only(&require(reason), &require(&format!("{reason},{small}"))),
        "stricter +/tools/t/require/0 t: only if reason is given → only if reason is given and \
         amount is at most 5"
    );
    assert!(only(&require(small), &require(&small.replace('5', "9"))).starts_with("looser"));
    let worded = |words: &str| {
        rule(&format!(r#"{{"approve_if":[{{"conditions":[{small}],"on_deny":"{words}"}}]}}"#))
    };
    assert_eq!(
        only(&worded("A."), &worded("B.")),
        "neither +/tools/t/approve_if/0 t: the agent is told other words"
    );
}

#[test]
fn each_part_of_a_document_is_told() {
    let old = r#"{"version":"1","default":"deny","mode":"observe","list_denied":false,
        "categories":{"read":{}},"resources":{"default":"allow"},
        "server_requests":{"sampling":"deny"}}"#;
    let new = r#"{"version":"1","default":"allow",
        "all_tools":{"limits":[{"counter":"all","window":"hour","max":9}]},
        "categories":{"read":{"validate_arguments":true}},
        "resources":{"default":"deny","hide":["db://x"]},
        "prompts":{"rules":{"p":{"action":"deny"}}},
        "server_requests":{"sampling":"allow"}}"#;
    let lines = lines(old, new);
    let starts = [
        "looser +/default what no rule names: denied → allowed",
        "stricter +/mode mode: only observed → enforced",
        "stricter +/all_tools/limits/0 every tool: new limit of 9 calls an hour for each grant",
        "stricter +/categories/read/validate_arguments category read: arguments must fit",
        "looser +/prompts/default prompts: the rest denied → allowed",
        "neither +/prompts/rules/p new rule for prompt p: denied",
        "stricter +/resources/default resources: the rest allowed → denied",
        "stricter +/resources/hide/0 resource db://x: not hidden → hidden",
        "looser +/server_requests/sampling sampling of the server: denied → allowed",
    ];
    for start in starts {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start}\n{lines:#?}");
    }
    assert!(lines.iter().any(|line| line.starts_with("looser +/list_denied")), "{lines:#?}");
}

#[test]
fn a_hostile_name_stays_one_short_line() {
    let name = format!("a{}", "\u{202e}x".repeat(250));
    let line = only(&with(r#""hide":[]"#), &with(&format!(r#""hide":["{name}"]"#)));
    assert!(line.chars().count() < 200, "{line}");
    assert_eq!(Bearing::Looser.and(Bearing::Stricter), Bearing::Either);
    assert_eq!(Bearing::Neither.and(Bearing::Stricter), Bearing::Stricter);
}
