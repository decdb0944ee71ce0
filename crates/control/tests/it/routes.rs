//! The table of routes, walked: every route with no credential, with another tenant's, with too
//! low a role. A route without a sample fails.

use control::Surface;
use control::guard::Right;
use control::routes::{Route, table};
use domain::Role;
use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::{Actor, Tenant, TestApp, upstream};

use crate::api::{demo_server, policy};

/// What there is of one tenant, to be named in paths.
struct Belongings {
    organisation: String,
    server: String,
    policy: String,
    grant: String,
    key: String,
    call: String,
    webhook: String,
    delivery: String,
    connection: String,
}

impl Belongings {
    async fn of(app: &TestApp, t: &Tenant) -> Self {
        let (server, policy) = (demo_server(t).await, policy(t, "P").await);
        let bindings = json!([{ "server_id": server, "policy_id": policy }]);
        let tests = format!("/api/v1/policies/{policy}/tests");
        let _added = t.policy_manager().post(&tests, sample_test("first")).await.expect(201);
        let grant = json!({ "label": "g", "bindings": bindings });
        let key = json!({ "name": "k", "role": "viewer" });
        let call = crate::api::call(app, t, "list_customers", domain::Outcome::Allowed);
        let _rows = app.store.insert_calls(std::slice::from_ref(&call)).await.unwrap();
        let hook = json!({ "url": upstream::nobody().await, "events": ["*"] });
        let webhook = t.admin().post("/api/v1/webhooks", hook).await.expect(201).text("/id");
        let test = format!("/api/v1/webhooks/{webhook}/test");
        let delivery = t.admin().post(&test, json!({})).await.expect(201).text("/id");
        Self {
            webhook,
            delivery,
            organisation: t.slug.to_string(),
            grant: t.admin().post("/api/v1/grants", grant).await.expect(201).text("/id"),
            key: t.admin().post("/api/v1/api-keys", key).await.expect(201).text("/id"),
            call: call.id.to_string(),
            connection: crate::oauth::connected(app, t, &server).await,
            server,
            policy,
        }
    }

