//! Rows of calls, and what a call says of itself in a sentence.

use chrono::{DateTime, Utc};
use domain::{CallRecord, Outcome, Slug};

use super::time::Time;
use super::words::micros;
use crate::urls;

/// A call in a table.
#[derive(Debug, Clone)]
pub(crate) struct CallRow {
    pub(crate) url: String,
    pub(crate) outcome: &'static str,
    pub(crate) outcome_label: &'static str,
    pub(crate) tool: String,
    pub(crate) method: String,
    pub(crate) server: String,
    pub(crate) grant: String,
    pub(crate) message: String,
    pub(crate) total: String,
    pub(crate) time: Time,
}

impl CallRow {
    /// The row of a call; `server` is the name of its server, empty where there is none.
    pub(crate) fn of(call: &CallRecord, server: &str, slug: &Slug, now: DateTime<Utc>) -> Self {
        Self {
            url: urls::item(slug, "calls", call.id),
            outcome: call.outcome.as_str(),
            outcome_label: outcome_label(call.outcome),
            tool: call.target.clone().unwrap_or_default(),
            method: call.method.clone(),
            server: server.to_owned(),
            grant: call.grant_label.clone(),
            message: call.message.clone(),
            total: micros(call.us.total),
            time: Time::of(call.at, now),
        }
    }
}

/// An outcome as a badge shows it.
pub(crate) const fn outcome_label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => "Allowed",
        Outcome::Denied => "Denied",
        Outcome::Limited => "Limited",
        Outcome::Hidden => "Hidden",
        Outcome::Quarantined => "Quarantined",
        Outcome::ApprovalRequired => "Needs approval",
        Outcome::Observed => "Observed",
        Outcome::Invalid => "Invalid",
        Outcome::UpstreamError => "Server error",
        Outcome::Cancelled => "Cancelled",
    }
}

/// What happened to a call, in a sentence.
pub(crate) fn sentence_of(call: &CallRecord) -> String {
    let what = call.target.as_deref().filter(|t| !t.is_empty()).unwrap_or(&call.method);
    let what = if what.is_empty() { "a request" } else { what };
    let who = &call.grant_label;
    match call.outcome {
        Outcome::Allowed => format!("Allowed: {what} for grant {who}"),
        Outcome::Denied => format!("Denied: {what} for grant {who}"),
        Outcome::Limited => format!("Limited: {what} was over its limit for grant {who}"),
        Outcome::Hidden => {
            format!("Hidden: {what} was answered as unknown to grant {who}")
        }
        Outcome::Quarantined => {
            format!(
                "Quarantined: the definition of {what} waits for review; grant {who} asked for it"
            )
        }
        Outcome::ApprovalRequired => {
            format!("Needs approval: {what} for grant {who} was not forwarded")
        }
        Outcome::Observed => {
            format!(
                "Observed: {what} for grant {who} went through; the rules would have refused it"
            )
        }
        Outcome::Invalid => format!("Invalid: what grant {who} sent could not be judged"),
        Outcome::UpstreamError => {
            format!("Server error: {what} for grant {who} got no good answer from the server")
        }
        Outcome::Cancelled => {
            format!("Cancelled: grant {who} went away before {what} was answered")
        }
    }
}
