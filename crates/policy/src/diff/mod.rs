//! What changed between two documents, in a person's words: `create_charge: limit 30 → 60 calls
//! a minute`. Two documents that differ always differ in words: what no sentence covers is told as
//! its JSON.

mod gates;
mod limits;
mod names;

use std::fmt;

use serde::Serialize;

use crate::document::{Document, Effect, Mode, Section, ServerRequest};
use crate::literal::Literal;
use crate::problem::child;

/// Longest name in a sentence; the pointer has it whole.
const MAX_NAME_CHARS: usize = 80;
/// Longest JSON in a sentence.
const MAX_JSON_CHARS: usize = 120;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where: a JSON Pointer into the newer document, or into the older one if `removed`.
    pub pointer: String,
    /// Whether the newer document no longer has the place.
    pub removed: bool,
    /// Which way it goes.
    pub bearing: Bearing,
    /// A sentence for people.
    pub summary: String,
}

/// Which way a change goes, for calls whose values can be judged: what cannot be is refused by
/// whatever looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearing {
    /// Calls may pass that did not before; none is newly refused.
    Looser,
    /// Calls may be refused that passed before; none newly passes.
    Stricter,
    /// It may go either way, call by call.
    Either,
    /// What passes stays the same: other words, another order.
    Neither,
}

impl Bearing {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Looser => "looser",
            Self::Stricter => "stricter",
            Self::Either => "either",
            Self::Neither => "neither",
        }
    }

    /// Of two changes together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Neither, other) | (other, Self::Neither) => other,
            (a, b) if a == b => a,
            _ => Self::Either,
        }
    }

    const fn looser_if(looser: bool) -> Self {
        if looser { Self::Looser } else { Self::Stricter }
    }
}

impl fmt::Display for Bearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What changed from one document to another, in the order of the language. Empty if and only if
/// both are the same.
///
/// ```
/// let [old, new] = [30, 60].map(|max| {
///     let limit = format!(r#"{{"counter": "c", "window": "minute", "max": {max}}}"#);
///     let rules = format!(r#"{{"create_charge": {{"limits": [{limit}]}}}}"#);
///     let text = format!(r#"{{"version": "1", "default": "deny", "tools": {rules}}}"#);
///     policy::parse(&text).unwrap()
/// });
/// let changes = policy::diff(&old, &new);
/// assert_eq!(changes[0].summary, "create_charge: limit 30 → 60 calls a minute");
/// assert_eq!(changes[0].pointer, "/tools/create_charge/limits/0");
/// assert_eq!(changes[0].bearing, policy::Bearing::Looser);
/// ```
pub fn diff(old: &Document, new: &Document) -> Vec<Change> {
    let mut changes = Changes::default();
    changes.default_effect(old, new);
    changes.mode(old, new);
    changes.gates("every tool", "/all_tools", &old.all_tools, &new.all_tools);
    changes.categories(old, new);
    changes.tools(old, new);
    changes.section("prompts", "prompt", [&old.prompts, &new.prompts], [old, new]);
    changes.section("resources", "resource", [&old.resources, &new.resources], [old, new]);
    changes.server_requests(old, new);
    changes.list_denied(old, new);
    changes.the_rest("", "", &old.tree(), &new.tree(), &TOLD);
    if changes.found.is_empty() && old != new {
        changes.add("", Bearing::Neither, "Written in another way, meaning the same.".to_owned());
    }
    changes.found
}

/// The keys of a document that have sentences of their own.
const TOLD: [&str; 11] = [
    "version",
    "default",
    "mode",
    "hide",
    "all_tools",
    "categories",
    "tools",
    "prompts",
    "resources",
    "server_requests",
    "list_denied",
];

/// The changes found so far.
#[derive(Default)]
struct Changes {
    found: Vec<Change>,
}

impl Changes {
    fn add(&mut self, pointer: impl Into<String>, bearing: Bearing, summary: String) {
        self.found.push(Change { pointer: pointer.into(), removed: false, bearing, summary });
    }

    fn gone(&mut self, pointer: impl Into<String>, bearing: Bearing, summary: String) {
        self.found.push(Change { pointer: pointer.into(), removed: true, bearing, summary });
    }

    /// Which way those after the first so many go together.
    fn bearing_since(&self, from: usize) -> Bearing {
        let since = self.found.iter().skip(from);
        since.map(|change| change.bearing).fold(Bearing::Neither, Bearing::and)
    }

    fn default_effect(&mut self, old: &Document, new: &Document) {
        let (a, b) = (old.default, new.default);
        if a != b {
            let summary = format!("what no rule names: {} → {}", effect(a), effect(b));
            self.add("/default", Bearing::looser_if(b == Effect::Allow), summary);
        }
    }

    fn mode(&mut self, old: &Document, new: &Document) {
        if old.mode == new.mode {
            return;
        }
        let observes = new.mode == Mode::Observe;
        let summary = if observes {
            "mode: enforced → only observed; refusals are recorded and let pass"
        } else {
            "mode: only observed → enforced; what the rules refuse no longer passes"
        };
        self.add("/mode", Bearing::looser_if(observes), summary.to_owned());
    }

