//! One record for each call, whatever became of it, and an argument's value only where the
//! organisation wants it, sealed.

use std::sync::atomic::Ordering;

use domain::{CallRecord, Outcome};
use serde_json::json;

use crate::world::{Agent, World, allow_all, arguments_key, call, initialize};

#[tokio::test]
async fn a_record_says_who_called_what_and_how_it_went() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    let session = world.initialize(&agent).await.unwrap();
    let arguments = json!({"limit": 2, "a": "s3cret-value"});
    let reply = world.call(&agent, &session, "list_customers", arguments).await;
    let records = world.records.all();
    assert_eq!(records.len(), 2, "initialize and the call; the notification is none");
    assert_eq!(records[0].method, "initialize");
    assert_eq!(records[0].client.as_deref(), Some("test-client 1.2"));
    let record = &records[1];
    assert_eq!((record.grant, record.grant_label.as_str()), (agent.id, "agent"));
    assert_eq!(
        (record.method.as_str(), record.target.as_deref()),
        ("tools/call", Some("list_customers"))
    );
    assert_eq!(record.client.as_deref(), Some("test-client 1.2"), "known from the session");
    assert_eq!(record.argument_keys, ["a", "limit"]);
    assert!(!format!("{record:?}").contains("s3cret-value"));
    assert_eq!(record.arguments, None, "nobody asked for values");
    assert_eq!((record.outcome, record.rule.as_str()), (Outcome::Allowed, ""));
    assert_eq!((record.status.http, record.status.jsonrpc), (200, None));
    assert_eq!(record.request_id, reply.headers["x-request-id"].to_str().unwrap());
    assert_eq!(record.response_bytes, reply.text.len() as u64);
    assert!(record.request_bytes > 0 && record.us.upstream > 0);
    assert!(record.us.total >= record.us.upstream);
    assert!(record.server.is_some() && record.policy.is_some_and(|(_, version)| version == 1));
    assert_eq!(record.session.as_ref().unwrap().len(), 16);
    assert!(reply.headers["server-timing"].to_str().unwrap().contains("upstream;dur="));
}

