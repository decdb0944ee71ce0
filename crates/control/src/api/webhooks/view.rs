//! How webhooks look from outside.

use chrono::{DateTime, Utc};
use domain::secret::PlainKey;
use domain::{DeliveryId, WebhookId};
use serde::Serialize;
use store::webhooks::{Delivery, Webhook};

/// A webhook, without its secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WebhookView {
    #[schema(value_type = String, example = "whk_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: WebhookId,
    #[schema(example = "https://hooks.example.com/drawbridge")]
    url: String,
    #[schema(example = json!(["grant", "policy.published"]))]
    events: Vec<String>,
    /// `json` or `slack`.
    #[schema(example = "json")]
    format: String,
    /// The secret's last characters.
    #[schema(example = "wxyz")]
    secret_hint: String,
    /// Since when nothing is told; null while it is.
    paused_at: Option<DateTime<Utc>>,
    /// Who made it.
    created_by: String,
    created_at: DateTime<Utc>,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.id,
            url: webhook.url,
            events: webhook.events,
            format: webhook.format,
            secret_hint: webhook.secret_hint,
            paused_at: webhook.paused_at,
            created_by: webhook.created_by,
            created_at: webhook.created_at,
        }
    }
}

/// A webhook that was just made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct NewWebhookView {
    #[serde(flatten)]
    webhook: WebhookView,
    /// What signs its deliveries. It is shown this once.
    #[schema(example = "dbw_…")]
    secret: String,
}

impl NewWebhookView {
    pub(super) fn new(webhook: Webhook, secret: &PlainKey) -> Self {
        Self { webhook: webhook.into(), secret: secret.reveal().to_owned() }
    }
}

/// A new secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SecretView {
    /// What signs deliveries from now on. It is shown this once.
    #[schema(example = "dbw_…")]
    pub(super) secret: String,
}

/// A delivery that was queued.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct QueuedView {
    #[schema(value_type = String, example = "dlv_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    pub(super) id: DeliveryId,
}

/// Something told, or to be told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DeliveryView {
    #[schema(value_type = String, example = "dlv_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: DeliveryId,
    /// What happened.
    #[schema(example = "grant.created")]
    event: String,
    /// `waiting`, `delivered` or `failed`.
    #[schema(example = "delivered")]
    status: String,
    /// How often it was tried.
    attempts: i32,
    /// When it is tried next; null for what is over, or goes out at once.
    next_at: Option<DateTime<Utc>>,
    /// The status of the last answer.
    http: Option<i32>,
    /// Why the last attempt failed.
    problem: Option<String>,
    /// When it happened.
    created_at: DateTime<Utc>,
    /// When it was delivered or given up.
    ended_at: Option<DateTime<Utc>>,
    /// What is sent.
    body: String,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let waits = delivery.status == "waiting" && delivery.attempts > 0;
        Self {
            id: delivery.id,
            event: delivery.event,
            status: delivery.status,
            attempts: delivery.attempts,
            next_at: waits.then_some(delivery.next_at),
            http: delivery.http,
            problem: delivery.problem,
            created_at: delivery.created_at,
            ended_at: delivery.ended_at,
            body: delivery.body,
        }
    }
}
