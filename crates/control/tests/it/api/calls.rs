//! The audit of calls.

use domain::Outcome;
use insta::assert_json_snapshot;
use sqlx::PgPool;
use testkit::TestApp;

use super::{call, with_values};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn calls_are_listed_filtered_and_shown(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let calls = [
        call(&app, &t, "charge", Outcome::Limited),
        call(&app, &t, "list", Outcome::Allowed),
        call(&app, &t, "refund", Outcome::Allowed),
    ];
    let _rows = app.store.insert_calls(&calls).await.unwrap();
    let tools = async |query: &str| {
        let answer = t.viewer().get(&format!("/api/v1/calls{query}")).await.expect(200).json();
        let data = answer["data"].as_array().unwrap().clone();
        data.iter().map(|c| c["tool"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(tools("").await, ["refund", "list", "charge"]);
    assert_eq!(tools("?outcome=allowed").await, ["refund", "list"]);
    assert_eq!(tools("?tool=list&outcome=").await, ["list"]);
    assert_eq!(tools("?q=CHAR&tool=charge").await, ["charge"]);
    assert_eq!(tools(&format!("?grant={}", calls[0].grant)).await, ["charge"]);
    let since = calls[1].at.format("%Y-%m-%dT%H:%M:%S%.6fZ");
    assert_eq!(tools(&format!("?since={since}")).await, ["refund", "list"]);
    assert_eq!(tools(&format!("?until={since}")).await, ["charge"]);
    let shown = t.viewer().get(&format!("/api/v1/calls/{}", calls[0].id)).await.expect(200).json();
    assert_json_snapshot!(shown, { ".id" => "", ".time" => "", ".grant.id" => "" }, @r#"
    {
      "id": "",
      "time": "",
      "server": null,
      "grant": {
        "id": "",
        "label": "ci-runner"
      },
      "method": "tools/call",
      "tool": "charge",
      "outcome": "limited",
      "rule": "/tools/charge/limits/0",
      "message": "Too many.",
      "policy": null,
      "status": {
        "http": 200,
        "jsonrpc": null,
        "is_error": true
      },
      "us": {
        "auth": 1,
        "policy": 2,
        "limits": 3,
        "approval": 0,
        "upstream": 4,
        "total": 10
      },
      "request_bytes": 100,
      "response_bytes": 200,
      "argument_keys": [
        "amount"
      ],
      "client": "inspector/1",
      "session": null,
      "request_id": "req_1",
      "arguments": null,
      "arguments_state": "not_recorded"
    }
    "#);
    let _foreign =
        t.outsider().await.get(&format!("/api/v1/calls/{}", calls[0].id)).await.expect(404);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn recorded_values_are_shown_from_policy_manager_up_and_secrets_are_masked(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let call = with_values(&app, &t, r#"{"amount": 1.50, "password": "hunter2!"}"#);
    let long = with_values(&app, &t, &" ".repeat(40_000));
    // As if a row had been moved to another call.
    let mut moved = with_values(&app, &t, "{}");
    moved.arguments.clone_from(&call.arguments);
    let _rows = app.store.insert_calls(&[call.clone(), long.clone(), moved.clone()]).await.unwrap();
    let path = |id: domain::CallId| format!("/api/v1/calls/{id}");
    let seen = t.policy_manager().get(&path(call.id)).await.expect(200);
    assert!(seen.body.contains("1.50"), "digits as they were sent: {}", seen.body);
    assert_eq!(seen.text("/arguments_state"), "shown");
    assert!(!seen.body.contains("hunter2"));
    let seen = t.viewer().get(&path(call.id)).await.expect(200);
    assert_eq!(seen.text("/arguments_state"), "not_for_role");
    assert!(seen.json()["arguments"].is_null() && !seen.body.contains("1.50"));
    let list = t.admin().get("/api/v1/calls").await.expect(200);
    assert!(!list.body.contains("1.50"), "lists have keys only");
    let state = async |id| t.admin().get(&path(id)).await.expect(200).text("/arguments_state");
    assert_eq!(state(long.id).await, "too_long");
    assert_eq!(state(moved.id).await, "unreadable");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_misspelt_filter_is_refused_rather_than_ignored(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let refused = t.viewer().get("/api/v1/calls?outcom=denied").await.expect(422);
    assert_eq!(refused.text("/errors/0/pointer"), "/outcom");
    let refused = t.viewer().get("/api/v1/calls?outcome=refused").await.expect(422);
    assert!(refused.text("/errors/0/detail").contains("choose one of: allowed, denied"));
    let refused = t.viewer().get("/api/v1/calls?server=grt_1").await.expect(422);
    assert_eq!(refused.text("/errors/0/pointer"), "/server");
    let _refused = t.viewer().get("/api/v1/calls?tool=%00").await.expect(422);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn usage_counts_by_outcome_and_hour(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let calls = [
        call(&app, &t, "charge", Outcome::Limited),
        call(&app, &t, "list", Outcome::Allowed),
        call(&app, &t, "list", Outcome::Allowed),
    ];
    let _rows = app.store.insert_calls(&calls).await.unwrap();
    let usage = t.viewer().get("/api/v1/usage?by=outcome&bucket=day").await.expect(200).json();
    let counts: i64 =
        usage["data"].as_array().unwrap().iter().map(|c| c["count"].as_i64().unwrap()).sum();
    assert_eq!(counts, 3);
    let _unknown = t.viewer().get("/api/v1/usage?by=weather").await.expect(422);
}
