//! What a call asks of its limits.

use policy::{Algorithm, Call, Decision, LimitRequest, Scope, Window};

use crate::support::{asked, context, for_t, judged, rule, with};

fn limit(members: &str) -> policy::Compiled {
    for_t(&rule(&format!(r#"{{"limits":[{{"counter":"c","window":"day","max":100,{members}}}]}}"#)))
}

fn with_request(policy: &policy::Compiled, arguments: &str, look: impl FnOnce(&LimitRequest<'_>)) {
    let tape = json::parse(arguments.as_bytes()).unwrap();
    let context = context();
    let call = Call { tool: "t", arguments: Some(tape.root()), context: &context };
    let Decision::Allow { limits, .. } = policy.decide(&call) else {
        panic!("{}", judged(policy, "t", arguments))
    };
    look(&limits.requests()[0]);
}

fn key(policy: &policy::Compiled, arguments: &str) -> [u8; 32] {
    let mut key = None;
    with_request(policy, arguments, |request| key = request.key);
    key.unwrap()
}

#[test]
fn amounts_are_exact() {
    let policy = limit(r#""increment_from":"args.amount""#);
    for (amount, asks) in [("1", 1_000_000), ("0.1", 100_000), ("1e1", 10_000_000), ("0", 0)] {
        let asked = asked(&policy, &format!("{{\"amount\":{amount}}}"));
        assert_eq!(asked, [format!("c {asks}")], "{amount}");
    }
}

#[test]
fn amounts_that_cannot_be_counted_are_denied_with_a_reason() {
    let policy = limit(r#""increment_from":"args.amount""#);
    let cases = [
        ("{}", "amount is needed: it counts towards a limit."),
        (r#"{"amount":null}"#, "amount is needed: it counts towards a limit."),
        (r#"{"amount":"5"}"#, "amount must be a number."),
        (r#"{"amount":[5]}"#, "amount must be a number."),
        (r#"{"amount":-1}"#, "amount must not be negative: it counts towards a limit."),
        (r#"{"amount":0.0000001}"#, "amount may have at most 6 decimal places."),
        (r#"{"amount":9007199255}"#, "amount must not be larger than 9007199254."),
        (
            r#"{"amount":1e999}"#,
            "amount must be a number of at most 34 significant digits and an exponent within 400.",
        ),
    ];
    for (arguments, why) in cases {
        let said = judged(&policy, "t", arguments);
        assert_eq!(said, format!("denied /tools/t/limits/0 {why}"), "{arguments}");
    }
    let said = judged(&policy, "t", "null");
    assert!(said.contains("amount is needed"), "{said}");
}

#[test]
fn a_sum_over_a_list_adds_all_elements() {
    let policy = limit(r#""increment_from":"args.items[*].price""#);
    assert_eq!(asked(&policy, r#"{"items":[{"price":1.5},{"price":2}]}"#), ["c 3500000"]);
    assert_eq!(asked(&policy, r#"{"items":[]}"#), ["c 0"]);
    for (arguments, why) in [
        (r#"{"items":[{"price":1},{}]}"#, "items[*].price is needed"),
        (r#"{"items":[{"price":1},{"price":-1}]}"#, "items[*].price must not be negative"),
        (r#"{"items":{"price":1}}"#, "items must be a list."),
        (r#"{"items":[1]}"#, "items[*] must be an object."),
        (r#"{"items":[{"price":9007199254},{"price":1}]}"#, "must not be larger"),
    ] {
        let said = judged(&policy, "t", arguments);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_limit_carries_all_of_its_terms() {
    let policy = limit(
        r#""scope":"organisation","algorithm":"sliding","key":"args.id","on_deny":"Slow down.""#,
    );
    with_request(&policy, r#"{"id":"x"}"#, |request| {
        assert_eq!(request.rule, "/tools/t/limits/0");
        assert_eq!(request.limit.window, Window::Day);
        assert_eq!(request.limit.scope, Scope::Organisation);
        assert_eq!(request.limit.algorithm, Algorithm::Sliding);
        assert_eq!(request.limit.on_deny.as_deref(), Some("Slow down."));
        assert!(request.limit.spans_servers());
    });
    with_request(&limit(r#""across_servers":true"#), "{}", |request| {
        assert!(request.limit.spans_servers());
        assert_eq!((request.key, request.limit.scope), (None, Scope::Grant));
    });
}

#[test]
fn keys_are_told_apart_by_value_not_by_spelling() {
    let policy = limit(r#""key":"args.id""#);
    assert_eq!(key(&policy, r#"{"id":1}"#), key(&policy, r#"{"id":1.0}"#));
    assert_eq!(key(&policy, r#"{"id":"a"}"#), key(&policy, r#"{"id":"\u0061"}"#));
    assert_ne!(key(&policy, r#"{"id":1}"#), key(&policy, r#"{"id":"1"}"#));
    assert_ne!(key(&policy, r#"{"id":true}"#), key(&policy, r#"{"id":"true"}"#));
    for (arguments, why) in [
        ("{}", "id is needed: calls are counted by it."),
        (r#"{"id":null}"#, "id is needed: calls are counted by it."),
        (r#"{"id":[1]}"#, "id must be text, a number, true or false."),
        (r#"{"id":1e999}"#, "id must be a number of at most 34"),
    ] {
        let said = judged(&policy, "t", arguments);
        assert!(said.starts_with(&format!("denied /tools/t/limits/0 {why}")), "{said}");
    }
}

#[test]
fn a_key_can_be_an_attribute() {
    let policy = limit(r#""key":"client.name""#);
    assert_ne!(key(&policy, "{}"), [0; 32]);
    let mut unnamed = context();
    unnamed.client_name = None;
    let said = crate::support::at(&policy, "t", "{}", &unnamed);
    assert!(said.contains("client.name is needed"), "{said}");
}

#[test]
fn a_call_that_waits_for_approval_carries_its_limits() {
    let policy = for_t(&rule(
        r#"{"action":"require_approval","limits":[{"counter":"c","window":"day","max":1}]}"#,
    ));
    assert_eq!(asked(&policy, "{}"), ["c 1"]);
}

#[test]
fn observed_calls_are_counted_but_not_held_to_it() {
    let policy = for_t(&with(
        r#""mode":"observe","tools":{"t":{"limits":[
            {"counter":"calls","window":"day","max":1},
            {"counter":"sum","window":"day","max":1,"increment_from":"args.n"}]}}"#,
    ));
    let limits = |arguments: &str| {
        let tape = json::parse(arguments.as_bytes()).unwrap();
        let context = context();
        let call = Call { tool: "t", arguments: Some(tape.root()), context: &context };
        let Decision::Allow { limits, observed } = policy.decide(&call) else { panic!() };
        (limits.requests().len(), limits.is_enforced(), observed.is_some())
    };
    assert_eq!(limits(r#"{"n":5}"#), (2, false, false));
    // What cannot be counted is left out; the rest still counts.
    assert_eq!(limits("{}"), (1, false, true));
}
