//! One request of a client, read and placed, but not yet judged.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use domain::Outcome;
use json::Node;
use mcp::era::{Dialect, META_CLIENT};
use mcp::message::Message;
use mcp::method::Method;

use crate::refusal::Asked;
use crate::session::joined::Joined;
use crate::session::seal::Holder;
use crate::trail::Trail;

/// See the module.
pub(crate) struct Call<'m> {
    pub(crate) message: &'m Message<'m>,
    pub(crate) dialect: Dialect,
    /// What the client calls itself, if it said so in this request or when it initialized.
    pub(crate) client: Option<ClientName>,
    /// Digest of its session, if it is in one.
    pub(crate) session: Option<[u8; 16]>,
    pub(crate) at: DateTime<Utc>,
}

/// What a client calls itself; nobody checked it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientName {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl ClientName {
    const MAX: usize = 64;

    /// Of an `Implementation` object: `clientInfo`.
    pub(crate) fn read(info: Node<'_>) -> Option<Self> {
        let text = |key| {
            let value = info.get(key).and_then(Node::as_str).unwrap_or_default();
            value.chars().filter(|c| !c.is_control()).take(Self::MAX).collect::<String>()
        };
        let name = Self { name: text("name"), version: text("version") };
        (!name.name.is_empty()).then_some(name)
    }
}

impl std::fmt::Display for ClientName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name.as_str())?;
        if self.version.is_empty() { Ok(()) } else { write!(f, " {}", self.version) }
    }
}

impl<'m> Call<'m> {
    /// A message outside any session so far.
    pub(crate) fn new(message: &'m Message<'m>, dialect: Dialect, at: DateTime<Utc>) -> Self {
        let modern = message.meta().and_then(|meta| meta.get(META_CLIENT));
        let legacy = || match message.method() {
            Method::Initialize => message.param("clientInfo"),
            _ => None,
        };
        let client = modern.or_else(legacy).and_then(ClientName::read);
        Self { message, dialect, client, session: None, at }
    }

    /// Puts it into a session, which knows what the client calls itself.
    pub(crate) fn join(&mut self, session: &Joined, holder: Holder) {
        self.session = session.digest(holder);
        if self.client.is_none() {
            self.client = session.client();
        }
    }

    pub(crate) fn method(&self) -> Method {
        self.message.method()
    }

    /// What it is about: tool, prompt or URI.
    pub(crate) fn subject(&self) -> Cow<'_, str> {
        self.message.subject().unwrap_or_default()
    }

    /// What a refusal of it must know.
    pub(crate) fn asked(&self) -> Asked {
        Asked::of(
            self.message.id_raw(),
            self.dialect.era,
            self.method(),
            self.message.is_task_augmented(),
        )
    }

    /// Who calls from where, and the keys of the arguments, into the record.
    pub(crate) fn note(&self, trail: &mut Trail) {
        if let Some(arguments) = self.message.arguments() {
            trail.argument_keys(arguments.members().map(json::Member::key));
        }
        if let Some(client) = &self.client {
            trail.client(&client.to_string());
        }
        if let Some(session) = self.session {
            trail.session(session);
        }
    }
}

/// What is recorded of a call that went through: allowed, or waved through by a policy that only
/// observes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) rule: String,
    pub(crate) message: String,
}

impl Verdict {
    pub(crate) const fn allowed() -> Self {
        Self { outcome: Outcome::Allowed, rule: String::new(), message: String::new() }
    }

    pub(crate) fn observed(rule: &str, message: &str) -> Self {
        let (rule, message) = (rule.to_owned(), message.to_owned());
        Self { outcome: Outcome::Observed, rule, message }
    }
}
