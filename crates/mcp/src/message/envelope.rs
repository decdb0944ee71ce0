//! The rules of the envelope. Each closes a hole that let a gateway judge one call and a server
//! run another: batches, repeated keys, keys that lenient readers take for others.

use json::{Kind, Node};

use super::look_alike::is_look_alike;
use super::{MalformedKind, MessageKind};
use crate::era::{META_TASK, has_modern_keys};
use crate::method::Method;
use crate::version::Era;

const ENVELOPE_KEYS: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];

/// Every member of `params` that any method reads.
const PARAMS_KEYS: &[&str] = &[
    "_meta",
    "argument",
    "arguments",
    "capabilities",
    "clientInfo",
    "context",
    "cursor",
    "data",
    "inputResponses",
    "level",
    "logger",
    "message",
    "name",
    "notifications",
    "progress",
    "progressToken",
    "protocolVersion",
    "reason",
    "ref",
    "requestId",
    "requestState",
    "status",
    "task",
    "taskId",
    "total",
    "uri",
];

const META_KEYS: &[&str] = &[
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/logLevel",
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/related-task",
    "progressToken",
];

/// What `_meta` says of the task that a message belongs to.
const RELATED_TASK_KEYS: &[&str] = &["taskId"];

/// What `completion/complete` is about.
const REF_KEYS: &[&str] = &["name", "title", "type", "uri"];

/// What `subscriptions/listen` wants to hear of.
const NOTIFICATIONS_KEYS: &[&str] = &[
    "promptsListChanged",
    "resourceSubscriptions",
    "resourcesListChanged",
    "taskIds",
    "toolsListChanged",
];

/// The objects in `params` by which a request is judged, with the members that are read.
const JUDGED: [(&str, &[&str]); 3] =
    [("_meta", META_KEYS), ("ref", REF_KEYS), ("notifications", NOTIFICATIONS_KEYS)];

type Checked = Result<(MessageKind, Method), MalformedKind>;

/// The rules for clients: everything policy could look at has exactly one reading.
pub(super) fn check_from_client(root: Node<'_>) -> Checked {
    let found = check_shape(root)?;
    if let Some(duplicate) = root.duplicate_key() {
        return Err(duplicate.into());
    }
    if !matches!(root.get("id").map(Node::kind), None | Some(Kind::String | Kind::Number)) {
        return Err(MalformedKind::Id);
    }
    if found.0 == MessageKind::Response {
        return if id(root).is_some() { Ok(found) } else { Err(MalformedKind::Id) };
    }
    check_params(root, found.1)?;
    Ok(found)
}

/// The rules for upstreams: an error may come without an id, and results are their business.
pub(super) fn check_from_upstream(root: Node<'_>) -> Checked {
    let found = check_shape(root)?;
    let has_id = id(root).is_some();
    match found.0 {
        MessageKind::Response if has_id || root.get("error").is_some() => Ok(found),
        MessageKind::Response => Err(MalformedKind::Id),
        MessageKind::Request | MessageKind::Notification => {
            let is_sound = root.get("params").is_none_or(Node::is_object);
            if is_sound { Ok(found) } else { Err(MalformedKind::Params) }
        }
    }
}

/// The id exactly as written, if there is one and it is a string or an integer.
pub(super) fn id(root: Node<'_>) -> Option<&str> {
    let mut ids = root.members().filter(|member| member.key_is("id"));
    let (id, another) = (ids.next()?.value, ids.next());
    let is_integer = |text: &str| !text.contains(['.', 'e', 'E']);
    let is_sound = id.kind() == Kind::String || id.as_number().is_some_and(is_integer);
    (another.is_none() && is_sound).then(|| id.raw_str())
}

fn check_shape(root: Node<'_>) -> Checked {
    match root.kind() {
        Kind::Object => {}
        Kind::Array => return Err(MalformedKind::Batch),
        _ => return Err(MalformedKind::NotAnObject),
    }
    check_keys(root, ENVELOPE_KEYS)?;
    if !root.get("jsonrpc").is_some_and(|version| version.is_str("2.0")) {
        return Err(MalformedKind::Version);
    }
    let has = |key| root.get(key).is_some();
    match (root.get("method"), has("result"), has("error")) {
        (Some(method), false, false) => {
            let name = method.as_str().ok_or(MalformedKind::Method)?;
            if has("id") && id(root).is_none() {
                return Err(MalformedKind::Id);
            }
            let kind = if has("id") { MessageKind::Request } else { MessageKind::Notification };
            Ok((kind, Method::named(&name)))
        }
        (None, true, false) | (None, false, true) => Ok((MessageKind::Response, Method::Unknown)),
        _ => Err(MalformedKind::Shape),
    }
}

/// Refuses repeated keys and keys that a lenient reader takes for known ones.
fn check_keys(object: Node<'_>, known: &[&str]) -> Result<(), MalformedKind> {
    for member in object.members() {
        let key = member.key();
        if is_look_alike(&key, known) {
            return Err(MalformedKind::LookAlikeKey(key.into_owned()));
        }
        let is_known = known.contains(&key.as_ref());
        if is_known && object.get(&key).map(Node::span) != Some(member.value.span()) {
            let key = key.into_owned();
            return Err(MalformedKind::DuplicateKey { pointer: String::new(), key });
        }
    }
    Ok(())
}

fn check_params(root: Node<'_>, method: Method) -> Result<(), MalformedKind> {
    let missing = |method: Method| match method.subject() {
        Some(subject) => Err(MalformedKind::MissingParam(subject)),
        None => Ok(()),
    };
    let Some(params) = root.get("params") else {
        return missing(method);
    };
    if !params.is_object() {
        return Err(MalformedKind::Params);
    }
    check_keys(params, PARAMS_KEYS)?;
    for (name, keys) in JUDGED {
        params.get(name).map_or(Ok(()), |judged| check_keys(judged, keys))?;
    }
    let related = params.get("_meta").and_then(|meta| meta.get(META_TASK));
    related.map_or(Ok(()), |related| check_keys(related, RELATED_TASK_KEYS))?;
    let names = |key| params.get("ref").and_then(|of| of.get(key)).is_some_and(|n| !n.is_null());
    if names("name") && names("uri") {
        return Err(MalformedKind::AmbiguousRef);
    }
    let arguments = params.get("arguments").map(Node::kind);
    if !matches!(arguments, None | Some(Kind::Null | Kind::Object)) {
        return Err(MalformedKind::Arguments);
    }
    let subject = method.subject().and_then(|subject| params.get(subject)).map(Node::kind);
    // A method that the request's era does not have is unknown, whatever it leaves out.
    let is_foreign =
        params.get("_meta").is_some_and(has_modern_keys) && !method.exists_in(Era::Modern);
    if subject == Some(Kind::String) || is_foreign { Ok(()) } else { missing(method) }
}
