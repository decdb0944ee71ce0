//! How long a backtest of a million recorded calls takes, rows from a real database included:
//! `cargo xtask db start`, its exports, then `cargo bench --bench backtest`. Without a database it
//! does nothing.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measured run fails like a test, talks to people, and finds its database by itself"
)]

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use domain::call::{CallPhases, CallStatus};
use domain::{CallId, CallRecord, GrantId, Outcome, PolicyId, ServerId};
use serde_json::{Value, json};
use sqlx::migrate::MigrateDatabase as _;
use sqlx::{PgPool, Postgres};
use testkit::{Tenant, TestApp, upstream};

const CALLS: usize = 1_000_000;
const BATCH: usize = 10_000;
const DAYS: i64 = 30;

#[tokio::main]
async fn main() {
    let Ok(url) = std::env::var("DATABASE_URL") else {
        println!("backtest: no DATABASE_URL, nothing is measured");
        return;
    };
    let name = format!("backtest_{}", std::process::id());
    let url = format!("{}/{name}", url.rsplit_once('/').unwrap().0);
    Postgres::create_database(&url).await.unwrap();
    let pool = PgPool::connect(&url).await.unwrap();
    store::MIGRATOR.run(&pool).await.unwrap();
    measure(pool.clone()).await;
    pool.close().await;
    Postgres::drop_database(&url).await.unwrap();
}

async fn measure(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let form = json!({ "name": "Shop", "url": upstream::demo().await });
    let server = t.admin().post("/api/v1/servers", form).await.expect(201).text("/id");
    let form = json!({ "name": "P", "server_id": server, "document": document(60, 1_000) });
    let policy = t.policy_manager().post("/api/v1/policies", form).await.expect(201).text("/id");
    let began = Instant::now();
    fill(&app, &t, server.parse().unwrap(), policy.parse().unwrap()).await;
    println!("backtest: {CALLS} calls recorded in {:.1?}", began.elapsed());
    let since = app.clock.now() - TimeDelta::days(DAYS + 1);
    let form = json!({ "document": document(3, 500), "since": since });
    let url = format!("/api/v1/policies/{policy}/backtest");
    for _ in 0..3 {
        let began = Instant::now();
        let found = t.viewer().post(&url, form.clone()).await.expect(200).json();
        println!(
            "backtest: {} calls in {:.2?}: {}",
            found["calls"],
            began.elapsed(),
            found["changes"]
        );
    }
    let form = json!({ "server_id": server, "since": since });
    let began = Instant::now();
    let found = t.viewer().post("/api/v1/policies/learn", form).await.expect(200).json();
    println!("learn: {} calls in {:.2?}", found["covered"]["calls"], began.elapsed());
}

/// A policy with conditions on arguments, approvals and limits.
fn document(per_minute: u32, most: u32) -> Value {
    let limit =
        |counter: &str, max: u32| json!({ "counter": counter, "window": "minute", "max": max });
    json!({ "version": "1", "default": "deny", "hide": ["delete_customer"],
        "all_tools": { "limits": [limit("all", 600)] },
        "tools": {
            "*_order": { "limits": [limit("lists", per_minute)] },
            "create_charge": {
                "require": [{ "conditions": [{ "path": "args.reason", "op": "exists", "value": true }] }],
                "deny_if": [{ "conditions": [{ "path": "args.amount", "op": "gt", "value": most }] }],
                "limits": [{ "counter": "slid", "window": "hour", "max": 500, "algorithm": "sliding" }] },
            "refund_charge": { "approve_if": [
                { "conditions": [{ "path": "grant.label", "op": "eq", "value": "agent-3" }] }] } } })
}

/// Records calls of fifty grants, evenly over the days.
async fn fill(app: &TestApp, t: &Tenant, server: ServerId, policy: PolicyId) {
    let end = app.clock.now();
    let start = end - TimeDelta::days(DAYS);
    let step = TimeDelta::days(DAYS) / i32::try_from(CALLS).unwrap();
    let grants: Vec<GrantId> = (0..50).map(|_| GrantId::fresh(start)).collect();
    for batch in 0..CALLS / BATCH {
        let call = |n: usize| {
            let at = start + step * i32::try_from(batch * BATCH + n).unwrap();
            record(t, at, grants[n % 50], n, server, policy)
        };
        let calls: Vec<_> = (0..BATCH).map(call).collect();
        let _rows = app.store.insert_calls(&calls).await.unwrap();
    }
}

fn record(
    t: &Tenant,
    at: DateTime<Utc>,
    grant: GrantId,
    n: usize,
    server: ServerId,
    policy: PolicyId,
) -> CallRecord {
    const TOOLS: [(&str, &[&str]); 5] = [
        ("list_customers", &["limit"]),
        ("get_order", &["order_id"]),
        ("create_charge", &["amount", "currency", "customer_id", "reason"]),
        ("refund_charge", &["charge_id"]),
        ("delete_customer", &["account_id"]),
    ];
    let (tool, keys) = TOOLS[n % 5];
    let is_hidden = tool == "delete_customer";
    CallRecord {
        id: CallId::fresh(at),
        organisation: t.id.as_uuid(),
        at,
        server: Some(server),
        grant,
        grant_label: format!("agent-{}", n % 50),
        method: "tools/call".to_owned(),
        target: Some(tool.to_owned()),
        outcome: if is_hidden { Outcome::Hidden } else { Outcome::Allowed },
        rule: if is_hidden { "(hidden)".to_owned() } else { String::new() },
        message: String::new(),
        policy: Some((policy, 1)),
        status: CallStatus { http: 200, jsonrpc: None, is_error: Some(false) },
        us: CallPhases { auth: 1, policy: 2, limits: 3, approval: 0, upstream: 4, total: 10 },
        request_bytes: 100,
        response_bytes: 200,
        client: Some("Claude Code 2.1.0".to_owned()),
        session: Some(format!("{:016x}", n % 200)),
        request_id: format!("req_{n}"),
        argument_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        arguments: None,
    }
}
