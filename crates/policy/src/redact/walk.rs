//! Through a message, text by text.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json::{Kind, Member, Node};

use super::{Redactor, shapes};
use crate::response::Sensitive;

type Edits = Vec<(Range<usize>, Cow<'static, [u8]>)>;

/// Members of a message that are never text for people.
const ENVELOPE: [&str; 3] = ["jsonrpc", "id", "method"];
/// Members of a result or of parameters by which a client finds its way on.
const PROTOCOL: [&str; 6] =
    ["requestState", "taskId", "nextCursor", "progressToken", "requestId", "resultType"];
/// The protocol's own names in `_meta`.
const RESERVED: &str = "io.modelcontextprotocol/";

pub(super) fn message(redactor: &Redactor, root: Node<'_>) -> Edits {
    let mut walk = Walk { redactor, edits: Edits::new() };
    if redactor.is_idle() {
        return walk.edits;
    }
    for member in root.members().filter(|member| !is_any(member, &ENVELOPE)) {
        if !member.value.is_object() {
            walk.value(member.value);
            continue;
        }
        for inner in member.value.members().filter(|inner| !is_any(inner, &PROTOCOL)) {
            if inner.key_is("_meta") {
                let ours =
                    |meta: &Member<'_>| meta.key().starts_with(RESERVED) || is_any(meta, &PROTOCOL);
                inner.value.members().filter(|meta| !ours(meta)).for_each(|m| walk.member(&m));
            } else {
                walk.member(&inner);
            }
        }
        walk.keys(member.value);
    }
    walk.edits
}

pub(super) fn value(redactor: &Redactor, node: Node<'_>) -> Edits {
    let mut walk = Walk { redactor, edits: Edits::new() };
    walk.value(node);
    walk.edits
}

fn is_any(member: &Member<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| member.key_is(name))
}

struct Walk<'r> {
    redactor: &'r Redactor,
    edits: Edits,
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

    fn member(&mut self, member: &Member<'_>) {
        let is_secret = self.redactor.looks_for(Sensitive::Secrets)
            && member.value.kind() == Kind::String
            && shapes::names_a_secret(&member.key());
        if is_secret && !member.value.is_str("") && !member.value.is_str(Sensitive::Secrets.mark())
        {
            self.put(member.value.span(), Sensitive::Secrets.mark());
        } else {
            self.value(member.value);
        }
    }

    fn text(&mut self, node: Node<'_>) {
        let text = node.as_str().unwrap_or_default();
        if let Some(text) = self.redactor.text(&text) {
            self.put(node.span(), &text);
        }
    }

    fn number(&mut self, node: Node<'_>) {
        let digits = node.raw_str();
        if self.redactor.looks_for(Sensitive::Cards) && shapes::is_card(digits) {
            self.put(node.span(), Sensitive::Cards.mark());
        }
    }

    /// Base64, if it is that; what it holds is looked at where it is text.
    fn bytes(&mut self, node: Node<'_>, is_media: bool) {
        let written = node.as_str().unwrap_or_default();
        let held = STANDARD.decode(written.as_bytes()).ok();
        let held = held.and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some(text) = held.and_then(|text| self.redactor.text(&text)) {
            self.put(node.span(), &STANDARD.encode(text));
        } else if !is_media {
            self.text(node);
        }
    }

    /// Names may be what is looked for, too. No two become one.
    fn keys(&mut self, object: Node<'_>) {
        let mut taken: Option<HashSet<String>> = None;
        for member in object.members() {
            let Some(name) = self.redactor.text(&member.key()) else { continue };
            let names = || object.members().map(|member| member.key().into_owned()).collect();
            let taken = taken.get_or_insert_with(names);
            let mut numbered = (1..).map(|n: u32| match n {
                1 => name.clone(),
                n => format!("{name} {n}"),
            });
            let free = numbered.find(|name| !taken.contains(name)).unwrap_or(name.clone());
            self.put(member.key_span(), &free);
            taken.insert(free);
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
