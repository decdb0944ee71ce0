//! The two documents that must work to the letter.

use crate::support::{asked, compiled, document, judged, tools};
use policy::{Call, Category, Decision, Scope, Window};

const PUBLISHED: &str = r#"{"version":"1","default":"deny","tools":{"run_workflow":{"limits":[
  {"counter":"run_workflow_rate","window":"minute","max":10,"scope":"grant"}]}}}"#;

const FULLER: &str = r#"{"version":"1","default":"deny","hide":["delete_account"],
 "all_tools":{"limits":[{"counter":"calls-per-minute","window":"minute","max":60,"scope":"grant"}]},
 "tools":{"list_customers":{},
   "create_charge":{
     "require":[{"conditions":[{"path":"args.reason","op":"exists","value":true}],"on_deny":"Give a reason."}],
     "deny_if":[{"conditions":[{"path":"args.amount","op":"gt","value":10000}],"on_deny":"Too large."}],
     "approve_if":[{"conditions":[{"path":"args.amount","op":"gt","value":1000}],"on_deny":"A person must approve charges over 1000."}],
     "limits":[{"counter":"create_charge_rate","window":"minute","max":30,"scope":"grant"},
               {"counter":"daily_spend","window":"day","max":50000,"scope":"server","increment_from":"args.amount"}]}}}"#;

#[test]
fn the_published_document_allows_one_tool_within_a_rate() {
    let policy = compiled(PUBLISHED, &tools(&["run_workflow", "list_workflows"]));
    let context = crate::support::context();
    let call = Call { tool: "run_workflow", arguments: None, context: &context };
    let Decision::Allow { limits, observed: None } = policy.decide(&call) else { panic!() };
    assert!(limits.is_enforced());
    let [request] = limits.requests() else { panic!("{limits:?}") };
    assert_eq!(request.rule, "/tools/run_workflow/limits/0");
    assert_eq!((request.amount, request.limit.max), (1, 10));
    assert_eq!(request.limit.counter, "run_workflow_rate");
    assert_eq!((request.limit.window, request.limit.scope), (Window::Minute, Scope::Grant));
    assert_eq!(
        judged(&policy, "list_workflows", "{}"),
        "denied (default deny) This is not allowed by policy."
    );
    assert_eq!(
        judged(&policy, "no_such_tool", "{}"),
        "hidden (unknown tool) Unknown tool: no_such_tool"
    );
}

#[test]
fn the_fuller_document_judges_amounts() {
    let names = ["list_customers", "create_charge", "delete_account", "refund"];
    let policy = compiled(FULLER, &tools(&names));
    let charge = |arguments| judged(&policy, "create_charge", arguments);
    assert_eq!(judged(&policy, "list_customers", "null"), "allowed");
    assert_eq!(
        judged(&policy, "delete_account", "{}"),
        "hidden (hidden) Unknown tool: delete_account"
    );
    assert_eq!(
        judged(&policy, "refund", "{}"),
        "denied (default deny) This is not allowed by policy."
    );
    assert_eq!(charge(r#"{"reason":"x","amount":999.99}"#), "allowed");
    assert_eq!(charge(r#"{"amount":5}"#), "denied /tools/create_charge/require/0 Give a reason.");
    assert_eq!(
        charge(r#"{"reason":"x","amount":10000.01}"#),
        "denied /tools/create_charge/deny_if/0 Too large."
    );
    assert_eq!(
        charge(r#"{"reason":"x","amount":10000}"#),
        "approval_required /tools/create_charge/approve_if/0 A person must approve charges over 1000."
    );
    assert_eq!(
        charge(r#"{"reason":"x","amount":"99999"}"#),
        "denied /tools/create_charge/deny_if/0 amount must be a number."
    );
    assert_eq!(
        charge(r#"{"reason":"x"}"#),
        "denied /tools/create_charge/limits/1 amount is needed: it counts towards a limit."
    );
    assert_eq!(
        charge(r#"{"reason":"x","amount":5,"Amount":50000}"#),
        "denied /tools/create_charge The key \"Amount\" differs from another one only by case or \
         folding: leave one of them out."
    );
}

#[test]
fn the_fuller_document_reserves_its_limits_in_order() {
    let policy = compiled(&FULLER.replace("create_charge", "t"), &tools(&["t"]));
    let asked = asked(&policy, r#"{"reason":"x","amount":12.5}"#);
    assert_eq!(asked, ["calls-per-minute 1", "t_rate 1", "daily_spend 12500000"]);
}

#[test]
fn both_documents_are_already_in_normal_form_but_for_layout() {
    for text in [PUBLISHED, FULLER] {
        let normal: serde_json::Value = serde_json::from_str(&document(text).to_json()).unwrap();
        let written: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(normal, written);
        assert_eq!(serde_json::to_value(document(text)).unwrap(), written);
    }
    insta::assert_snapshot!(document(FULLER).to_json());
}

#[test]
fn neither_document_is_warned_about() {
    let mut facts = tools(&["run_workflow"]);
    assert_eq!(policy::warnings(&document(PUBLISHED), Some(&facts)), []);
    facts = tools(&["list_customers", "delete_account", "create_charge"]);
    facts[1].category = Category::Destructive;
    facts[2].category = Category::Financial;
    assert_eq!(policy::warnings(&document(FULLER), Some(&facts)), []);
}
