//! Which era a request speaks, and whether its headers say what its body says.
//!
//! `params._meta` decides, never the header alone: a body that is modern by its `_meta` is judged
//! as modern whatever else it looks like, and a modern header over a body without `_meta` is an
//! error, not a legacy request.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use json::Node;

use crate::headers::{MCP_METHOD, MCP_NAME, MCP_PROTOCOL_VERSION};
use crate::message::{Malformed, MalformedKind, Message, MessageKind};
use crate::version::{Era, ProtocolVersion};

/// `_meta` key of the version that a modern request is written in.
pub const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// `_meta` key of what a modern client can do.
pub const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// `_meta` key of what a modern client calls itself.
pub const META_CLIENT: &str = "io.modelcontextprotocol/clientInfo";

/// `_meta` key of the task that a message belongs to (2025-11-25).
pub const META_TASK: &str = "io.modelcontextprotocol/related-task";

/// The era of a request and what is known of its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The era.
    pub era: Era,
    /// The version named by the request; a legacy request need not name one.
    pub version: Option<ProtocolVersion>,
}

/// Tells the era of a client's message and checks its mirrored headers.
pub fn classify(message: &Message<'_>, headers: &HeaderMap) -> Result<Dialect, Malformed> {
    dialect(message, headers).map_err(|kind| Malformed::new(kind, message.id_raw()))
}

fn dialect(message: &Message<'_>, headers: &HeaderMap) -> Result<Dialect, MalformedKind> {
    let header = plain(headers, &MCP_PROTOCOL_VERSION)?;
    let header_era = header.and_then(ProtocolVersion::find).map(ProtocolVersion::era);
    let is_request = message.kind() == MessageKind::Request;
    match message.meta() {
        Some(meta) if has_modern_keys(meta) => modern(message, meta, headers, header),
        _ if header_era != Some(Era::Modern) => legacy(message, headers, header),
        _ if is_request => Err(MalformedKind::MissingMeta(META_VERSION)),
        // A modern notification needs no `_meta`.
        _ => {
            check_mirrors(message, headers, Presence::Optional)?;
            Ok(Dialect { era: Era::Modern, version: Some(ProtocolVersion::LATEST) })
        }
    }
}

pub(crate) fn has_modern_keys(meta: Node<'_>) -> bool {
    [META_VERSION, META_CAPABILITIES, META_CLIENT].iter().any(|key| meta.get(key).is_some())
}

fn modern(
    message: &Message<'_>,
    meta: Node<'_>,
    headers: &HeaderMap,
    header: Option<&str>,
) -> Result<Dialect, MalformedKind> {
    let missing = MalformedKind::MissingMeta;
    let named = meta.get(META_VERSION).and_then(Node::as_str).ok_or(missing(META_VERSION))?;
    if header != Some(named.as_ref()) {
        return Err(mismatch(&MCP_PROTOCOL_VERSION, header.is_some()));
    }
    let version = ProtocolVersion::find(&named).filter(|version| version.era() == Era::Modern);
    let version = version.ok_or_else(|| MalformedKind::UnsupportedVersion(named.into_owned()))?;
    if message.kind() == MessageKind::Request {
        let capabilities = meta.get(META_CAPABILITIES).filter(|node| node.is_object());
        capabilities.ok_or(missing(META_CAPABILITIES))?;
    }
    check_mirrors(message, headers, Presence::Required)?;
    Ok(Dialect { era: Era::Modern, version: Some(version) })
}

fn legacy(
    message: &Message<'_>,
    headers: &HeaderMap,
    header: Option<&str>,
) -> Result<Dialect, MalformedKind> {
    check_mirrors(message, headers, Presence::Optional)?;
    let unknown = |text: &str| MalformedKind::UnknownLegacyVersion(text.to_owned());
    let version = header.map(|text| ProtocolVersion::find(text).ok_or_else(|| unknown(text)));
    Ok(Dialect { era: Era::Legacy, version: version.transpose()? })
}

// === Mirrored headers ===

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

fn check_mirrors(
    message: &Message<'_>,
    headers: &HeaderMap,
    presence: Presence,
) -> Result<(), MalformedKind> {
    let method = Some(message.method_name()).filter(|name| !name.is_empty());
    check_mirror(headers, &MCP_METHOD, method, presence)?;
    // What modern clients lack has no mirror: to them it is unknown, whatever its headers say.
    let is_removed = presence == Presence::Required && !message.method().exists_in(Era::Modern);
    let subject = message.subject().filter(|_| !is_removed);
    check_mirror(headers, &MCP_NAME, subject, presence)
}

fn check_mirror(
    headers: &HeaderMap,
    name: &HeaderName,
    body: Option<Cow<'_, str>>,
    presence: Presence,
) -> Result<(), MalformedKind> {
    let header = plain(headers, name)?;
    match (header, body) {
        // A method that names nothing has nothing to mirror.
        (None | Some(_), None) => Ok(()),
        (None, Some(_)) if presence == Presence::Optional => Ok(()),
        (Some(header), Some(body)) if decoded(header).is_some_and(|text| text == body) => Ok(()),
        (header, Some(_)) => Err(mismatch(name, header.is_some())),
    }
}

/// The one value of a header; repeated or unprintable ones are refused.
pub(crate) fn plain<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h str>, MalformedKind> {
    let mut values = headers.get_all(name).iter();
    let (first, another) = (values.next(), values.next());
    if another.is_some() {
        return Err(MalformedKind::HeaderMismatch(format!("{name} is given more than once")));
    }
    let unreadable = |_| MalformedKind::HeaderMismatch(format!("{name} cannot be read"));
    first.map(|value| value.to_str().map(str::trim).map_err(unreadable)).transpose()
}

pub(crate) fn mismatch(name: &HeaderName, is_present: bool) -> MalformedKind {
    let what = if is_present { "does not match the body" } else { "is missing" };
    MalformedKind::HeaderMismatch(format!("{name} {what}"))
}

const SENTINEL: (&str, &str) = ("=?base64?", "?=");

/// The text of a mirrored value, plain or as `=?base64?…?=`; `None` if it is neither.
pub(crate) fn decoded(value: &str) -> Option<Cow<'_, str>> {
    let coded = value.strip_prefix(SENTINEL.0).and_then(|rest| rest.strip_suffix(SENTINEL.1));
    match coded {
        Some(coded) => String::from_utf8(STANDARD.decode(coded).ok()?).ok().map(Cow::Owned),
        None => Some(Cow::Borrowed(value)),
    }
}

/// A text as the value of a mirrored header: plain where a header can carry it, else base64.
pub fn mirrored(text: &str) -> HeaderValue {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim() == text
        && !text.is_empty()
        && !text.starts_with(SENTINEL.0);
    let coded = || format!("{}{}{}", SENTINEL.0, STANDARD.encode(text), SENTINEL.1);
    let value = if is_plain { Cow::Borrowed(text) } else { Cow::Owned(coded()) };
    // Both forms are printable ASCII, so the fallback is never taken.
    HeaderValue::from_str(&value).unwrap_or_else(|_| HeaderValue::from_static(""))
}
