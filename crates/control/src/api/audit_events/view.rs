//! How a row of the admin audit log looks from outside.

use chrono::{DateTime, Utc};
use domain::EventId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::audit::LoggedEvent;

/// A committed change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EventView {
    #[schema(value_type = String, example = "evt_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: EventId,
    /// When it was committed.
    time: DateTime<Utc>,
    /// Who: the id of a person or an API key, or `system`.
    #[schema(example = "usr_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    actor: String,
    /// With what it was asked for.
    #[schema(example = "access token")]
    credential: String,
    /// From which address.
    #[schema(example = "203.0.113.9")]
    address: Option<String>,
    /// What happened.
    #[schema(example = "grant.created")]
    kind: String,
    /// To what.
    #[schema(example = "grt_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    subject: String,
    /// More about it.
    #[schema(value_type = Object)]
    detail: Value,
    /// What was there before and after, row by row. Secrets only say whether they changed.
    changes: Vec<ChangeView>,
    /// Its number in the hash chain; null for what is older than the chain.
    seq: Option<i64>,
    /// Its digest, which covers it and all before it.
    digest: Option<String>,
}

/// One row that was added, changed or removed.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct ChangeView {
    /// The kind of thing.
    #[schema(example = "grants")]
    pub(crate) what: String,
    /// Its id.
    #[schema(example = "grt_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    pub(crate) id: String,
    /// Before; null for what was added. Of a change, only what is different.
    #[schema(value_type = Option<Object>)]
    pub(crate) before: Option<Value>,
    /// After; null for what was removed.
    #[schema(value_type = Option<Object>)]
    pub(crate) after: Option<Value>,
}

impl From<LoggedEvent> for EventView {
    fn from(event: LoggedEvent) -> Self {
        Self {
            changes: changes(&event),
            id: event.id,
            time: event.at,
            actor: event.actor,
            credential: event.credential,
            address: event.address,
            kind: event.kind,
            subject: event.subject,
            detail: event.detail,
            seq: event.seq,
            digest: event.digest.as_deref().map(domain::chain::hex),
        }
    }
}

/// What a row says of before and after; nothing for one from before that was noted.
pub(crate) fn changes(event: &LoggedEvent) -> Vec<ChangeView> {
    #[derive(Deserialize)]
    struct Noted {
        #[serde(default)]
        changes: Vec<ChangeView>,
    }
    let noted = event.entry.as_deref().and_then(|entry| serde_json::from_str::<Noted>(entry).ok());
    noted.map(|noted| noted.changes).unwrap_or_default()
}
