//! Key variants: what a careless server would take for a key that a rule names.

use crate::support::{compiled, for_t, judged, outcome, rule, tools, with};

#[test]
fn a_variant_of_a_named_key_is_denied_by_the_rule_that_names_it() {
    let policy = for_t(&with(
        r#""all_tools":{"deny_if":[{"conditions":[{"path":"args.env","op":"eq","value":"prod"}]}]},
        "tools":{"t":{"require":[{"conditions":[{"path":"args.user.id","op":"exists","value":true}]}],
        "limits":[{"counter":"c","window":"day","max":1,"increment_from":"args.amount"}]}}"#,
    ));
    let call =
        |extra: &str| judged(&policy, "t", &format!(r#"{{"user":{{"id":1}},"amount":1{extra}}}"#));
    assert_eq!(call(""), "allowed");
    assert_eq!(
        call(r#","ENV":"prod""#),
        "denied /all_tools/deny_if/0 The key \"ENV\" could be taken for \"env\": write \"env\" \
         exactly."
    );
    let said = judged(&policy, "t", r#"{"user":{"ID":1},"amount":1}"#);
    assert!(said.starts_with("denied /tools/t/require/0 The key \"ID\""), "{said}");
    let said = judged(&policy, "t", r#"{"user":{"id":1},"AMOUNT":1}"#);
    assert!(said.starts_with("denied /tools/t/limits/0 The key \"AMOUNT\""), "{said}");
    // The same letters elsewhere are another key.
    assert_eq!(call(r#","note":{"Env":"prod","Amount":5}"#), "allowed");
}

#[test]
fn two_keys_of_one_object_that_fold_alike_are_denied_whoever_names_them() {
    let policy = for_t(&rule("{}"));
    let said = judged(&policy, "t", r#"{"deep":[{"path":1,"Path":2}]}"#);
    assert!(said.starts_with("denied /tools/t The key \"Path\""), "{said}");
    assert_eq!(outcome(&policy, r#"{"a":{"x":1},"b":{"X":1}}"#), "allowed");
    // U+212A folds to k.
    assert_eq!(outcome(&policy, "{\"k\":1,\"\u{212a}\":2}"), "denied");

    let by_default = compiled(r#"{"version":"1","default":"allow"}"#, &tools(&["t"]));
    let said = judged(&by_default, "t", r#"{"a":1,"A":2}"#);
    assert!(said.starts_with("denied /default "), "{said}");
}

#[test]
fn arguments_that_are_no_object_are_denied() {
    let policy = for_t(&rule("{}"));
    assert_eq!(judged(&policy, "t", "[1]"), "denied /tools/t The arguments must be an object.");
}
