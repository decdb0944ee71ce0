//! Webhooks: what happened is told once it is committed, signed, and again where it was not taken.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use chrono::TimeDelta;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::{Tenant, TestApp};

use super::{pointers, policy};

const HOOKS: &str = "/api/v1/webhooks";

/// Takes deliveries, answers with a status that the test chooses, and keeps what it was sent.
#[derive(Clone)]
struct Receiver {
    url: String,
    status: Arc<Mutex<u16>>,
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Receiver {
    async fn new() -> Self {
        let (status, got) = (Arc::new(Mutex::new(200)), Arc::new(Mutex::new(Vec::new())));
        let (answer, kept) = (Arc::clone(&status), Arc::clone(&got));
        let take = move |headers: HeaderMap, body: String| {
            kept.lock().unwrap().push((headers, body));
            let status = StatusCode::from_u16(*answer.lock().unwrap()).unwrap();
            std::future::ready(status)
        };
        #[expect(clippy::disallowed_methods, reason = "a receiver of a test has no guards")]
        let router = Router::new().route("/hook", post(take));
        let url = testkit::upstream::serving(router, "/hook").await;
        Self { url, status, got }
    }

    fn answers(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    fn got(&self) -> Vec<(HeaderMap, Value)> {
        let got = self.got.lock().unwrap();
        let json = |body: &String| serde_json::from_str(body).unwrap();
        got.iter().map(|(headers, body)| (headers.clone(), json(body))).collect()
    }

    fn last_body(&self) -> String {
        self.got.lock().unwrap().last().unwrap().1.clone()
    }
}

async fn hook(t: &Tenant, url: &str, events: Value) -> (String, String) {
    let form = json!({ "url": url, "events": events });
    let made = t.admin().post(HOOKS, form).await.expect(201);
    (made.text("/id"), made.text("/secret"))
}

async fn told(t: &Tenant, id: &str) -> Vec<Value> {
    let path = format!("{HOOKS}/{id}/deliveries");
    t.admin().get(&path).await.expect(200).json().get("data").unwrap().as_array().unwrap().clone()
}

fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    use hmac::Mac;
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{body}").as_bytes());
    format!("v1={}", domain::chain::hex(&mac.finalize().into_bytes()))
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_committed_is_told_with_a_signature(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let receiver = Receiver::new().await;
    let (id, secret) = hook(&t, &receiver.url, json!(["policy", "grant.created"])).await;
    let made = policy(&t, "P").await;
    // Not listened to, and not done.
    let form = json!({ "name": "k", "role": "viewer" });
    let _key = t.admin().post("/api/v1/api-keys", form).await.expect(201);
    let twice = json!({ "name": "P", "document": { "version": "1", "default": "deny" } });
    let _refused = t.admin().post("/api/v1/policies", twice).await.expect(409);
    assert_eq!(app.app.deliver_webhooks().await.unwrap(), 1);
    assert_eq!(app.app.deliver_webhooks().await.unwrap(), 0);
    let [(headers, body)] = &receiver.got()[..] else { panic!("one delivery") };
    assert_eq!(body["type"], "policy.created");
    assert_eq!(body["organisation"], t.id.to_string());
    assert_eq!(body["data"]["subject"], made);
    assert_eq!(headers["drawbridge-event"], "policy.created");
    let timestamp = headers["drawbridge-timestamp"].to_str().unwrap();
    let expected = signature(&secret, timestamp, &receiver.last_body());
    assert_eq!(headers["drawbridge-signature"], expected);
    let told = told(&t, &id).await;
    assert_eq!((&told[0]["status"], &told[0]["http"]), (&json!("delivered"), &json!(200)));
    let listed = t.admin().get(HOOKS).await.expect(200);
    assert!(!listed.body.contains(&secret), "a secret never comes back");
    let _other = t.outsider().await.get(&format!("{HOOKS}/{id}")).await.expect(404);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_not_taken_is_told_again_later_and_given_up_in_the_end(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let receiver = Receiver::new().await;
    receiver.answers(503);
    let (id, _) = hook(&t, &receiver.url, json!(["policy", "webhook.replayed"])).await;
    let _made = policy(&t, "P").await;
    let mut attempts = 0;
    for _ in 0..20 {
        attempts += app.app.deliver_webhooks().await.unwrap();
        app.clock.advance(TimeDelta::days(1));
    }
    assert_eq!(attempts, 9);
    // Tokens end while days pass: the same people, signed in anew.
    let t = t.signed_in_anew().await;
    let [failed] = &told(&t, &id).await[..] else { panic!("one delivery") };
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["problem"], "the receiver answered 503 Service Unavailable");
    receiver.answers(204);
    let replay = format!("{HOOKS}/{id}/deliveries/{}/replay", failed["id"].as_str().unwrap());
    let _queued = t.admin().post(&replay, json!({})).await.expect(201);
    // The replay is an event of its own, which this webhook listens to.
    assert_eq!(app.app.deliver_webhooks().await.unwrap(), 2);
    assert!(
        told(&t, &id)
            .await
            .iter()
            .any(|d| d["event"] == "policy.created" && d["status"] == "delivered")
    );
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_paused_webhook_hears_nothing_and_a_test_goes_out_at_once(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let receiver = Receiver::new().await;
    let (id, _) = hook(&t, &receiver.url, json!(["policy"])).await;
    let path = format!("{HOOKS}/{id}");
    let _paused = t.admin().patch(&path, json!({ "paused": true })).await.expect(200);
    let _made = policy(&t, "P").await;
    assert_eq!(app.app.deliver_webhooks().await.unwrap(), 0);
    let slack = json!({ "paused": false, "format": "slack" });
    let _resumed = t.admin().patch(&path, slack).await.expect(200);
    let _queued = t.admin().post(&format!("{path}/test"), json!({})).await.expect(201);
    assert_eq!(app.app.deliver_webhooks().await.unwrap(), 1);
    let text = receiver.got()[0].1["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("*webhook.test* · whk_"), "{text}");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn for_a_day_after_a_rotation_both_secrets_sign(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let receiver = Receiver::new().await;
    let (id, first) = hook(&t, &receiver.url, json!(["policy"])).await;
    let rotate = format!("{HOOKS}/{id}/rotate");
    let second = t.admin().post(&rotate, json!({})).await.expect(200).text("/secret");
    let _made = policy(&t, "P").await;
    assert_eq!(app.app.deliver_webhooks().await.unwrap(), 1);
    let headers = receiver.got()[0].0.clone();
    let timestamp = headers["drawbridge-timestamp"].to_str().unwrap();
    let both = [&second, &first].map(|s| signature(s, timestamp, &receiver.last_body()));
    assert_eq!(headers["drawbridge-signature"], both.join(","));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_address_inside_and_an_event_that_never_comes_are_refused(pool: PgPool) {
    let app = TestApp::with(pool, |_, rules| rules.allow.clear());
    let t = app.tenant("acme").await;
    let form = json!({ "url": "http://169.254.169.254/latest", "events": ["grants", "*"] });
    let refused = t.admin().post(HOOKS, form).await.expect(422);
    assert_eq!(pointers(&refused.json()), ["/url", "/events/0"]);
    assert!(refused.body.contains("did you mean `grant"), "{}", refused.body);
    let _low = t.policy_manager().get(HOOKS).await.expect(403);
}
