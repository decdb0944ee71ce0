//! Drafts on recorded calls, and what is learned from them.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{CallRecord, Outcome, PolicyId, SealedArguments, ServerId};
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::{Actor, Tenant, TestApp};

use super::{call, demo_server, pointers};

/// A recorded call of a tool of the demo server, decided by the first version of a policy.
fn past(app: &TestApp, t: &Tenant, on: (&str, &str), tool: &str, outcome: Outcome) -> CallRecord {
    let (server, policy): (ServerId, PolicyId) = (on.0.parse().unwrap(), on.1.parse().unwrap());
    CallRecord {
        server: Some(server),
        policy: Some((policy, 1)),
        rule: String::new(),
        ..call(app, t, tool, outcome)
    }
}

async fn a_policy(t: &Tenant, server: &str, document: Value) -> String {
    let form = json!({ "name": "P", "server_id": server, "document": document });
    t.policy_manager().post("/api/v1/policies", form).await.expect(201).text("/id")
}

fn week_before(app: &TestApp) -> DateTime<Utc> {
    app.clock.now() - TimeDelta::days(7)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_draft_is_held_against_what_is_in_force(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let id = a_policy(&t, &server, json!({ "version": "1", "default": "allow" })).await;
    let since = week_before(&app);
    let on = (&*server, &*id);
    let mut calls = vec![
        past(&app, &t, on, "create_charge", Outcome::Allowed),
        past(&app, &t, on, "create_charge", Outcome::Allowed),
        past(&app, &t, on, "list_customers", Outcome::Allowed),
        past(&app, &t, on, "refund_charge", Outcome::Allowed),
        // By the name of the URL of all servers.
        past(&app, &t, on, "shop__delete_customer", Outcome::Allowed),
    ];
    calls[1].argument_keys.clear();
    let malformed = past(&app, &t, on, "list_customers", Outcome::Invalid);
    let elsewhere =
        CallRecord { policy: None, ..past(&app, &t, on, "list_customers", Outcome::Denied) };
    calls.extend([malformed, elsewhere]);
    let _rows = app.store.insert_calls(&calls).await.unwrap();

    let draft = json!({ "version": "1", "default": "deny", "hide": ["delete_customer"], "tools": {
        "create_charge": { "deny_if": [
            { "conditions": [{ "path": "args.amount", "op": "gt", "value": 100 }] }] },
        "list_customers": {} } });
    app.clock.advance(TimeDelta::seconds(1));
    let url = format!("/api/v1/policies/{id}/backtest");
    let form = json!({ "document": draft, "since": since });
    let found = t.viewer().post(&url, form.clone()).await.expect(200).json();
    assert_eq!(
        found["changes"],
        json!({ "denied": 1, "hidden": 1, "limited": 0, "gated": 0, "allowed": 0, "unknown": 1,
                "unchanged": 2 })
    );
    assert_eq!((&found["calls"], &found["with_values"]), (&json!(5), &json!(1)));
    assert_eq!(found["missing"], json!([{ "path": "args.amount", "calls": 1 }]));
    let rules: Vec<_> =
        found["rules"].as_array().unwrap().iter().map(|r| (&r["change"], &r["rule"])).collect();
    assert_eq!(
        rules,
        [
            (&json!("denied"), &json!("(default deny)")),
            (&json!("hidden"), &json!("(hidden)")),
            (&json!("unknown"), &json!("/tools/create_charge/deny_if/0")),
        ]
    );
    let example = &found["rules"][0]["examples"][0];
    assert_eq!(example["id"], calls[3].id.to_string());
    assert_eq!(
        (&example["tool"], &example["outcome"]),
        (&json!("refund_charge"), &json!("allowed"))
    );
    assert_eq!(found["series"][0]["denied"], 1);
    assert_eq!(found["ended_at"], Value::Null);

    // All calls on the server, whoever decided them.
    let mut wider = form.clone();
    wider["server_id"] = json!(server);
    let found = t.viewer().post(&url, wider).await.expect(200).json();
    assert_eq!(found["calls"], 6);
    // Beside itself nothing changes, and nothing was saved or counted.
    let live = json!({ "document": { "version": "1", "default": "allow" }, "since": since });
    let found = t.viewer().post(&url, live).await.expect(200).json();
    assert_eq!((&found["changes"]["unchanged"], &found["rules"]), (&json!(5), &json!([])));
    let versions = t.viewer().get(&format!("/api/v1/policies/{id}/versions")).await.expect(200);
    assert_eq!(versions.json()["data"].as_array().unwrap().len(), 1);
    let _foreign = t.outsider().await.post(&url, form).await.expect(404);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn limits_are_replayed_at_the_times_of_the_calls(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let id = a_policy(&t, &server, json!({ "version": "1", "default": "allow" })).await;
    let since = week_before(&app);
    let first = past(&app, &t, (&server, &id), "list_customers", Outcome::Allowed);
    let day = (since + TimeDelta::days(1)).date_naive().and_hms_opt(12, 0, 0).unwrap().and_utc();
    let at = |seconds: i64| {
        let at = day + TimeDelta::seconds(seconds);
        CallRecord { id: domain::CallId::fresh(at), at, ..first.clone() }
    };
    let calls: Vec<_> = [0, 10, 59, 60, 61, 3_600].map(at).into();
    let _rows = app.store.insert_calls(&calls).await.unwrap();
    let limit = json!({ "counter": "c", "window": "minute", "max": 2 });
    let draft = json!({ "version": "1", "default": "allow", "tools": { "list_customers": { "limits": [limit] } } });
    let form = json!({ "document": draft, "since": since });
    let url = format!("/api/v1/policies/{id}/backtest");
    let found = t.viewer().post(&url, form).await.expect(200).json();
    assert_eq!(found["changes"]["limited"], 1);
    assert_eq!(found["rules"][0]["rule"], "/tools/list_customers/limits/0");
    assert_eq!(found["rules"][0]["examples"][0]["id"], calls[2].id.to_string());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn values_settle_what_names_leave_open_for_who_may_see_them(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let id = a_policy(&t, &server, json!({ "version": "1", "default": "allow" })).await;
    let since = week_before(&app);
    let with = |plain: &str| {
        let call = past(&app, &t, (&server, &id), "create_charge", Outcome::Allowed);
        let sealed =
            SealedArguments::seal(plain.as_bytes(), &app.arguments, t.id, call.id).unwrap();
        CallRecord { arguments: Some(sealed), ..call }
    };
    let calls = [
        with(r#"{"amount":250}"#),
        with(r#"{"amount":50}"#),
        // Shown to nobody, so it tells nothing here either.
        with(r#"{"amount":250,"password":"hunter2!"}"#),
    ];
    let _rows = app.store.insert_calls(&calls).await.unwrap();
    app.clock.advance(TimeDelta::seconds(1));
    let over = json!([{ "conditions": [{ "path": "args.amount", "op": "gt", "value": 100 }] }]);
    let draft = json!({ "version": "1", "default": "allow",
                        "tools": { "create_charge": { "deny_if": over } } });
    let url = format!("/api/v1/policies/{id}/backtest");
    let form = json!({ "document": draft, "since": since });
    let changes = async |actor: &Actor| {
        let found = actor.post(&url, form.clone()).await.expect(200).json();
        let changes = &found["changes"];
        ["denied", "unknown", "unchanged"].map(|word| changes[word].as_u64().unwrap())
    };
    assert_eq!(changes(t.policy_manager()).await, [1, 1, 1]);
    assert_eq!(changes(t.viewer()).await, [0, 3, 0]);
    let learn = json!({ "server_id": server, "since": since });
    let learned = t.policy_manager().post("/api/v1/policies/learn", learn).await.expect(200);
    assert!(!learned.body.contains("hunter2"), "{}", learned.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn everything_wrong_with_a_backtest_is_said_at_once(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let id = super::policy(&t, "P").await;
    let url = format!("/api/v1/policies/{id}/backtest");
    let form = json!({ "document": { "version": "1", "default": "maybe", "tols": {} },
                       "since": app.clock.now() - TimeDelta::days(400),
                       "server_id": format!("srv_{}", "0".repeat(32)) });
    let refused = t.viewer().post(&url, form).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/since", "/document/default", "/document/tols", "/server_id"]);
    let later = json!({ "document": { "version": "1", "default": "deny" },
                        "since": app.clock.now() + TimeDelta::days(1) });
    let refused = t.viewer().post(&url, later).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/since"]);
    let learn = json!({ "server_id": format!("srv_{}", "0".repeat(32)),
                        "since": app.clock.now() - TimeDelta::days(400),
                        "grant_id": format!("grt_{}", "0".repeat(32)) });
    let refused = t.viewer().post("/api/v1/policies/learn", learn).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/since", "/server_id", "/grant_id"]);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_least_that_was_needed_is_proposed_and_tried(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let id = a_policy(&t, &server, json!({ "version": "1", "default": "allow" })).await;
    let since = week_before(&app);
    let on = (&*server, &*id);
    let allowed = past(&app, &t, on, "list_customers", Outcome::Allowed);
    let again = CallRecord {
        grant: allowed.grant,
        ..past(&app, &t, on, "list_customers", Outcome::Allowed)
    };
    let refused = past(&app, &t, on, "delete_customer", Outcome::Denied);
    let others = past(&app, &t, on, "create_charge", Outcome::Allowed);
    let calls = [allowed, again, refused, others];
    let _rows = app.store.insert_calls(&calls).await.unwrap();
    app.clock.advance(TimeDelta::seconds(1));

    let form = json!({ "server_id": server, "since": since });
    let learned = t.viewer().post("/api/v1/policies/learn", form).await.expect(200).json();
    assert_eq!(learned["covered"]["calls"], 3);
    let tools: Vec<_> =
        learned["covered"]["tools"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(tools, ["create_charge", "list_customers"]);
    assert_eq!(learned["covered"]["tools"][1]["max_a_minute"], 5);
    let never = learned["covered"]["never_called"].as_array().unwrap();
    assert!(never.contains(&json!("delete_customer")) && !never.contains(&json!("create_charge")));
    let denied: Vec<_> = learned["would_deny"].as_array().unwrap().iter().collect();
    assert_eq!(denied.len(), 1, "{learned}");
    assert_eq!((&denied[0]["rule"], &denied[0]["count"]), (&json!("(default deny)"), &json!(1)));
    let document = &learned["document"];
    assert_eq!(document["tools"]["list_customers"]["limits"][0]["counter"], "list_customers_rate");
    let checked = json!({ "document": document, "server_id": server });
    let checked = t.viewer().post("/api/v1/policies/validate", checked).await.expect(200).json();
    assert_eq!(checked["valid"], true, "{checked}");

    // Of one grant: what the others called would be refused too.
    let grant =
        json!({ "label": "ci-runner", "bindings": [{ "server_id": server, "policy_id": id }] });
    let grant = t.admin().post("/api/v1/grants", grant).await.expect(201).text("/id");
    let form = json!({ "server_id": server, "since": since, "grant_id": grant });
    let learned = t.viewer().post("/api/v1/policies/learn", form).await.expect(200).json();
    assert_eq!(
        (&learned["covered"]["calls"], &learned["would_deny"][0]["count"]),
        (&json!(0), &json!(4))
    );
}
