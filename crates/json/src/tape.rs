//! The tape: one entry for every value and key, in document order.

use crate::Node;

/// The six kinds of JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, kept as text.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A parsed document: the source text and a flat list of what stands where in it.
pub struct Tape<'a> {
    pub(crate) text: &'a str,
    pub(crate) entries: Vec<Entry>,
}

impl<'a> Tape<'a> {
    /// The one value of the document.
    pub fn root(&self) -> Node<'_> {
        Node::new(self, 0)
    }

    /// The document as it was given.
    pub fn source(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    pub(crate) fn entry(&self, index: u32) -> Entry {
        self.entries.get(index as usize).copied().unwrap_or(Entry::NULL)
    }
}

impl std::fmt::Debug for Tape<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.root().fmt(f)
    }
}

// === Entry ===

/// One value or key. Sixteen bytes, so that four share a cache line.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Index of the entry after this value and all that it contains.
    /// While the parser still has the container open: the index of its parent.
    pub(crate) next: u32,
    /// Bits 0 to 2 the kind, bit 3 "has escapes", above them the number of items or members.
    meta: u32,
}

const KIND_BITS: u32 = 0b111;
const ESCAPED_BIT: u32 = 0b1000;
const COUNT_SHIFT: u32 = 4;

impl Entry {
    pub(crate) const NULL: Self = Self { start: 0, end: 0, next: 0, meta: 0 };

    pub(crate) fn new(kind: Kind, start: u32, end: u32, next: u32) -> Self {
        Self { start, end, next, meta: kind as u32 }
    }

    pub(crate) fn with_escapes(mut self, escaped: bool) -> Self {
        if escaped {
            self.meta |= ESCAPED_BIT;
        }
        self
    }

    pub(crate) fn kind(self) -> Kind {
        match self.meta & KIND_BITS {
            1 => Kind::Bool,
            2 => Kind::Number,
            3 => Kind::String,
            4 => Kind::Array,
            5 => Kind::Object,
            _ => Kind::Null,
        }
    }

    pub(crate) fn is_escaped(self) -> bool {
        self.meta & ESCAPED_BIT != 0
    }

    pub(crate) fn count(self) -> usize {
        (self.meta >> COUNT_SHIFT) as usize
    }

    pub(crate) fn count_one_more(&mut self) {
        self.meta += 1 << COUNT_SHIFT;
    }
}
