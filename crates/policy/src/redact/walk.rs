//! Through a message, text by text.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use json::{Kind, Member, Node};

use super::base64::Held;
use super::{Redactor, base64, shapes};
use crate::decimal::Decimal;
use crate::response::Sensitive;

type Edits = Vec<(Range<usize>, Cow<'static, [u8]>)>;

/// Members of a message that are never text for people.
const ENVELOPE: [&str; 3] = ["jsonrpc", "id", "method"];
/// Members of a result or of parameters by whose text a client finds its way on.
const PROTOCOL: [&str; 6] =
    ["requestState", "taskId", "nextCursor", "progressToken", "requestId", "resultType"];
/// What the protocol itself says in `_meta`, and a client goes on by.
const RESERVED: [&str; 3] = [
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/subscriptionId",
    "io.modelcontextprotocol/related-task",
];
/// How often JSON may stand in a text of JSON, and be read as such.
const MAX_WRAPPED: usize = 4;
/// A shorter number is none of a card, nor a secret, however it is written.
const LEAST_LENGTH: usize = 8;

pub(super) fn message(redactor: &Redactor, root: Node<'_>) -> Edits {
    let mut walk = Walk { redactor, edits: Edits::new(), wrapped: 0 };
    if redactor.is_idle() {
        return walk.edits;
    }
    for member in root.members().filter(|member| !is_any(member, &ENVELOPE)) {
        if !member.value.is_object() {
            walk.value(member.value);
            continue;
        }
        for inner in member.value.members().filter(|inner| !goes_on_by(inner, &PROTOCOL)) {
            if inner.key_is("_meta") && inner.value.is_object() {
                walk.meta(inner.value);
            } else {
                walk.member(&inner);
            }
        }
        walk.keys(member.value);
    }
    walk.keys(root);
    walk.edits
}

pub(super) fn value(redactor: &Redactor, node: Node<'_>) -> Edits {
    let mut walk = Walk { redactor, edits: Edits::new(), wrapped: 0 };
    walk.value(node);
    walk.edits
}

fn is_any(member: &Member<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| member.key_is(name))
}

/// Only as long as it is one value: what has parts may hold anything.
fn goes_on_by(member: &Member<'_>, names: &[&str]) -> bool {
    is_any(member, names) && !matches!(member.value.kind(), Kind::Object | Kind::Array)
}

struct Walk<'r> {
    redactor: &'r Redactor,
    edits: Edits,
    /// In how many texts of JSON this stands.
    wrapped: usize,
}

impl Walk<'_> {
    /// As deep as the parser lets anything nest.
    fn value(&mut self, node: Node<'_>) {
        match node.kind() {
            Kind::String => self.text(node),
            Kind::Number => self.number(node),
            Kind::Array => node.items().for_each(|item| self.value(item)),
            Kind::Object => {
                let is_media = is_media(node);
                for member in node.members() {
                    let holds_bytes = member.key_is("data") || member.key_is("blob");
                    if holds_bytes && member.value.kind() == Kind::String {
                        self.bytes(member.value, is_media);
                    } else {
                        self.member(&member);
                    }
                }
                self.keys(node);
            }
            Kind::Null | Kind::Bool => {}
        }
    }

    fn meta(&mut self, meta: Node<'_>) {
        for member in meta.members().filter(|member| !goes_on_by(member, &PROTOCOL)) {
            if !is_any(&member, &RESERVED) {
                self.member(&member);
            }
        }
        self.keys(meta);
    }

    fn member(&mut self, member: &Member<'_>) {
        let looks = self.redactor.looks_for(Sensitive::Secrets);
        if looks && shapes::names_a_secret(&member.key()) {
            self.secret(member.value);
        } else {
            self.value(member.value);
        }
    }

    /// What stands under the name of a secret, in however many parts.
    fn secret(&mut self, node: Node<'_>) {
        let mark = Sensitive::Secrets.mark();
        match node.kind() {
            Kind::String if node.is_str("") || node.is_str(mark) => {}
            Kind::String | Kind::Number => self.put(node.span(), mark),
            Kind::Array => node.items().for_each(|item| self.secret(item)),
            Kind::Object => {
                node.members().for_each(|member| self.secret(member.value));
                self.keys(node);
            }
            Kind::Null | Kind::Bool => {}
        }
    }

    fn text(&mut self, node: Node<'_>) {
        let text = node.as_str().unwrap_or_default();
        if let Some(text) = self.without(&text) {
            self.put(node.span(), &text);
        }
    }

    /// A text without what is looked for; what servers give as a value and as the text of that
    /// value is found in both.
    fn without(&self, text: &str) -> Option<String> {
        let inner = self.unwrapped(text);
        let outer = self.redactor.text(inner.as_deref().unwrap_or(text));
        outer.or(inner)
    }

    fn unwrapped(&self, text: &str) -> Option<String> {
        if self.wrapped >= MAX_WRAPPED || !text.trim_start().starts_with(['{', '[']) {
            return None;
        }
        let tape = json::parse(text.as_bytes()).ok()?;
        let mut walk =
            Walk { redactor: self.redactor, edits: Edits::new(), wrapped: self.wrapped + 1 };
        walk.value(tape.root());
        if walk.edits.is_empty() {
            return None;
        }
        String::from_utf8(json::splice(text.as_bytes(), &walk.edits)).ok()
    }

    /// A number is found as it is written and as people would write it.
    fn number(&mut self, node: Node<'_>) {
        let raw = node.raw_str();
        if raw.len() < LEAST_LENGTH && !self.redactor.has_own() {
            return;
        }
        let whole = || Decimal::parse(raw).and_then(|number| number.whole().ok());
        let plain = || whole().map(|number| number.to_string()).filter(|plain| plain != raw);
        let found = self.redactor.text(raw).or_else(|| self.redactor.text(&plain()?));
        if let Some(text) = found {
            self.put(node.span(), &text);
        }
    }

    /// Base64, if it is that; what it holds is looked at where it is text.
    fn bytes(&mut self, node: Node<'_>, is_media: bool) {
        let written = node.as_str().unwrap_or_default();
        match base64::look(&written, is_media, |text| self.without(text)) {
            Held::Rewritten(text) => self.put(node.span(), &text),
            Held::Clean if is_media => {}
            Held::Clean | Held::Nothing => self.text(node),
        }
    }

    /// Names may be what is looked for, too. No two become one.
    fn keys(&mut self, object: Node<'_>) {
        let mut taken: Option<HashSet<String>> = None;
        let mut last: HashMap<String, u32> = HashMap::new();
        for member in object.members() {
            let Some(name) = self.redactor.text(&member.key()) else { continue };
            let names = || object.members().map(|member| member.key().into_owned()).collect();
            let taken = taken.get_or_insert_with(names);
            let number = last.entry(name.clone()).or_default();
            let free = loop {
                *number += 1;
                let free = if *number == 1 { name.clone() } else { format!("{name} {number}") };
                if taken.insert(free.clone()) {
                    break free;
                }
            };
            self.put(member.key_span(), &free);
        }
    }

    fn put(&mut self, span: Range<usize>, text: &str) {
        self.edits.push((span, Cow::Owned(json::quoted(text).into_bytes())));
    }
}

/// Whether the bytes of a piece of content are a picture, sound or film.
fn is_media(node: Node<'_>) -> bool {
    let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
    let kind = text("mimeType");
    let is_shown = ["image", "audio"].contains(&&*text("type"));
    is_shown || ["image/", "audio/", "video/"].iter().any(|start| kind.starts_with(start))
}
