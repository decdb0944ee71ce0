//! Prompts, resources, and what servers ask of clients.

use policy::ServerRequest;

use crate::support::{compiled, context, said, with};

fn prompt(policy: &policy::Compiled, name: &str, arguments: &str) -> String {
    let tape = json::parse(arguments.as_bytes()).unwrap();
    said(&policy.prompt(name, Some(tape.root()), &context()))
}

fn resource(policy: &policy::Compiled, uri: &str) -> String {
    said(&policy.resource(uri, &context()))
}

#[test]
fn left_out_they_inherit_the_default() {
    let deny = compiled(&with(r#""tools":{}"#), &[]);
    assert_eq!(prompt(&deny, "p", "{}"), "denied (default deny) This is not allowed by policy.");
    assert_eq!(
        resource(&deny, "file:///a"),
        "denied (default deny) This is not allowed by policy."
    );
    assert!(ServerRequest::ALL.iter().all(|kind| !deny.server_request(*kind)));
    let allow = compiled(r#"{"version":"1","default":"allow"}"#, &[]);
    assert_eq!(prompt(&allow, "p", "{}"), "allowed");
    assert_eq!(resource(&allow, "file:///a/../b"), "allowed");
    assert!(ServerRequest::ALL.iter().all(|kind| allow.server_request(*kind)));
}

#[test]
fn prompts_have_rules_of_their_own() {
    let policy = compiled(
        &with(
            r#""prompts":{"default":"allow","hide":["secret_*"],"rules":{
                "review":{"deny_if":[{"conditions":[{"path":"args.lang","op":"eq","value":"php"}],
                    "on_deny":"No."}]},
                "old_*":{"action":"deny","reason":"Old."},
                "gone":{"action":"hide"},
                "rare":{"rate_limit":{"max":1,"window":"day"}}}}"#,
        ),
        &[],
    );
    assert_eq!(prompt(&policy, "other", "{}"), "allowed");
    assert_eq!(prompt(&policy, "secret_x", "{}"), "hidden (hidden) Unknown prompt: secret_x");
    assert_eq!(prompt(&policy, "gone", "{}"), "hidden (hidden) Unknown prompt: gone");
    assert_eq!(
        prompt(&policy, "review", r#"{"lang":"php"}"#),
        "denied /prompts/rules/review/deny_if/0 No."
    );
    let variant = prompt(&policy, "review", r#"{"Lang":"php"}"#);
    assert!(variant.starts_with("denied /prompts/rules/review/deny_if/0 The key"), "{variant}");
    assert_eq!(prompt(&policy, "old_one", "{}"), "denied /prompts/rules/old_*/deny_if/0 Old.");
    assert!(policy.lists_prompt("review") && !policy.lists_prompt("gone"));
    assert!(policy.lists_prompt("old_one"));
    let over_long = format!("secret_{}", "x".repeat(20_000));
    assert!(prompt(&policy, &over_long, "{}").starts_with("hidden"));
}

#[test]
fn resources_are_judged_by_uri() {
    let policy = compiled(
        &with(
            r#""list_denied":false,"resources":{"default":"deny","hide":["file:///srv/private/**"],
                "rules":{"file:///srv/**":{},"file:///srv/*/keys":{"action":"deny","reason":"Keys."},
                "file:///etc/hosts":{}}}"#,
        ),
        &[],
    );
    assert_eq!(resource(&policy, "file:///srv/a/b"), "allowed");
    assert_eq!(resource(&policy, "file:///etc/hosts"), "allowed");
    assert_eq!(
        resource(&policy, "file:///srv/a/keys"),
        "denied /resources/rules/file:~1~1~1srv~1*~1keys/deny_if/0 Keys."
    );
    assert_eq!(
        resource(&policy, "file:///srv/private/x"),
        "hidden (hidden) Unknown resource: file:///srv/private/x"
    );
    assert!(resource(&policy, "file:///etc/passwd").starts_with("denied (default deny)"));
    for dotted in ["file:///srv/../etc/passwd", "file:///srv/%2e%2e/etc", "file:///srv/a/./b"] {
        assert!(resource(&policy, dotted).starts_with("denied /resources "), "{dotted}");
        assert!(!policy.lists_resource(dotted), "{dotted}");
    }
    assert!(policy.lists_resource("file:///srv/a") && !policy.lists_resource("file:///etc/x"));
    assert!(!policy.lists_resource("file:///srv/private/x"));
}

#[test]
fn server_requests_are_allowed_one_by_one() {
    let policy =
        compiled(&with(r#""server_requests":{"elicitation":"allow","roots":"deny"}"#), &[]);
    assert!(policy.server_request(ServerRequest::Elicitation));
    assert!(!policy.server_request(ServerRequest::Roots));
    assert!(!policy.server_request(ServerRequest::Sampling));
}

#[test]
fn observe_waives_their_rules_too_but_hides_what_is_hidden() {
    let policy =
        compiled(&with(r#""mode":"observe","prompts":{"hide":["h"]},"resources":{}"#), &[]);
    assert!(prompt(&policy, "p", "{}").starts_with("observed (default deny)"));
    assert!(prompt(&policy, "h", "{}").starts_with("hidden"));
    assert!(resource(&policy, "x:y").starts_with("observed"));
    assert!(policy.server_request(ServerRequest::Sampling));
}
