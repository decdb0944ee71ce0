//! What is recommended, as documents that the policy language takes.

use risk::{Style, recommended_policy, recommended_rule};
use serde_json::{Value, json};

use crate::golden::{Classified, classified};
use crate::plain;

const STYLES: [Style; 3] = [Style::Strict, Style::Balanced, Style::Observe];

fn document(tools: &[Classified], style: Style) -> Value {
    let tools: Vec<_> = tools
        .iter()
        .map(|tool| (tool.name.as_str(), &tool.assessment, tool.schema.as_deref()))
        .collect();
    recommended_policy(&tools, style)
}

#[test]
fn each_category_has_its_rule() {
    let rule = |name: &str, style| recommended_rule(&plain(name, ""), name, style, None);
    let rate = |name: &str, max: u32| json!({ "counter": format!("{name}_rate"), "window": "minute", "max": max, "scope": "grant" });
    for style in STYLES {
        assert_eq!(rule("get_user", style), json!({}));
        assert_eq!(rule("update_user", style), json!({ "limits": [rate("update_user", 30)] }));
        let run = json!({ "limits": [rate("run_job", 10)], "validate_arguments": true });
        assert_eq!(rule("run_job", style), run);
    }
    assert_eq!(rule("delete_user", Style::Strict), json!({ "action": "hide" }));
    assert_eq!(rule("delete_user", Style::Balanced)["approve_if"][0]["conditions"], json!([]));
    assert_eq!(rule("pay_invoice", Style::Strict)["deny_if"][0]["conditions"], json!([]));
    assert_eq!(rule("pay_invoice", Style::Balanced)["approve_if"][0]["conditions"], json!([]));
}

#[test]
fn a_spend_limit_stands_where_every_call_names_its_amount() {
    let limit = |schema: Value| {
        let assessment = plain("create_charge", "Charge a customer's card");
        let schema = schema.to_string();
        let rule = recommended_rule(&assessment, "create_charge", Style::Balanced, Some(&schema));
        rule["limits"][0]["increment_from"].clone()
    };
    let amount = json!({ "amount": { "type": "number" } });
    assert_eq!(limit(json!({ "properties": amount, "required": ["amount"] })), "args.amount");
    assert_eq!(limit(json!({ "properties": amount })), Value::Null);
    let text = json!({ "properties": { "amount": { "type": "string" } }, "required": ["amount"] });
    assert_eq!(limit(text), Value::Null);
    let nested = json!({ "properties": { "payment": {
        "type": "object", "properties": { "amount_cents": { "type": "integer" } },
        "required": ["amount_cents"],
    } }, "required": ["payment"] });
    assert_eq!(limit(nested), "args.payment.amount_cents");
}

#[test]
fn the_document_of_a_real_server() {
    let tools = classified("spark", include_str!("../fixtures/spark.json"));
    insta::assert_json_snapshot!(document(&tools, Style::Strict));
    assert_eq!(document(&tools, Style::Observe)["mode"], "observe");
    assert_eq!(document(&tools, Style::Balanced)["default"], "deny");
}

/// Text that would be a pattern, an escape or no counter at all, if it were taken as it is.
const EVIL: [&str; 6] = ["*", "delete_*", "pay\\\\*", "run\"\n", "", "pay.ünïcödé/../x"];

#[test]
fn every_recommended_document_is_one_of_the_language() {
    let real = [
        classified("spark", include_str!("../fixtures/spark.json")),
        classified("filesystem", include_str!("../fixtures/filesystem.json")),
        classified("git", include_str!("../fixtures/git.json")),
    ];
    let evil = EVIL.map(|name| Classified {
        name: name.to_owned(),
        schema: None,
        assessment: plain(name, "Pay a bill"),
    });
    for style in STYLES {
        for tools in real.iter().map(Vec::as_slice).chain([evil.as_slice()]) {
            let text = document(tools, style).to_string();
            let parsed = policy::parse(&text);
            assert!(parsed.is_ok(), "{text}: {parsed:?}");
        }
    }
}

#[test]
fn a_rule_means_its_tool_and_no_other() {
    let tools = ["delete_*", "get_*"].map(|name| Classified {
        name: name.to_owned(),
        schema: None,
        assessment: plain(name, ""),
    });
    let strict = document(&tools, Style::Strict);
    assert_eq!(strict["hide"], json!(["delete_\\*"]));
    assert_eq!(strict["tools"], json!({ "get_\\*": {} }));
}

#[test]
fn a_server_of_ten_thousand_tools_gets_a_document_that_fits() {
    let assessment = plain("run_job", "Run a job");
    let names: Vec<String> = (0..10_000).map(|at| format!("run_job_{at}")).collect();
    let tools: Vec<_> = names.iter().map(|name| (name.as_str(), &assessment, None)).collect();
    let document = recommended_policy(&tools, Style::Strict);
    assert!(document["tools"].as_object().unwrap().len() > 1_000);
    assert!(policy::parse(&document.to_string()).is_ok());
}
