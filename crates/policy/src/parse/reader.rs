//! Reading a tape with an eye on the errors: each place knows its pointer, and nothing stops at
//! the first thing that is wrong.

use std::borrow::Cow;
use std::collections::BTreeSet;

use json::{Kind, Node};

use crate::patterns::Patterns;
use crate::problem::{Problem, child, item, meant, position};

/// Arrays and objects may nest this deep, the document itself being the first.
pub(crate) const MAX_NESTING: usize = 16;
/// After so many errors the rest goes unsaid.
pub(crate) const MAX_PROBLEMS: usize = 500;

/// The document being read and what was found wrong with it.
pub(crate) struct Reader<'t> {
    text: &'t str,
    found: Vec<(usize, Problem)>,
    pub(super) patterns: Patterns,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Place<'t> {
    pub(crate) node: Node<'t>,
    pub(crate) pointer: String,
    offset: usize,
}

impl<'t> Place<'t> {
    pub(crate) fn root(node: Node<'t>) -> Self {
        Self { node, pointer: String::new(), offset: node.span().start }
    }

    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.node.kind() == kind
    }

    /// The elements, if it is a list.
    pub(crate) fn items(&self) -> impl Iterator<Item = Self> + use<'_, 't> {
        self.node.items().enumerate().map(|(index, node)| Self {
            node,
            pointer: item(&self.pointer, index),
            offset: node.span().start,
        })
    }

    /// The members, if it is an object.
    pub(crate) fn members(&self) -> impl Iterator<Item = Entry<'t>> + use<'_, 't> {
        self.node.members().map(|member| {
            let key = member.key();
            let pointer = child(&self.pointer, &key);
            let offset = member.value.span().start;
            Entry {
                key_offset: member.key_span().start,
                place: Self { node: member.value, pointer, offset },
                key,
            }
        })
    }
}

/// One member of an object.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'t> {
    pub(crate) key: Cow<'t, str>,
    pub(crate) place: Place<'t>,
    key_offset: usize,
}

impl<'t> Entry<'t> {
    /// The place of the key itself, for errors about the key.
    pub(crate) fn key_place(&self) -> Place<'t> {
        Place { offset: self.key_offset, ..self.place.clone() }
    }
}

/// The members of an object whose keys are known.
pub(crate) struct Fields<'t> {
    entries: Vec<Entry<'t>>,
}

impl<'t> Fields<'t> {
    pub(crate) fn find(&self, key: &str) -> Option<&Entry<'t>> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(crate) fn place(&self, key: &str) -> Option<&Place<'t>> {
        self.find(key).map(|entry| &entry.place)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new(), patterns: Patterns::default() }
    }

    /// Everything that was wrong, in the order of the text.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|(offset, _)| *offset);
        self.found.into_iter().map(|(_, problem)| problem).collect()
    }

    // --- Saying what is wrong ---

    pub(crate) fn wrong(&mut self, place: &Place<'_>, detail: impl Into<String>) {
        self.wrong_meaning(place, detail, None);
    }

    /// Says what is wrong and, where one is near, the right word.
    pub(crate) fn wrong_meaning(
        &mut self,
        place: &Place<'_>,
        detail: impl Into<String>,
        suggestion: Option<&str>,
    ) {
        self.wrong_at(place.offset, &place.pointer, detail.into(), suggestion);
    }

    pub(crate) fn wrong_at(
        &mut self,
        offset: usize,
        pointer: &str,
        mut detail: String,
        suggestion: Option<&str>,
    ) {
        if self.found.len() >= MAX_PROBLEMS {
            return;
        }
        if let Some(word) = suggestion {
            detail = format!("{detail} Did you mean \"{word}\"?");
        }
        let (line, column) = position(offset, self.text);
        let suggestion = suggestion.map(str::to_owned);
        let pointer = pointer.to_owned();
        self.found.push((offset, Problem { pointer, line, column, detail, suggestion }));
    }

    /// Reports what is wrong whatever the document means: repeated keys and deep nesting.
    pub(crate) fn inspect(&mut self, place: &Place<'t>, level: usize) {
        let is_container = place.is(Kind::Array) || place.is(Kind::Object);
        if is_container && level > MAX_NESTING {
            let detail = format!("Arrays and objects are nested more than {MAX_NESTING} deep.");
            self.wrong(place, detail);
            return;
        }
        for item in place.items() {
            self.inspect(&item, level + 1);
        }
        let mut seen = BTreeSet::new();
        for entry in place.members() {
            self.inspect(&entry.place, level + 1);
            if seen.contains(&entry.key) {
                let detail = format!("The key \"{}\" is here twice.", entry.key);
                self.wrong(&entry.key_place(), detail);
            }
            seen.insert(entry.key);
        }
    }

    // --- Reading what should be there ---

    /// An object of known keys; unknown ones are reported.
    pub(crate) fn object(
        &mut self,
        place: &Place<'t>,
        what: &str,
        keys: &[&'static str],
    ) -> Option<Fields<'t>> {
        self.expect(place, Kind::Object, "an object")?;
        let entries: Vec<_> = place.members().collect();
        for entry in entries.iter().filter(|entry| !keys.contains(&&*entry.key)) {
            let detail = format!("\"{}\" is not a key of {what}.", entry.key);
            let word = meant(&entry.key, keys.iter().copied());
            self.wrong_meaning(&entry.key_place(), detail, word);
        }
        Some(Fields { entries })
    }

    /// Says that a value has the wrong type, unless it has the right one.
    pub(crate) fn expect(&mut self, place: &Place<'_>, kind: Kind, what: &str) -> Option<()> {
        if place.is(kind) {
            return Some(());
        }
        self.wrong(place, format!("This must be {what}, not {}.", named(place.node)));
        None
    }

    pub(crate) fn missing(&mut self, place: &Place<'_>, what: &str, key: &str) {
        self.wrong(place, format!("{what} needs \"{key}\"."));
    }

    /// Text that people read or that names something: not empty, not endless.
    pub(crate) fn text(&mut self, place: &Place<'t>, most_chars: usize) -> Option<String> {
        self.expect(place, Kind::String, "text")?;
        let text = place.node.as_str().unwrap_or_default();
        if text.trim().is_empty() {
            self.wrong(place, "This text must not be empty.");
            return None;
        }
        if text.chars().nth(most_chars).is_some() {
            self.wrong(place, format!("This must not be longer than {most_chars} characters."));
            return None;
        }
        Some(text.into_owned())
    }

    pub(crate) fn boolean(&mut self, place: &Place<'t>) -> Option<bool> {
        self.expect(place, Kind::Bool, "true or false")?;
        place.node.as_bool()
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        place: &Place<'t>,
        all: &[T],
        as_str: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let words = || all.iter().map(|value| as_str(*value));
        let listed = || words().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let written = place.node.as_str();
        let found = all.iter().find(|value| written.as_deref() == Some(as_str(**value)));
        if found.is_none() {
            let word = written.as_deref().and_then(|written| meant(written, words()));
            self.wrong_meaning(place, format!("This must be one of {}.", listed()), word);
        }
        found.copied()
    }
}

/// What a value is, in words.
pub(crate) fn named(node: Node<'_>) -> &'static str {
    match node.kind() {
        Kind::Null => "null",
        Kind::Bool => "true or false",
        Kind::Number => "a number",
        Kind::String => "text",
        Kind::Array => "a list",
        Kind::Object => "an object",
    }
}
