//! What is probably not meant.

use std::fmt::Write as _;

use policy::{Category, ToolFacts};

use crate::support::{document, facts, listed, rule, tools, with};

fn report(texts: &[String], tools: Option<&[ToolFacts]>) -> String {
    let mut out = String::new();
    for text in texts {
        let checked = policy::check(text, tools);
        assert!(checked.valid, "{text}: {:?}", checked.errors);
        writeln!(out, "{text}\n{}\n", listed(&checked.warnings)).unwrap();
    }
    out
}

fn known() -> Vec<ToolFacts> {
    let mut known = tools(&["list_users", "read_file"]);
    known.push(facts("create_charge", Category::Financial));
    known.push(facts("delete_user", Category::Destructive));
    known.push(facts("run_shell", Category::Execute));
    known
}

#[test]
fn names_that_the_server_does_not_have() {
    insta::assert_snapshot!(report(
        &[
            with(r#""tools":{"list_user":{},"unheard_of":{},"nope_*":{}},"hide":["delete_users"]"#),
            with(r#""tools":{"list_users":{},"list_*":{}}"#),
        ],
        Some(&known())
    ));
}

#[test]
fn rules_that_never_apply() {
    insta::assert_snapshot!(report(
        &[
            with(r#""hide":["admin_*"],"tools":{"admin_reset":{"action":"deny"}}"#),
            with(r#""hide":["x_*"],"tools":{"x_*":{"action":"deny"}}"#),
            with(
                r#""tools":{"a":{"action":"hide","limits":[{"counter":"c","window":"day","max":1}]}}"#
            ),
        ],
        None
    ));
}

#[test]
fn traps_of_missing_arguments() {
    let deny = |test: &str| rule(&format!(r#"{{"deny_if":[{{"conditions":[{test}]}}]}}"#));
    let not_in = r#"{"path":"args.env","op":"not_in","value":["dev"]}"#;
    insta::assert_snapshot!(report(
        &[
            deny(not_in),
            deny(r#"{"path":"args.env","op":"neq","value":"dev"}"#),
            deny(r#"{"path":"args.n","op":"lt","value":5}"#),
            rule(&format!(r#"{{"approve_if":[{{"conditions":[{not_in}]}}]}}"#)),
            // Each of these answers for the missing argument.
            deny(r#"{"path":"args.n","op":"gt","value":5}"#),
            deny(r#"{"not":{"path":"args.env","op":"eq","value":"dev"}}"#),
            rule(&format!(
                r#"{{"deny_if":[{{"conditions":[{not_in}]}}],
                "require":[{{"conditions":[{{"path":"args.env","op":"exists","value":true}}]}}]}}"#
            )),
            deny(&format!(
                r#"{{"any":[{not_in},{{"path":"args.env","op":"exists","value":false}}]}}"#
            )),
        ],
        None
    ));
}

#[test]
fn predicates_that_decide_nothing() {
    insta::assert_snapshot!(report(
        &[
            rule(r#"{"require":[{"conditions":[]}]}"#),
            rule(r#"{"deny_if":[{"conditions":[{"path":"args.a","op":"eq","value":null}]}]}"#),
            rule(r#"{"deny_if":[{"conditions":[{"path":"args.a","op":"in","value":[1,null]}]}]}"#),
        ],
        None
    ));
}

#[test]
fn limits_that_never_bite_or_do_not_protect() {
    let limit = |members: &str| rule(&format!(r#"{{"limits":[{members}]}}"#));
    let minute = r#"{"counter":"a","window":"minute","max":100}"#;
    insta::assert_snapshot!(report(
        &[
            limit(r#"{"counter":"c","window":"day","max":0}"#),
            limit(r#"{"counter":"c","window":"day","max":5,"scope":"session"}"#),
            limit(r#"{"counter":"c","window":"day","max":5,"key":"args.id"}"#),
            limit(&format!(r#"{minute},{{"counter":"b","window":"day","max":50}}"#)),
            limit(&format!(
                r#"{minute},{{"counter":"b","window":"day","max":50,"scope":"server"}}"#
            )),
            with(&format!(
                r#""all_tools":{{"limits":[{{"counter":"b","window":"minute","max":60}}]}},
                "tools":{{"t":{{"limits":[{minute}]}}}}"#
            )),
            // These can be reached.
            limit(&format!(r#"{minute},{{"counter":"b","window":"day","max":500}}"#)),
            limit(&format!(r#"{minute},{{"counter":"b","window":"second","max":5}}"#)),
            limit(
                r#"{"counter":"a","window":"day","max":5,"scope":"server"},
                {"counter":"b","window":"day","max":2}"#
            ),
            with(&format!(
                r#""tools":{{"t":{{"limits":[{minute},{{"counter":"b","window":"day","max":50}}]}},
                "u":{{"limits":[{minute}]}}}}"#
            )),
            limit(
                r#"{"counter":"c","window":"day","max":5,"key":"args.id"},
                {"counter":"d","window":"day","max":50}"#
            ),
        ],
        None
    ));
}

#[test]
fn dangerous_tools_without_limit_or_approval() {
    insta::assert_snapshot!(report(
        &[
            with(r#""tools":{"create_charge":{},"delete_user":{"validate_arguments":true}}"#),
            r#"{"version":"1","default":"allow","hide":["create_charge"]}"#.to_owned(),
            with(r#""categories":{"destructive":{},"financial":{"action":"require_approval"}}"#),
            with(
                r#""tools":{"delete_user":{"action":"deny"},"create_charge":{"action":"require_approval"}}"#
            ),
        ],
        Some(&known())
    ));
}

#[test]
fn globs_that_are_milder_than_the_category() {
    insta::assert_snapshot!(report(
        &[
            with(
                r#""categories":{"destructive":{"action":"deny"}},
                "tools":{"*_user*":{"rate_limit":{"max":5,"window":60}}}"#
            ),
            with(
                r#""categories":{"destructive":{"action":"deny"}},
                "tools":{"list_*":{},"delete_user":{"rate_limit":{"max":5,"window":60}}}"#
            ),
        ],
        Some(&known())
    ));
}

#[test]
fn names_that_look_like_others() {
    insta::assert_snapshot!(report(
        &[with(
            "\"hide\":[\"del\u{0435}te_user\"],\"tools\":{\"list\u{200b}_users\":{},\"größe\":{},\"список\":{}}"
        )],
        None
    ));
}

#[test]
fn warnings_of_a_document_are_placed_in_its_normal_form() {
    let document = document(
        r#"{"tools":{"a":{"action":"hide","deny_if":[]},"b":{}},"version":"1",
        "default":"deny","hide":["b"]}"#,
    );
    let warnings = policy::warnings(&document, None);
    assert_eq!(listed(&warnings), "\"/tools/b\" 9:10 \"b\" is hidden, so this rule never applies.");
}

#[test]
fn a_check_tells_everything_as_json() {
    let checked = policy::check(&with(r#""tools":{"b":{"action":"deny"}}"#), Some(&[]));
    insta::assert_json_snapshot!(serde_json::to_value(&checked).unwrap(), @r#"
    {
      "valid": true,
      "errors": [],
      "warnings": [
        {
          "pointer": "/tools/b",
          "line": 1,
          "column": 46,
          "detail": "The server has no tool \"b\"."
        }
      ],
      "normalised": {
        "version": "1",
        "default": "deny",
        "tools": {
          "b": {
            "deny_if": [
              {
                "conditions": []
              }
            ]
          }
        }
      }
    }
    "#);
    let checked = policy::check("{", None);
    assert!(!checked.valid && checked.normalised.is_none() && checked.errors.len() == 1);
}
