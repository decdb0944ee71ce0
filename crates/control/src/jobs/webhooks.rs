//! Telling webhooks what happened: takes what is due from the queue, sends it through the client
//! that connects only where it may, signs it, and tries again later where it was not taken.
//!
//! Several processes may do so at once: what one has taken the others pass over.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use hmac::{Hmac, Mac};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use mcp::client::{Deadlines, read_all};
use sha2::Sha256;
use store::webhooks::{Attempted, Due};

use crate::acts::webhooks::owner;
use crate::app::App;
use crate::hex::hex;

/// Deliveries sent at a time.
const BATCH: i64 = 20;
/// How long a receiver may take to begin its answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are looked at; none of them is kept.
const ANSWER_LIMIT: usize = 64 << 10;
/// How long after each failed attempt the next one comes; after the last, none.
const PAUSES_SECS: [i64; 8] = [10, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400];

impl App {
    /// Sends what is due; gives how much that was.
    pub async fn deliver_webhooks(&self) -> store::Result<usize> {
        let due = self.store().take_deliveries(self.now(), BATCH).await?;
        join_all(due.iter().map(|due| self.attempt(due)))
            .await
            .into_iter()
            .collect::<Result<(), _>>()?;
        Ok(due.len())
    }

    async fn attempt(&self, due: &Due) -> store::Result<()> {
        let attempted = match self.send(due).await {
            Ok(http) => Attempted::Delivered { http },
            Err((http, problem)) => {
                let again_at = again_at(due.attempts, self.now());
                tracing::info!(webhook.id = %due.webhook, attempt = due.attempts, %problem, "a webhook was not told");
                Attempted::Failed { http, problem, again_at }
            }
        };
        self.store().note_delivery(due, &attempted, self.now()).await
    }

    /// The status of the receiver that took it; or its status, if any, and why it was not taken.
    async fn send(&self, due: &Due) -> Result<i32, (Option<i32>, String)> {
        let request = self.signed(due).map_err(|problem| (None, problem))?;
        let deadlines = Deadlines { first_byte: DEADLINE };
        let answer = self.upstream().send(request, deadlines).await;
        let answer = answer.map_err(|error| (None, error.to_string()))?;
        let status = answer.status();
        // Read to its end so that the connection serves again; what it says is nobody's business.
        let reading = read_all(answer.into_body(), ANSWER_LIMIT);
        let _read = tokio::time::timeout(DEADLINE, reading).await;
        let number = i32::from(status.as_u16());
        if status.is_success() {
            Ok(number)
        } else {
            Err((Some(number), format!("the receiver answered {status}")))
        }
    }

    fn signed(&self, due: &Due) -> Result<Request<Full<Bytes>>, String> {
        let timestamp = self.now().timestamp();
        let bound_to = owner(due.organisation, due.webhook);
        let mut signatures = Vec::new();
        for sealed in [Some(&due.secret_sealed), due.former_sealed.as_ref()].into_iter().flatten() {
            let secret = self.keyring().open(sealed, &bound_to).map_err(|e| e.to_string())?;
            signatures.push(format!("v1={}", sign(&secret, timestamp, &due.body)));
        }
        let request = Request::builder()
            .method(Method::POST)
            .uri(&due.url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(USER_AGENT, HeaderValue::from_static("Drawbridge-Webhooks/1"))
            .header("drawbridge-event", &due.event)
            .header("drawbridge-delivery", due.id.to_string())
            .header("drawbridge-timestamp", timestamp)
            .header("drawbridge-signature", signatures.join(","))
            .body(Full::new(Bytes::from(due.body.clone())));
        request.map_err(|error| error.to_string())
    }
}

/// HMAC-SHA256 of `{timestamp}.{body}`, in hexadecimal digits.
fn sign(secret: &[u8], timestamp: i64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(format!("{timestamp}.{body}").as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// When to try again after this attempt, counted from 1.
fn again_at(attempts: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let at = usize::try_from(attempts).ok()?.checked_sub(1)?;
    PAUSES_SECS.get(at).map(|secs| now + TimeDelta::seconds(*secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_the_time_and_the_body() {
        // `printf '1700000000.{}' | openssl dgst -sha256 -hmac key`
        let signature = sign(b"key", 1_700_000_000, "{}");
        assert_eq!(signature, "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
        assert_ne!(sign(b"key", 1_700_000_001, "{}"), signature);
        assert_ne!(sign(b"kez", 1_700_000_000, "{}"), signature);
    }

    #[test]
    fn attempts_come_further_and_further_apart_and_end() {
        let now = Utc::now();
        let pauses: Vec<_> = (1..=9).map(|n| again_at(n, now).map(|at| at - now)).collect();
        assert_eq!(pauses[0], Some(TimeDelta::seconds(10)));
        assert!(pauses[..8].windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(pauses[8], None);
    }
}
