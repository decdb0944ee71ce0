//! The JSON Schema of the language agrees with the parser, as far as a schema can.

use serde_json::Value;

use crate::support::{rule, with};

fn validator() -> jsonschema::Validator {
    jsonschema::options().offline().build(&policy::json_schema()).unwrap()
}

fn fits(text: &str) -> bool {
    validator().is_valid(&serde_json::from_str::<Value>(text).unwrap())
}

#[test]
fn what_the_parser_accepts_fits() {
    let accepted = [
        r#"{"version":"1","default":"deny","$schema":"x"}"#.to_owned(),
        with(
            r#""mode":"observe","hide":["*"],"list_denied":false,"categories":{"read":{}},
            "prompts":{"default":"allow","hide":["a"],"rules":{"p":{}}},
            "resources":{"rules":{"file:///**":{}}},"server_requests":{"roots":"deny"},
            "all_tools":{"limits":[],"require":[],"deny_if":[],"approve_if":[]}"#,
        ),
        rule(r#"{"action":"deny","reason":"No."}"#),
        rule(r#"{"rate_limit":{"max":10,"window":60},"validate_arguments":true}"#),
        rule(r#"{"response":{"max_bytes":9,"redact":["cards",{"regex":"a+","with":""}]}}"#),
        with(r#""approvals":{"expires":"1h","hold":"50s","approvers":1}"#),
        rule(
            r#"{"deny_if":[{"conditions":[{"any":[{"not":{"path":"args.a","op":"eq","value":1}},
            {"all":[{"path":"tool.risk","op":"in","value":["high"]}]}]}],"on_deny":"No."}]}"#,
        ),
        rule(
            r#"{"limits":[{"counter":"c","window":"month","max":0.5,"scope":"organisation",
            "increment_from":"args.a[*].b","key":"grant.label","algorithm":"sliding",
            "across_servers":true,"on_deny":"No."}]}"#,
        ),
    ];
    for text in accepted {
        assert!(policy::parse(&text).is_ok(), "{text}");
        assert!(fits(&text), "{text}");
        assert!(fits(&crate::support::document(&text).to_json()), "{text}");
    }
}

#[test]
fn what_a_schema_can_refuse_it_refuses() {
    let refused = [
        "{}".to_owned(),
        with(r#""hidee":[]"#),
        with(r#""tools":{"*":{}}"#),
        with(r#""categories":{"reads":{}}"#),
        with(r#""approvals":{"approvers":3}"#),
        with(r#""approvals":{"hold":"1 hour"}"#),
        rule(r#"{"response":{}}"#),
        rule(r#"{"response":{"redact":["ibans"]}}"#),
        rule(r#"{"response":{"redact":[{"regex":"a"}]}}"#),
        rule(r#"{"deny_if":[{"conditions":[{"path":"amount","op":"gt","value":1}]}]}"#),
        rule(r#"{"deny_if":[{"conditions":[{"path":"args.a","op":"ge","value":1}]}]}"#),
        rule(r#"{"deny_if":[{}]}"#),
        rule(r#"{"deny_if":[{"conditions":[{"any":[]}]}]}"#),
        rule(r#"{"limits":[{"counter":"c","window":"minutes","max":1}]}"#),
        rule(r#"{"limits":[{"counter":"c","window":0,"max":1}]}"#),
        rule(r#"{"limits":[{"counter":"c","window":"day","max":-1}]}"#),
        rule(r#"{"action":"forbid"}"#),
    ];
    for text in refused {
        assert!(policy::parse(&text).is_err(), "{text}");
        assert!(!fits(&text), "{text}");
    }
}

#[test]
fn the_schema_is_pinned() {
    insta::assert_json_snapshot!(policy::json_schema());
}
