//! The record of one MCP call: who called what, what was decided, how it went. Argument keys;
//! values only sealed, and only where the organisation wants them.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::arguments::SealedArguments;
use crate::id::{CallId, GrantId, OrganisationId, PolicyId, ServerId};
use crate::server::words;

words! {
    /// How a call ended, in one word, the same everywhere: answers, records, filters, metrics.
    Outcome {
        /// Passed the policy and was forwarded.
        Allowed = "allowed",
        /// Refused by a rule.
        Denied = "denied",
        /// Over a limit.
        Limited = "limited",
        /// Hidden, or not in the server's list; answered as unknown.
        Hidden = "hidden",
        /// The definition changed and waits for review.
        Quarantined = "quarantined",
        /// Waits for a person.
        ApprovalRequired = "approval_required",
        /// Would have been refused; the policy only observes.
        Observed = "observed",
        /// Malformed; not judged.
        Invalid = "invalid",
        /// The server could not be reached or answered badly.
        UpstreamError = "upstream_error",
        /// The client went away.
        Cancelled = "cancelled",
    }
}

impl Outcome {
    /// The outcome of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.as_str() == word)
    }
}

/// The three layers in which an answer can say that it failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallStatus {
    /// HTTP status given to the client; 0 where the client had gone.
    pub http: u16,
    /// JSON-RPC error code, if the answer was an error.
    pub jsonrpc: Option<i64>,
    /// `isError` of a tool result, where it was seen.
    pub is_error: Option<bool>,
}

/// Where the time went, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPhases {
    /// Token, view, envelope.
    pub auth: u32,
    /// The decision.
    pub policy: u32,
    /// Counters.
    pub limits: u32,
    /// Waiting for a person.
    pub approval: u32,
    /// The server, to its last byte.
    pub upstream: u32,
    /// Everything, from the request's head to the answer's last byte.
    pub total: u32,
}

/// One row of the audit of calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Its id; drained idempotently by it.
    pub id: CallId,
    /// The tenant, as a raw UUID so that a spooled record can be read back.
    pub organisation: uuid::Uuid,
    /// When the request arrived.
    pub at: DateTime<Utc>,
    /// The server called; none for calls on the per-tenant URL that concern all.
    pub server: Option<ServerId>,
    /// The grant that called.
    pub grant: GrantId,
    /// Its label at that time.
    pub grant_label: String,
    /// JSON-RPC method; empty where the body was unreadable. ≤ 128 characters.
    pub method: String,
    /// Tool, prompt or resource URI. ≤ 512 characters.
    pub target: Option<String>,
    /// What was decided or what happened.
    pub outcome: Outcome,
    /// The rule that refused: `(hidden)`, `(default deny)`, or a JSON Pointer; empty if allowed.
    pub rule: String,
    /// The sentence the agent was given. ≤ 1 024 characters.
    pub message: String,
    /// The policy and version that judged.
    pub policy: Option<(PolicyId, i32)>,
    /// The three outcome layers.
    pub status: CallStatus,
    /// Latency by phase.
    pub us: CallPhases,
    /// Size of the request's body.
    pub request_bytes: u64,
    /// Size of the answer's body.
    pub response_bytes: u64,
    /// Name and version the client gave of itself; unverified.
    pub client: Option<String>,
    /// Short digest of the session id.
    pub session: Option<String>,
    /// Id of the HTTP request, as answered in `x-request-id`.
    pub request_id: String,
    /// Top-level keys of the arguments, sorted. ≤ 64 keys.
    pub argument_keys: Vec<String>,
    /// Their values, where the organisation has them recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<SealedArguments>,
}

impl CallRecord {
    /// The tenant.
    pub const fn organisation(&self) -> OrganisationId {
        OrganisationId::from_uuid(self.organisation)
    }
}
