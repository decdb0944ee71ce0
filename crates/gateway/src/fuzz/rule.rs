//! One rule, and what a reader must see of every call that it lets pass.

use serde_json::Value;

use super::readers::Reader;

/// The one tool that may be called.
pub(crate) const TOOL: &str = "pay";

/// `amount` of at most 100, of money whose `kind` is `eur`.
pub(crate) const POLICY: &str = r#"{"version": "1", "default": "deny", "tools": {"pay": {
    "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 100}]}],
    "require": [{"conditions": [{"path": "args.money.kind", "op": "eq", "value": "eur"}]}]}}}"#;

/// What this reader takes the call for is still what the policy lets pass.
pub(crate) fn within_the_rule(reader: Reader, read: &Value) {
    let at = |path: &[&str]| path.iter().try_fold(read, |value, key| value.get(reader.key(key)));
    assert_eq!(at(&["method"]), Some(&Value::from("tools/call")), "{reader:?}");
    assert_eq!(at(&["params", "name"]), Some(&Value::from(TOOL)), "{reader:?}");
    let kind = at(&["params", "arguments", "money", "kind"]);
    assert_eq!(kind, Some(&Value::from("eur")), "{reader:?}");
    if let Some(amount) = at(&["params", "arguments", "amount"]).filter(|amount| !amount.is_null())
    {
        assert!(amount.as_f64().is_some_and(|amount| amount <= 100.0), "{reader:?} {amount}");
    }
}
