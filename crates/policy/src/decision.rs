//! What a policy answers about one call.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::limit::Limits;

/// Rule ids of decisions that no rule of a document made. Every other one is a JSON Pointer.
pub mod rule {
    /// The binding has no policy.
    pub const NO_POLICY: &str = "(no policy)";
    /// The name is hidden.
    pub const HIDDEN: &str = "(hidden)";
    /// The server has no such tool.
    pub const UNKNOWN_TOOL: &str = "(unknown tool)";
    /// The definition waits for review.
    pub const DEFINITION_CHANGED: &str = "(definition changed)";
    /// No rule applies and the default is to deny.
    pub const DEFAULT_DENY: &str = "(default deny)";
}

/// One call, as the decision sees it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The tool's own name, without a server's prefix.
    pub tool: &'a str,
    /// The arguments object; `None` where there is none or it is `null`.
    pub arguments: Option<json::Node<'a>>,
    /// Who calls, and when.
    pub context: &'a Context<'a>,
}

/// Who asks, and when: what `grant.*`, `client.*` and `time.*` mean in a condition.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The grant's label.
    pub grant_label: &'a str,
    /// The name that the client gave itself, if it gave one.
    pub client_name: Option<&'a str>,
    /// The moment of the call.
    pub now: DateTime<Utc>,
}

/// The answer. It borrows from the policy, so the common answers allocate nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'p> {
    /// The call may go on once its limits are reserved.
    Allow {
        /// What to reserve first.
        limits: Limits<'p>,
        /// In `mode: observe`: the refusal that was waived. The outcome is then `observed`.
        observed: Option<Observed<'p>>,
    },
    /// A person has to approve the call. It reserves its limits when it is released.
    Approve {
        /// The rule that asks for it.
        rule: &'p str,
        /// Why, in words for the agent.
        message: &'p str,
        /// What to reserve on release.
        limits: Limits<'p>,
    },
    /// The call is refused.
    Refuse(Refusal<'p>),
}

impl Decision<'_> {
    /// Whether the call can go on, now or after an approval.
    pub fn can_pass(&self) -> bool {
        !matches!(self, Self::Refuse(_))
    }
}

/// A refusal: final, and consuming nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal<'p> {
    /// Which kind of refusal.
    pub outcome: Refused,
    /// The rule id: one of [`rule`], or a JSON Pointer into the normalised document.
    pub rule: &'p str,
    /// Why, in words for the agent. Never a value of the call's arguments.
    pub message: Cow<'p, str>,
}

impl Refusal<'static> {
    /// For a binding without a policy (step 1 of a decision, which only the gateway can see).
    pub const fn no_policy() -> Self {
        Self {
            outcome: Refused::Denied,
            rule: rule::NO_POLICY,
            message: Cow::Borrowed(
                "No policy is attached for this server, so every call is denied.",
            ),
        }
    }
}

/// The outcome words that a policy alone can refuse with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// Forbidden, and the agent is told why.
    Denied,
    /// Answered exactly as a tool that never existed.
    Hidden,
    /// The definition changed and waits for review.
    Quarantined,
}

impl Refused {
    /// The outcome word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Hidden => "hidden",
            Self::Quarantined => "quarantined",
        }
    }
}

/// What `mode: observe` let pass: the rule that would have refused or asked for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed<'p> {
    /// Its rule id.
    pub rule: &'p str,
    /// What the agent would have been told.
    pub message: Cow<'p, str>,
}

// === What the agent reads ===

/// Before the words of a refusal.
pub const DENIED_WORDS: &str = "POLICY DENIED";
/// Before the words of a call that waits for a person.
pub const APPROVAL_WORDS: &str = "APPROVAL REQUIRED";

/// The text of the answer to a call that a policy stops: `[POLICY DENIED] Too large.`
pub fn answer_text(words: &str, message: &str) -> String {
    format!("[{words}] {message}")
}