    /// A path with its placeholders filled in.
    fn fill(&self, route: &Route) -> String {
        let mut before = "";
        let parts = route.path.split('/').map(|part| {
            let filled = match (before, part) {
                (_, "{organisation}") => &self.organisation,
                ("servers", "{id}" | "{server}") | ("bindings", "{server_id}") => &self.server,
                ("policies", "{id}") => &self.policy,
                ("grants", "{id}") => &self.grant,
                ("api-keys", "{id}") => &self.key,
                ("calls", "{id}") => &self.call,
                ("webhooks", "{id}") => &self.webhook,
                ("deliveries", "{delivery}") => &self.delivery,
                ("connections", "{connection}") => &self.connection,
                ("tools", "{tool}") => "list_customers",
                ("versions" | "tests", "{n}") => "1",
                (_, placeholder) if placeholder.starts_with('{') => {
                    panic!("no sample for {placeholder} of {}", route.path)
                }
                (_, word) => word,
            };
            before = part;
            filled.to_owned()
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

fn sample_test(name: &str) -> Value {
    json!({ "name": name, "tool": "list_customers", "expect": "allow" })
}

/// A body that reads, so that only what the path names can be at fault.
fn body(route: &Route) -> Option<Value> {
    let id = |prefix: &str| format!("{prefix}_{}", "0".repeat(32));
    match (route.method.as_str(), route.path) {
        ("PATCH", _) | ("POST", "/api/v1/policies/{id}/tests/run") => Some(json!({})),
        ("PUT", "/api/v1/policies/{id}/document") => {
            Some(json!({ "document": { "version": "1", "default": "deny" } }))
        }
        ("POST", "/api/v1/policies/{id}/tests") => Some(sample_test("added")),
        ("PUT", "/api/v1/policies/{id}/tests") => Some(json!({ "version": "1", "tests": [] })),
        ("POST", "/api/v1/policies/diff") => Some(json!({
            "policy_id": id("pol"), "document": { "version": "1", "default": "deny" }
        })),
        ("PUT", "/api/v1/grants/{id}/bindings/{server_id}/policy") => {
            Some(json!({ "policy_id": null }))
        }
        ("POST", "/api/v1/servers/{id}/tools/{tool}/review") => {
            Some(json!({ "fingerprint": "", "accept": true }))
        }
        ("POST", "/api/v1/policies/{id}/backtest") => Some(json!({
            "document": { "version": "1", "default": "deny" }, "since": "2026-01-01T00:00:00Z"
        })),
        ("POST", "/api/v1/policies/learn") => {
            Some(json!({ "server_id": id("srv"), "since": "2026-01-01T00:00:00Z" }))
        }
        ("POST", "/api/v1/policies/recommend") => {
            Some(json!({ "server_id": id("srv"), "style": "strict" }))
        }
        _ => None,
    }
}

/// Routes that anybody may use. The list may only be added to with a thought.
const OPEN: &[&str] = &[
    "GET /healthz",
    "GET /readyz",
    "GET /static/{hash}/{*path}",
    "GET /api/v1/openapi.json",
    "GET /api/v1/policy-schema.json",
    "POST /api/v1/auth/signup",
    "POST /api/v1/auth/token",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/logout",
    "GET /api/v1/auth/jwks.json",
    "GET /",
    "GET /docs",
    "GET /docs/",
    "GET /docs/policy",
    "GET /docs/api",
    "GET /favicon.svg",
    "GET /favicon.ico",
    "GET /robots.txt",
    "GET /signup",
    "POST /signup",
];
const OPEN_TOO: [&str; 8] = [
    "GET /login",
    "POST /login",
    "POST /logout",
    "GET /.well-known/oauth-authorization-server",
    "GET /authorize",
    "POST /token",
    "POST /register",
    "POST /revoke",
];

fn guarded() -> impl Iterator<Item = Route> {
    table().into_iter().filter(|route| route.right != Right::Anyone)
}

fn named(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

async fn ask(actor: &Actor, route: &Route, path: &str) -> u16 {
    let answer = match route.surface() {
        Surface::Page if route.method == Method::POST => actor.submit(path, "").await,
        Surface::Page | Surface::Api | Surface::OAuth => {
            actor.ask(route.method.clone(), path, body(route)).await
        }
    };
    answer.status.as_u16()
}

#[test]
fn only_the_routes_of_the_list_are_open_to_anybody() {
    let open: Vec<String> =
        table().iter().filter(|route| route.right == Right::Anyone).map(named).collect();
    let listed: Vec<&str> = OPEN.iter().copied().chain(OPEN_TOO).collect();
    let unlisted: Vec<_> = open.iter().filter(|route| !listed.contains(&route.as_str())).collect();
    assert!(unlisted.is_empty(), "open to anybody: {unlisted:?}");
    let gone: Vec<_> = listed.iter().filter(|route| !open.iter().any(|o| o == *route)).collect();
    assert!(gone.is_empty(), "no longer there: {gone:?}");
}

#[test]
fn no_route_is_declared_twice() {
    let mut names: Vec<_> = table().iter().map(named).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn without_a_credential_nothing_is_done(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let belongings = Belongings::of(&app, &t).await;
    for route in guarded() {
        let path = belongings.fill(&route);
        let status = ask(&app.anonymous(), &route, &path).await;
        let expected = match (route.surface(), &route.method) {
            (Surface::Page, &Method::GET) => 303,
            (Surface::Page | Surface::Api | Surface::OAuth, _) => 401,
        };
        assert_eq!(status, expected, "{}", named(&route));
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn another_tenants_things_are_not_there(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let belongings = Belongings::of(&app, &t).await;
    let outsider = t.outsider().await;
    for route in guarded().filter(|route| route.path.contains('{')) {
        let path = belongings.fill(&route);
        assert_eq!(ask(&outsider, &route, &path).await, 404, "{}", named(&route));
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn too_low_a_role_is_403_before_anything_is_read(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let belongings = Belongings::of(&app, &t).await;
    for route in guarded() {
        let Right::Permission { least, .. } = route.right else { continue };
        let path = belongings.fill(&route);
        for role in Role::ALL.into_iter().filter(|role| *role < least) {
            let person = t.person(role);
            assert_eq!(ask(person, &route, &path).await, 403, "{role}: {}", named(&route));
        }
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_least_role_that_may_is_let_through(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let belongings = Belongings::of(&app, &t).await;
    // What is removed or ended comes last, so that all else is still there.
    let ends = |route: &Route| {
        route.method == Method::DELETE
            || route.path.ends_with("/delete")
            || route.path.ends_with("revoke")
    };
    let mut routes: Vec<Route> = guarded().filter(|r| !r.path.ends_with("/live")).collect();
    routes.sort_by_key(ends);
    for route in routes {
        let Right::Permission { least, .. } = route.right else { continue };
        let path = belongings.fill(&route);
        let status = ask(t.person(least), &route, &path).await;
        assert!(!matches!(status, 401 | 403 | 405 | 500..), "{status}: {}", named(&route));
    }
}
