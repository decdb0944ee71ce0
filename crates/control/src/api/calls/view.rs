//! How a recorded call looks from outside.

use chrono::{DateTime, Utc};
use domain::call::{CallPhases, CallStatus};
use domain::{CallId, CallRecord, GrantId, Outcome, PolicyId, ServerId};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::acts::arguments::Values;

/// A recorded call. Argument keys, never values.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CallView {
    #[schema(value_type = String, example = "call_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: CallId,
    /// When the request arrived.
    time: DateTime<Utc>,
    /// The server; null for a call that concerns all of a grant's servers.
    #[schema(value_type = Option<String>)]
    server: Option<ServerId>,
    grant: GrantBrief,
    /// The JSON-RPC method.
    #[schema(example = "tools/call")]
    method: String,
    /// The tool, prompt or resource.
    tool: Option<String>,
    /// How it ended, in one word.
    #[schema(value_type = String, example = "allowed")]
    outcome: Outcome,
    /// The rule that refused: a JSON Pointer into the policy, or a word in brackets.
    #[schema(example = "/tools/create_charge/limits/0")]
    rule: String,
    /// What the agent was told.
    message: String,
    /// The policy that judged.
    policy: Option<PolicyBrief>,
    status: StatusView,
    us: PhasesView,
    /// Size of the request's body.
    request_bytes: u64,
    /// Size of the answer's body.
    response_bytes: u64,
    /// Top-level keys of the arguments, sorted.
    argument_keys: Vec<String>,
    /// What the client calls itself; unverified.
    client: Option<String>,
    /// Short digest of the session id.
    session: Option<String>,
    /// `x-request-id` of the answer.
    request_id: String,
}

/// A recorded call by itself, with the values of its arguments where they are recorded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CallDetail {
    #[serde(flatten)]
    call: CallView,
    /// The arguments as they were sent, what looks like a secret masked; null unless `shown`.
    #[schema(value_type = Option<Object>)]
    arguments: Option<Box<RawValue>>,
    /// Whether they are `shown`, and why not: `not_recorded`, `too_long`, `not_for_role`,
    /// `unreadable`.
    #[schema(example = "not_recorded")]
    arguments_state: &'static str,
}

impl CallDetail {
    /// A call, and what can be shown of its arguments.
    pub(crate) fn new(call: CallRecord, values: Values) -> Self {
        let arguments_state = values.as_str();
        let arguments = match values {
            Values::Shown(json) => RawValue::from_string(json).ok(),
            _ => None,
        };
        Self { call: call.into(), arguments, arguments_state }
    }
}

/// The grant that called, under its label of that time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct GrantBrief {
    #[schema(value_type = String)]
    id: GrantId,
    label: String,
}

/// A version of a policy.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PolicyBrief {
    #[schema(value_type = String)]
    id: PolicyId,
    version: i32,
}

/// The three layers in which an answer can say that it failed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct StatusView {
    /// HTTP status; 0 where the client had gone.
    http: u16,
    /// Code of a JSON-RPC error.
    jsonrpc: Option<i64>,
    /// `isError` of a tool's result.
    is_error: Option<bool>,
}

/// Where the time went, in microseconds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PhasesView {
    auth: u32,
    policy: u32,
    limits: u32,
    approval: u32,
    upstream: u32,
    total: u32,
}

impl From<CallStatus> for StatusView {
    fn from(status: CallStatus) -> Self {
        let CallStatus { http, jsonrpc, is_error } = status;
        Self { http, jsonrpc, is_error }
    }
}

impl From<CallPhases> for PhasesView {
    fn from(us: CallPhases) -> Self {
        let CallPhases { auth, policy, limits, approval, upstream, total } = us;
        Self { auth, policy, limits, approval, upstream, total }
    }
}

impl From<CallRecord> for CallView {
    fn from(call: CallRecord) -> Self {
        Self {
            id: call.id,
            time: call.at,
            server: call.server,
            grant: GrantBrief { id: call.grant, label: call.grant_label },
            method: call.method,
            tool: call.target,
            outcome: call.outcome,
            rule: call.rule,
            message: call.message,
            policy: call.policy.map(|(id, version)| PolicyBrief { id, version }),
            status: call.status.into(),
            us: call.us.into(),
            request_bytes: call.request_bytes,
            response_bytes: call.response_bytes,
            argument_keys: call.argument_keys,
            client: call.client,
            session: call.session,
            request_id: call.request_id,
        }
    }
}
