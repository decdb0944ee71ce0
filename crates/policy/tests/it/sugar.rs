//! Short forms, and what they are saved as.

use policy::{Document, Others, Problem};

use crate::support::{document, rule, with};

/// The normal form of the tool `t`.
fn normal(text: &str) -> serde_json::Value {
    let normal: serde_json::Value = serde_json::from_str(&document(&rule(text)).to_json()).unwrap();
    normal["tools"]["t"].clone()
}

fn taken(text: &str) -> Result<Document, Vec<Problem>> {
    policy::import(text, Others::Inherit).map(|imported| imported.document)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn each_short_form_means_what_the_table_says() {
    let cases = [
        (r#"{"action":"allow"}"#, "{}"),
        (
            r#"{"action":"deny","reason":"No."}"#,
            r#"{"deny_if":[{"conditions":[],"on_deny":"No."}]}"#,
        ),
        (r#"{"action":"deny"}"#, r#"{"deny_if":[{"conditions":[]}]}"#),
        (
            r#"{"action":"require_approval","reason":"Ask."}"#,
            r#"{"approve_if":[{"conditions":[],"on_deny":"Ask."}]}"#,
        ),
        (
            r#"{"rate_limit":{"max":10,"window":60}}"#,
            r#"{"limits":[{"counter":"t_rate","window":"minute","max":10,"scope":"grant"}]}"#,
        ),
        (
            r#"{"rate_limit":{"max":10,"window":3600}}"#,
            r#"{"limits":[{"counter":"t_rate","window":"hour","max":10,"scope":"grant"}]}"#,
        ),
        (
            r#"{"rate_limit":{"max":10,"window":86400}}"#,
            r#"{"limits":[{"counter":"t_rate","window":"day","max":10,"scope":"grant"}]}"#,
        ),
        (
            r#"{"rate_limit":{"max":10,"window":90}}"#,
            r#"{"limits":[{"counter":"t_rate","window":90,"max":10,"scope":"grant"}]}"#,
        ),
    ];
    for (written, meant) in cases {
        assert_eq!(normal(written), json(meant), "{written}");
    }
}

#[test]
fn short_forms_join_the_long_ones() {
    let written = r#"{"action":"require_approval","reason":"Ask.","rate_limit":{"max":1,"window":60},
        "approve_if":[{"conditions":[{"path":"args.a","op":"eq","value":1}]}],
        "limits":[{"counter":"c","window":"day","max":5}]}"#;
    assert_eq!(
        normal(written),
        json(
            r#"{"approve_if":[{"conditions":[{"path":"args.a","op":"eq","value":1}]},
                {"conditions":[],"on_deny":"Ask."}],
            "limits":[{"counter":"c","window":"day","max":5,"scope":"grant"},
                {"counter":"t_rate","window":"minute","max":1,"scope":"grant"}]}"#
        )
    );
}

#[test]
fn an_action_of_hide_moves_the_name() {
    let text =
        with(r#""hide":["z"],"tools":{"a":{"action":"hide"},"b_*":{"action":"hide"},"c":{}}"#);
    assert_eq!(
        json(&document(&text).to_json()),
        json(&with(r#""hide":["a","b_*","z"],"tools":{"c":{}}"#))
    );
}

#[test]
fn a_reason_that_nobody_would_be_told_goes_nowhere() {
    assert_eq!(normal(r#"{"action":"allow","reason":"Harmless."}"#), json("{}"));
    let hidden = with(r#""tools":{"t":{"action":"hide","reason":"Dangerous."}}"#);
    assert_eq!(json(&document(&hidden).to_json()), json(&with(r#""hide":["t"]"#)));
}

#[test]
fn the_normal_form_is_sorted_and_leaves_out_what_goes_without_saying() {
    let text = r#"{
        "tools": {"b": {}, "a": {"limits": [], "require": [], "validate_arguments": false}},
        "hide": ["y", "x", "y"], "list_denied": true, "mode": "enforce", "prompts": {},
        "categories": {"destructive": {}, "read": {}}, "all_tools": {"limits": []},
        "server_requests": {"roots": "deny", "sampling": "allow"},
        "default": "deny", "version": "1", "$schema": "https://example.com/policy.json"
    }"#;
    insta::assert_snapshot!(document(text).to_json(), @r#"
    {
      "$schema": "https://example.com/policy.json",
      "version": "1",
      "default": "deny",
      "hide": [
        "x",
        "y"
      ],
      "categories": {
        "read": {},
        "destructive": {}
      },
      "tools": {
        "a": {},
        "b": {}
      },
      "prompts": {},
      "server_requests": {
        "sampling": "allow",
        "roots": "deny"
      }
    }
    "#);
}

#[test]
fn numbers_keep_every_digit() {
    let text = rule(
        r#"{"deny_if":[{"conditions":[{"path":"args.a","op":"gt","value":10000000000000000.10}]}],
            "limits":[{"counter":"c","window":"day","max":0.50,"increment_from":"args.a"}]}"#,
    );
    let normal = document(&text).to_json();
    assert!(normal.contains("\"value\": 10000000000000000.10"), "{normal}");
    assert!(normal.contains("\"max\": 0.5,"), "{normal}");
    assert!(serde_json::to_string(&document(&text)).unwrap().contains("10000000000000000.10"));
}

#[test]
fn a_bare_fragment_is_wrapped_on_import_only() {
    let fragment =
        r#"{"run": {"rate_limit": {"max": 10, "window": 60}}, "drop": {"action": "hide"}}"#;
    assert!(policy::parse(fragment).is_err());
    let imported = taken(fragment).unwrap();
    assert_eq!(
        json(&imported.to_json()),
        json(&with(
            r#""hide":["drop"],"tools":{"run":{"limits":[
                {"counter":"run_rate","window":"minute","max":10,"scope":"grant"}]}}"#
        ))
    );
    let whole = with(r#""tools":{"a":{}}"#);
    assert_eq!(taken(&whole).unwrap(), document(&whole));
    let problems = taken(r#"{"run": {"limit": []}}"#).unwrap_err();
    assert_eq!(problems[0].pointer, "/run/limit");
    // A document that lacks something is not taken for a fragment.
    let problems = taken(r#"{"default": "deny", "tools": {}}"#).unwrap_err();
    assert!(problems[0].detail.contains("needs \"version\""), "{problems:?}");
    assert!(taken("{}").is_err());
}

#[test]
fn the_two_simplest_documents() {
    let deny = Document::deny_all();
    assert_eq!(json(&deny.to_json()), json(r#"{"version":"1","default":"deny"}"#));
    assert_eq!(document(&deny.to_json()), deny);
    let allow = Document::allow_all();
    assert_eq!(document(&allow.to_json()), allow);
}
