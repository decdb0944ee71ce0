//! Looking at a document: values, items, members, pointers.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::tape::{Entry, Kind, Tape};
use crate::text::{means, unescape};

/// One value of a document, with its place in it. Two words; copy it freely.
#[derive(Clone, Copy)]
pub struct Node<'t> {
    tape: &'t Tape<'t>,
    index: u32,
}

impl<'t> Node<'t> {
    pub(crate) fn new(tape: &'t Tape<'t>, index: u32) -> Self {
        Self { tape, index }
    }

    fn entry(self) -> Entry {
        self.tape.entry(self.index)
    }

    /// What kind of value this is.
    pub fn kind(self) -> Kind {
        self.entry().kind()
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Whether this is an object.
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// The boolean, if it is one.
    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.raw() == b"true")
    }

    /// The text of a string, if it is one: borrowed unless it was written with escapes.
    pub fn as_str(self) -> Option<Cow<'t, str>> {
        let entry = self.entry();
        (entry.kind() == Kind::String).then(|| string_of(self.tape, entry))
    }

    /// Whether this is the string `text`, however it was written; allocates nothing.
    pub fn is_str(self, text: &str) -> bool {
        let entry = self.entry();
        entry.kind() == Kind::String && string_means(self.tape, entry, text)
    }

    /// The number as it was written, if it is one.
    pub fn as_number(self) -> Option<&'t str> {
        (self.kind() == Kind::Number).then(|| self.raw_str())
    }

    /// How many items or members there are; 0 for everything else.
    pub fn len(self) -> usize {
        self.entry().count()
    }

    /// Whether there is neither an item nor a member.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The items of an array, in order; nothing for other kinds.
    pub fn items(self) -> Items<'t> {
        let left = if self.kind() == Kind::Array { self.len() } else { 0 };
        Items { tape: self.tape, at: self.index + 1, left }
    }

    /// The members of an object, in the order written; nothing for other kinds.
    pub fn members(self) -> Members<'t> {
        let left = if self.kind() == Kind::Object { self.len() } else { 0 };
        Members { tape: self.tape, at: self.index + 1, left }
    }

    /// The value of a member, by the meaning of its key; of two equal keys the first.
    pub fn get(self, key: &str) -> Option<Self> {
        self.members().find(|member| member.key_is(key)).map(|member| member.value)
    }

    /// The value at an RFC 6901 pointer below this one; `""` is this one.
    pub fn pointer(self, pointer: &str) -> Option<Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, Self::step)
    }

    fn step(self, token: &str) -> Option<Self> {
        match self.kind() {
            Kind::Object if token.contains('~') => {
                self.get(&token.replace("~1", "/").replace("~0", "~"))
            }
            Kind::Object => self.get(token),
            Kind::Array => {
                let canonical = token == "0" || token.starts_with(|c: char| matches!(c, '1'..='9'));
                if !canonical {
                    return None;
                }
                self.items().nth(token.parse().ok()?)
            }
            _ => None,
        }
    }

    /// Where the value stands in the source, quotes and brackets included.
    pub fn span(self) -> Range<usize> {
        let entry = self.entry();
        entry.start as usize..entry.end as usize
    }

    /// The value exactly as written.
    pub fn raw(self) -> &'t [u8] {
        self.raw_str().as_bytes()
    }

    /// The value exactly as written, as text.
    pub fn raw_str(self) -> &'t str {
        self.tape.text.get(self.span()).unwrap_or_default()
    }

    /// Entries of this value and everything in it, as positions on the tape.
    pub(crate) fn subtree(self) -> Range<u32> {
        self.index..self.entry().next
    }

    pub(crate) fn at(self, index: u32) -> Self {
        Self { tape: self.tape, index }
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 80;
        let raw = self.raw_str();
        match raw.char_indices().nth(SHOWN) {
            Some((cut, _)) => write!(f, "{}… ({} bytes)", raw.split_at(cut).0, raw.len()),
            None => f.write_str(raw),
        }
    }
}

fn inner<'t>(tape: &Tape<'t>, entry: Entry) -> &'t str {
    tape.text.get(entry.start as usize + 1..entry.end as usize - 1).unwrap_or_default()
}

fn string_of<'t>(tape: &Tape<'t>, entry: Entry) -> Cow<'t, str> {
    unescape(inner(tape, entry), entry.is_escaped())
}

fn string_means(tape: &Tape<'_>, entry: Entry, text: &str) -> bool {
    means(inner(tape, entry), entry.is_escaped(), text)
}

// === Items ===

/// The items of an array.
#[derive(Clone)]
pub struct Items<'t> {
    tape: &'t Tape<'t>,
    at: u32,
    left: usize,
}

impl<'t> Iterator for Items<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        self.left = self.left.checked_sub(1)?;
        let item = Node::new(self.tape, self.at);
        self.at = item.entry().next;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Items<'_> {}

// === Members ===

/// The members of an object.
#[derive(Clone)]
pub struct Members<'t> {
    tape: &'t Tape<'t>,
    at: u32,
    left: usize,
}

impl<'t> Iterator for Members<'t> {
    type Item = Member<'t>;

    fn next(&mut self) -> Option<Member<'t>> {
        self.left = self.left.checked_sub(1)?;
        let value = Node::new(self.tape, self.at + 1);
        let member = Member { key: self.tape.entry(self.at), value };
        self.at = value.entry().next;
        Some(member)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Members<'_> {}

/// One member of an object.
#[derive(Clone, Copy)]
pub struct Member<'t> {
    key: Entry,
    /// What the key stands for.
    pub value: Node<'t>,
}

impl<'t> Member<'t> {
    /// The meaning of the key: borrowed unless it was written with escapes.
    pub fn key(self) -> Cow<'t, str> {
        string_of(self.value.tape, self.key)
    }

    /// Whether the key means `text`; allocates nothing.
    pub fn key_is(self, text: &str) -> bool {
        string_means(self.value.tape, self.key, text)
    }

    /// Where the key stands in the source, quotes included.
    pub fn key_span(self) -> Range<usize> {
        self.key.start as usize..self.key.end as usize
    }
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.key(), self.value)
    }
}