#[tokio::test]
async fn every_outcome_makes_one_record() {
    let policy = json!({"version": "1", "default": "deny", "hide": ["get_order"], "tools": {
        "list_customers": {"limits": [{"counter": "c", "window": "day", "max": 1}]},
        "send_invoice": {"action": "require_approval", "reason": "ask"}}});
    let (world, agent, _) = World::with_shop(policy).await;
    for tool in ["list_customers", "list_customers", "get_order", "send_invoice", "refund_charge"] {
        world.run(&agent, tool, json!({})).await;
    }
    world.post_raw(&agent, &[], "nonsense").await;
    world.post(&agent, &[("content-type", "text/plain")], &initialize()).await;
    let outcomes: Vec<_> = world.records.all().iter().map(|record| record.outcome).collect();
    let wanted = [
        Outcome::Allowed,
        Outcome::Limited,
        Outcome::Hidden,
        Outcome::ApprovalRequired,
        Outcome::Denied,
        Outcome::Invalid,
        Outcome::Invalid,
    ];
    assert_eq!(outcomes, wanted);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done() {
    let (world, agent, shop) = World::with_shop(allow_all()).await;
    world.records.is_full.store(true, Ordering::SeqCst);
    let refused = world.post(&agent, &[], &call("list_customers", json!({}))).await;
    assert_eq!((refused.status, shop.total()), (503, 0));
    assert_eq!(refused.headers["retry-after"], "1");
}

#[tokio::test]
async fn what_cannot_be_remembered_before_it_is_forwarded_is_not_forwarded_and_counts_nothing() {
    let policy = json!({"version": "1", "default": "allow", "all_tools": {"limits": [
        {"counter": "one", "window": "hour", "max": 1}]}});
    let (world, agent) =
        World::with_upstream(
            policy,
            &["a"],
            |seen| async move { seen.result(&json!({"content": []})) },
        )
        .await;
    world.records.forwards_nothing.store(true, Ordering::SeqCst);
    assert_eq!(world.post(&agent, &[], &call("a", json!({}))).await.status, 503);
    world.records.forwards_nothing.store(false, Ordering::SeqCst);
    world.post(&agent, &[], &call("a", json!({}))).await;
    assert_eq!(world.records.last().outcome, Outcome::Allowed);
}

#[tokio::test]
async fn an_error_of_the_tool_or_the_server_is_recorded_as_such() {
    let (world, agent) = World::with_upstream(allow_all(), &["a", "b"], |seen| async move {
        if seen.json()["params"]["name"] == "a" {
            return seen.result(&json!({"content": [], "isError": true}));
        }
        let error = json!({"jsonrpc": "2.0", "id": 7, "error": {"code": -32603, "message": "x"}});
        crate::world::reply(200, "application/json", error.to_string())
    })
    .await;
    world.post(&agent, &[], &call("a", json!({}))).await;
    world.post(&agent, &[], &call("b", json!({}))).await;
    let records = world.records.all();
    assert_eq!((records[0].status.is_error, records[0].outcome), (Some(true), Outcome::Allowed));
    assert_eq!(records[1].status.jsonrpc, Some(-32603));
}

/// What opens of a record's arguments; none where they were too long.
fn values(record: &CallRecord) -> Option<String> {
    let sealed = record.arguments.as_ref().expect("recorded values");
    let opened = sealed.open(&arguments_key(), record.organisation(), record.id).unwrap();
    opened.map(|plain| String::from_utf8(plain).unwrap())
}

async fn with_values(policy: serde_json::Value) -> (World, Agent, demo::Recorder) {
    let (world, agent, shop) = World::with_shop(policy).await;
    world.publish(|organisation| organisation.settings.audit_values = true).await;
    (world, agent, shop)
}

#[tokio::test]
async fn values_are_recorded_as_they_were_sent_once_the_organisation_wants_them_and_no_longer() {
    let policy = json!({"version": "1", "default": "deny", "tools": {"list_customers": {}}});
    let (world, agent, _) = with_values(policy).await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"NAME",
        "arguments":{"limit": 2.0, "note" : "s3cret-value"}}}"#;
    for tool in ["list_customers", "refund_charge"] {
        world.post_raw(&agent, &[], body.replace("NAME", tool)).await;
        let record = world.records.last();
        assert_eq!(values(&record).unwrap(), r#"{"limit": 2.0, "note" : "s3cret-value"}"#);
        let spooled = serde_json::to_string(&record).unwrap();
        assert!(!format!("{record:?}{spooled}").contains("s3cret-value"));
    }
    assert_eq!(world.records.last().outcome, Outcome::Denied, "of a refused call as well");
    world.publish(|organisation| organisation.settings.audit_values = false).await;
    world.post_raw(&agent, &[], body.replace("NAME", "list_customers")).await;
    assert_eq!(world.records.last().arguments, None);
}

#[tokio::test]
async fn only_calls_of_tools_and_prompts_have_values_and_only_where_they_have_arguments() {
    let (world, agent, _) = with_values(allow_all()).await;
    world.run(&agent, "list_customers", json!(null)).await;
    assert_eq!(world.records.last().arguments, None);
    let prompt = json!({"jsonrpc": "2.0", "id": 1, "method": "prompts/get",
        "params": {"name": "x", "arguments": {"topic": "late"}}});
    world.post(&agent, &[], &prompt).await;
    assert_eq!(values(&world.records.last()).unwrap(), r#"{"topic":"late"}"#);
    let ping =
        json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"arguments": {"a": 1}}});
    world.post(&agent, &[], &ping).await;
    assert_eq!(world.records.last().arguments, None);
}

#[tokio::test]
async fn arguments_too_long_to_be_recorded_are_known_to_have_been_too_long() {
    let (world, agent, shop) = with_values(allow_all()).await;
    world.run(&agent, "list_customers", json!({"a": "x".repeat(32 << 10)})).await;
    assert_eq!(values(&world.records.last()), None);
    assert_eq!(shop.total(), 1, "the call itself goes through");
}

#[tokio::test]
async fn values_that_find_no_room_are_back_pressure_and_not_a_gap() {
    let (world, agent, shop) = with_values(allow_all()).await;
    world.records.widens_nothing.store(true, Ordering::SeqCst);
    let refused = world.post(&agent, &[], &call("list_customers", json!({"a": 1}))).await;
    assert_eq!((refused.status, shop.total()), (503, 0));
    let without = world.run(&agent, "list_customers", json!(null)).await;
    assert_eq!((without.status, shop.total()), (200, 1));
}