    fn section(
        &mut self,
        key: &str,
        noun: &str,
        [a, b]: [&Option<Section>; 2],
        [old, new]: [&Document; 2],
    ) {
        let empty = Section::default();
        let (was, is) = (a.as_ref().unwrap_or(&empty), b.as_ref().unwrap_or(&empty));
        let pointer = child("", key);
        let effects = [was.default.unwrap_or(old.default), is.default.unwrap_or(new.default)];
        let before = self.found.len();
        if was.default != is.default || (effects[0] != effects[1]) {
            self.rest_of_section(key, effects, &child(&pointer, "default"));
        }
        let sides = [(was, effects[0]), (is, effects[1])];
        self.named_rules(
            noun,
            &pointer,
            sides.map(|(section, default)| names::Named {
                hide: &section.hide,
                rules: &section.rules,
                rules_pointer: "rules",
                others: Vec::new(),
                default,
            }),
        );
        if a != b && self.found.len() == before {
            let summary = format!("{key}: written in another way, meaning the same");
            self.add(pointer, Bearing::Neither, summary);
        }
    }

    /// What a section says of the rest, or inherits.
    fn rest_of_section(&mut self, key: &str, [was, is]: [Effect; 2], pointer: &str) {
        if was == is {
            let summary = format!("{key}: the rest stays {}, now said otherwise", effect(is));
            return self.add(pointer, Bearing::Neither, summary);
        }
        let summary = format!("{key}: the rest {} → {}", effect(was), effect(is));
        self.add(pointer, Bearing::looser_if(is == Effect::Allow), summary);
    }

    fn server_requests(&mut self, old: &Document, new: &Document) {
        for kind in ServerRequest::ALL {
            let said = [old, new].map(|document| document.server_requests.get(&kind).copied());
            let [was, is] = [said[0].unwrap_or(old.default), said[1].unwrap_or(new.default)];
            if said[0] == said[1] && was == is {
                continue;
            }
            let pointer = child("/server_requests", kind.as_str());
            let name = kind.as_str();
            if was == is {
                let summary = format!("{name}: stays {}, now said otherwise", effect(is));
                self.add(pointer, Bearing::Neither, summary);
            } else {
                let summary = format!("{name} of the server: {} → {}", effect(was), effect(is));
                self.add(pointer, Bearing::looser_if(is == Effect::Allow), summary);
            }
        }
    }

    fn list_denied(&mut self, old: &Document, new: &Document) {
        if old.list_denied != new.list_denied {
            let summary = if new.list_denied {
                "lists: tools that are denied are shown again"
            } else {
                "lists: tools that are always denied are no longer shown"
            };
            self.add("/list_denied", Bearing::looser_if(new.list_denied), summary.to_owned());
        }
    }

    /// What no sentence covers: members of two objects that differ, as their JSON.
    fn the_rest(&mut self, label: &str, at: &str, old: &Literal, new: &Literal, told: &[&str]) {
        let (old, new) = (members(old), members(new));
        let is_told = |key: &str| told.contains(&key);
        let find = |all: &[(String, Literal)], key: &str| {
            all.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
        };
        let added = new.iter().filter(|(key, _)| find(old, key).is_none());
        for (key, _) in old.iter().chain(added).filter(|(key, _)| !is_told(key)) {
            let (was, is) = (find(old, key), find(new, key));
            let prefix = if label.is_empty() { String::new() } else { format!("{label}: ") };
            let pointer = child(at, key);
            match (was, is) {
                (Some(was), Some(is)) if was == is => {}
                (Some(was), Some(is)) => {
                    let summary = format!("{prefix}{key} {} → {}", shown(&was), shown(&is));
                    self.add(pointer, bearing_of(key, Bearing::Either), summary);
                }
                (None, Some(is)) => {
                    let summary = format!("{prefix}{key} added: {}", shown(&is));
                    self.add(pointer, bearing_of(key, Bearing::Stricter), summary);
                }
                (Some(was), None) => {
                    let summary = format!("{prefix}{key} removed (was {})", shown(&was));
                    self.gone(pointer, bearing_of(key, Bearing::Looser), summary);
                }
                (None, None) => {}
            }
        }
    }
}

/// Only what is done to an answer has a direction when it comes or goes.
fn bearing_of(key: &str, if_response: Bearing) -> Bearing {
    match key {
        "response" => if_response,
        "$schema" => Bearing::Neither,
        _ => Bearing::Either,
    }
}

fn members(value: &Literal) -> &[(String, Literal)] {
    match value {
        Literal::Object(members) => members,
        _ => &[],
    }
}

const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allowed",
        Effect::Deny => "denied",
    }
}

fn shown(value: &Literal) -> String {
    cut(&value.compact(), MAX_JSON_CHARS)
}

/// A name in a sentence: not endless, and nothing that moves a terminal's cursor.
fn label(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    cut(&plain, MAX_NAME_CHARS)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.split_at(at).0),
        None => text.to_owned(),
    }
}
