//! What is taken out of answers: text as people read it, escapes decoded, wherever it stands in a
//! message. Everything else stays byte for byte.
//!
//! Looked at: every text, number and key of an object, wherever it stands; texts that are JSON
//! themselves, as the message around them; everything under a key that names a secret; base64 that
//! holds text, in any spelling. Not looked at: the few values by which the protocol itself goes on,
//! and pictures and sound.

mod base64;
mod shapes;
mod walk;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use regex::NoExpand;

use crate::problem::child;
use crate::response::{Own, Redact, Response, Sensitive};

/// What a rule says of the answers of what it allows, ready to be done. Immutable.
#[derive(Debug)]
pub struct ResponseRule {
    size_rule: Box<str>,
    max_bytes: Option<u64>,
    redactor: Redactor,
}

impl ResponseRule {
    pub(crate) fn of(response: Option<&Response>, pointer: &str) -> Option<Arc<Self>> {
        let response = response?;
        Some(Arc::new(Self {
            size_rule: child(&child(pointer, "response"), "max_bytes").into(),
            max_bytes: response.max_bytes,
            redactor: Redactor::new(&response.redact),
        }))
    }

    /// Everything that any of these rules asks for: for messages of which it is not known whose
    /// answer they are.
    pub(crate) fn all<'r>(rules: impl Iterator<Item = &'r Arc<Self>>) -> Option<Arc<Self>> {
        let mut rules = rules.peekable();
        let first = Arc::clone(rules.peek()?);
        let mut all = Self {
            size_rule: first.size_rule.clone(),
            max_bytes: None,
            redactor: Redactor::default(),
        };
        for rule in rules {
            if rule.max_bytes.is_some_and(|max| all.max_bytes.is_none_or(|least| max < least)) {
                all.max_bytes = rule.max_bytes;
                all.size_rule.clone_from(&rule.size_rule);
            }
            all.redactor.join(&rule.redactor);
        }
        Some(Arc::new(all))
    }

    /// The longest message that passes, in bytes as the server sent it; `None` for any.
    pub fn max_bytes(&self) -> Option<u64> {
        self.max_bytes
    }

    /// The rule id of a message that is too long.
    pub fn size_rule(&self) -> &str {
        &self.size_rule
    }

    /// What has to be written over in a JSON-RPC message: spans of its source, each with what
    /// comes there instead. None if nothing was found.
    pub fn redact(&self, message: json::Node<'_>) -> Vec<(Range<usize>, Cow<'static, [u8]>)> {
        walk::message(&self.redactor, message)
    }
}

/// What looks like a secret in any JSON: spans of its source, each with what comes there instead.
pub fn secrets_in(value: json::Node<'_>) -> Vec<(Range<usize>, Cow<'static, [u8]>)> {
    let redactor = Redactor { known: vec![Sensitive::Secrets], own: Vec::new() };
    walk::value(&redactor, value)
}

/// What is looked for.
#[derive(Debug, Default)]
struct Redactor {
    known: Vec<Sensitive>,
    own: Vec<Own>,
}

impl Redactor {
    fn new(redact: &[Redact]) -> Self {
        let mut redactor = Self::default();
        for one in redact {
            match one {
                Redact::Known(kind) => redactor.known.push(*kind),
                Redact::Own(own) => redactor.own.push(own.clone()),
            }
        }
        redactor.known.sort_unstable();
        redactor
    }

    fn join(&mut self, other: &Self) {
        let new = |kind: &&Sensitive| !self.known.contains(kind);
        let known: Vec<_> = other.known.iter().filter(new).copied().collect();
        self.known.extend(known);
        self.known.sort_unstable();
        for own in &other.own {
            if !self.own.contains(own) {
                self.own.push(own.clone());
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.known.is_empty() && self.own.is_empty()
    }

    fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    fn looks_for(&self, kind: Sensitive) -> bool {
        self.known.contains(&kind)
    }

    /// The text without what is looked for; `None` if nothing was found.
    fn text(&self, text: &str) -> Option<String> {
        let mut now = Cow::Borrowed(text);
        for kind in &self.known {
            if let Some(next) = shapes::without(*kind, &now) {
                now = Cow::Owned(next);
            }
        }
        for own in &self.own {
            if let Cow::Owned(next) = own.regex.replace_all(&now, NoExpand(&own.with)) {
                now = Cow::Owned(next);
            }
        }
        match now {
            Cow::Owned(text) => Some(text),
            Cow::Borrowed(_) => None,
        }
    }
}
