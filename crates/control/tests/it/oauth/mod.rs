//! MCP clients that log in.

mod authorize;
mod clients;
mod consent;
mod mistakes;
mod token;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{PgPool, Row};
use store::snapshot::Snapshot;
use testkit::{Answer, Tenant, TestApp};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::api::demo_server;

/// Where the gateway of these tests is.
const GATEWAY: &str = "https://gateway.test";
/// Where the client waits for its code.
const REDIRECT: &str = "http://127.0.0.1:9917/callback";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";

type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// Parameters as a query or a form.
fn encoded(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The challenge of a verifier.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// What a URL carries.
fn carried(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

/// A client that has registered, and the organisation it wants into: `acme` with the server `shop`.
struct World {
    app: TestApp,
    t: Tenant,
    server: String,
    client: String,
    resource: String,
}

/// What a client was issued.
struct Tokens {
    access: String,
    refresh: String,
}

impl World {
    async fn new(pool: &PgPool) -> Self {
        let app = TestApp::new(pool.clone());
        let t = app.tenant("acme").await;
        let server = demo_server(&t).await;
        let client = register(&app, &[REDIRECT]).await;
        Self { app, t, server, client, resource: format!("{GATEWAY}/t/acme/shop/mcp") }
    }

    /// A good request.
    fn request(&self) -> String {
        self.changed(&[])
    }

    /// A good request but for these; an empty one is left out.
    fn changed(&self, changes: &[(&str, &str)]) -> String {
        let challenge = challenge(VERIFIER);
        let mut pairs: Pairs<'_> = vec![
            ("response_type", "code"),
            ("client_id", &self.client),
            ("redirect_uri", REDIRECT),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("resource", &self.resource),
            ("scope", "mcp"),
            ("state", "s t&te"),
        ];
        for (name, value) in changes {
            pairs.retain(|(known, _)| known != name);
            if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        encoded(&pairs)
    }

    /// The admin says yes to a request, with a new grant as recommended.
    async fn allow(&self, request: &str) -> Answer {
        let policy = format!("policy[{}]", self.server);
        let form = encoded(&[
            ("request", request),
            ("grant", "new"),
            ("label", "Claude"),
            ("server", &self.server),
            (&policy, "recommended"),
        ]);
        self.t.admin().submit(&format!("/o/{}/authorize", self.t.slug), &form).await
    }

    /// The code that a yes gives.
    async fn code(&self) -> String {
        let answer = self.allow(&self.request()).await.expect(303);
        carried(&answer.header("location"), "code").unwrap()
    }

    /// Redeems a code, with these parameters changed.
    async fn redeem(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        let mut pairs: Pairs<'_> = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("client_id", &self.client),
            ("redirect_uri", REDIRECT),
            ("resource", &self.resource),
        ];
        change(&mut pairs, changes);
        self.app.anonymous().submit("/token", &encoded(&pairs)).await
    }

    /// Exchanges a refresh token, with these parameters changed.
    async fn refresh(&self, token: &str, changes: &[(&str, &str)]) -> Answer {
        let mut pairs: Pairs<'_> = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", &self.client),
        ];
        change(&mut pairs, changes);
        self.app.anonymous().submit("/token", &encoded(&pairs)).await
    }

    /// Tokens of a client that was let in.
    async fn tokens(&self) -> Tokens {
        let code = self.code().await;
        Tokens::of(&self.redeem(&code, &[]).await.expect(200))
    }

    /// What the gateway sees.
    async fn snapshot(&self) -> Snapshot {
        self.app.store.snapshot(&self.t.slug).await.unwrap().unwrap()
    }

    /// How many access tokens the gateway takes.
    async fn live(&self) -> usize {
        let seen = self.snapshot().await;
        seen.connections.iter().filter(|connection| connection.token.is_some()).count()
    }
}

impl Tokens {
    fn of(answer: &Answer) -> Self {
        Self { access: answer.text("/access_token"), refresh: answer.text("/refresh_token") }
    }
}

fn change<'a>(pairs: &mut Pairs<'a>, changes: &[(&'a str, &'a str)]) {
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
}

/// A client that registers itself; its id.
async fn register(app: &TestApp, uris: &[&str]) -> String {
    let form = json!({ "client_name": "Claude Code", "redirect_uris": uris });
    app.anonymous().post("/register", form).await.expect(201).text("/client_id")
}

/// The kinds of what is on record, oldest first.
async fn events(pool: &PgPool) -> Vec<String> {
    let rows = sqlx::raw_sql("select kind from audit_events order by id").fetch_all(pool).await;
    rows.unwrap().iter().map(|row| row.get("kind")).collect()
}

/// A client that is connected to a server of a tenant; the id of its connection.
pub(crate) async fn connected(app: &TestApp, t: &Tenant, server: &str) -> String {
    let client = register(app, &[REDIRECT]).await;
    let resource = format!("{GATEWAY}/t/{}/shop/mcp", t.slug);
    let (app, t, server) = (app.clone(), t.clone(), server.to_owned());
    let world = World { app, t, server, client, resource };
    let _tokens = world.tokens().await;
    world.snapshot().await.connections.first().unwrap().id.to_string()
}
