//! What is shown in lists.

use policy::ToolState;

use crate::support::{compiled, tools, with};

const NAMES: [&str; 5] = ["open", "denied", "maybe", "hidden", "unnamed"];

fn shown(text: &str) -> Vec<&'static str> {
    let policy = compiled(text, &tools(&NAMES));
    NAMES.into_iter().filter(|name| policy.lists(name)).collect()
}

const TOOLS: &str = r#""hide":["hidden"],"tools":{"open":{},"denied":{"action":"deny"},
    "maybe":{"deny_if":[{"conditions":[{"path":"args.a","op":"exists","value":true}]}]}}"#;

#[test]
fn denied_tools_stay_visible_unless_the_policy_says_otherwise() {
    assert_eq!(shown(&with(TOOLS)), ["open", "denied", "maybe", "unnamed"]);
    assert_eq!(shown(&with(&format!(r#""list_denied":false,{TOOLS}"#))), ["open", "maybe"]);
}

#[test]
fn what_all_tools_deny_is_denied_for_each() {
    let members = r#""list_denied":false,"all_tools":{"deny_if":[{"conditions":[]}]},"#;
    assert!(shown(&with(&format!("{members}{TOOLS}"))).is_empty());
}

#[test]
fn observed_tools_can_be_called_so_they_are_shown() {
    let text = with(&format!(r#""mode":"observe","list_denied":false,{TOOLS}"#));
    assert_eq!(shown(&text), ["open", "denied", "maybe", "unnamed"]);
}

#[test]
fn unknown_tools_are_never_shown() {
    let policy = compiled(r#"{"version":"1","default":"allow"}"#, &tools(&["a"]));
    assert!(policy.lists("a") && !policy.lists("b"));
}

#[test]
fn quarantined_tools_count_as_denied() {
    let mut known = tools(&["t"]);
    known[0].state = ToolState::Quarantined;
    let shown = |members: &str| {
        compiled(&with(&format!(r#"{members}"tools":{{"t":{{}}}}"#)), &known).lists("t")
    };
    assert!(shown(""));
    assert!(!shown(r#""list_denied":false,"#));
}
