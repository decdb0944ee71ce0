//! The admin REST API.

mod api_keys;
mod audit;
mod auth;
mod backtests;
mod calls;
mod discovery;
mod grants;
mod idempotency;
mod openapi;
mod organisation;
mod policies;
mod policy_tests;
mod rates;
mod reviews;
mod servers;
mod webhooks;

use chrono::TimeDelta;
use domain::call::{CallPhases, CallStatus};
use domain::{CallId, CallRecord, GrantId, Outcome, SealedArguments};
use serde_json::{Value, json};
use testkit::{Tenant, TestApp, upstream};

/// Registers the demo server; gives its id.
pub(crate) async fn demo_server(t: &Tenant) -> String {
    let form = json!({ "name": "Shop", "url": upstream::demo().await });
    t.admin().post("/api/v1/servers", form).await.expect(201).text("/id")
}

/// Makes a policy that allows everything; gives its id.
pub(crate) async fn policy(t: &Tenant, name: &str) -> String {
    let form = json!({ "name": name, "document": { "version": "1", "default": "allow" } });
    t.policy_manager().post("/api/v1/policies", form).await.expect(201).text("/id")
}

/// Pointers of a problem's errors, in order.
pub(crate) fn pointers(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

/// A call with these arguments recorded.
pub(crate) fn with_values(app: &TestApp, t: &Tenant, plain: &str) -> CallRecord {
    let call = call(app, t, "charge", Outcome::Allowed);
    let sealed = SealedArguments::seal(plain.as_bytes(), &app.arguments, t.id, call.id).unwrap();
    CallRecord { arguments: Some(sealed), ..call }
}

/// A finished call, a moment later than the last.
pub(crate) fn call(app: &TestApp, t: &Tenant, tool: &str, outcome: Outcome) -> CallRecord {
    app.clock.advance(TimeDelta::milliseconds(2));
    let now = app.clock.now();
    CallRecord {
        id: CallId::fresh(now),
        organisation: t.id.as_uuid(),
        at: now,
        server: None,
        grant: GrantId::fresh(now),
        grant_label: "ci-runner".to_owned(),
        method: "tools/call".to_owned(),
        target: Some(tool.to_owned()),
        outcome,
        rule: "/tools/charge/limits/0".to_owned(),
        message: "Too many.".to_owned(),
        policy: None,
        status: CallStatus { http: 200, jsonrpc: None, is_error: Some(true) },
        us: CallPhases { auth: 1, policy: 2, limits: 3, approval: 0, upstream: 4, total: 10 },
        request_bytes: 100,
        response_bytes: 200,
        client: Some("inspector/1".to_owned()),
        session: None,
        request_id: "req_1".to_owned(),
        argument_keys: vec!["amount".to_owned()],
        arguments: None,
    }
}
