//! What the gateway accepts from a client has one reading, and what the policy lets pass of it
//! stays within the rule for every reader.

use std::sync::LazyLock;

use chrono::DateTime;
use http::HeaderMap;
use mcp::message::{self, Message, MessageKind};
use mcp::method::Method;
use policy::{Call, Category, Compiled, Context, Decision, ToolFacts, ToolState};
use serde_json::Value;

use super::readers::Reader;
use super::rule::{POLICY, TOOL, within_the_rule};

/// For any bytes that a client could send.
///
/// # Panics
/// If the gateway would forward what another reader takes for something else.
pub fn envelope(bytes: &[u8]) {
    // Whatever a server sends is read or refused.
    if let Ok(answer) = message::parse_from_upstream(bytes) {
        assert_eq!(answer.bytes(), bytes);
    }
    let Ok(message) = message::parse(bytes) else { return };
    assert_eq!(message.bytes(), bytes, "what was judged is what is forwarded");
    if let Err(malformed) = mcp::era::classify(&message, &HeaderMap::new()) {
        assert!(json::parse(&malformed.body()).is_ok());
    }
    let is_allowed = allows(&message);
    for reader in Reader::ALL {
        // One that cannot read a number so large reads nothing at all.
        let Some(read) = reader.read(bytes) else { continue };
        one_envelope(&message, reader, &read);
        if is_allowed {
            within_the_rule(reader, &read);
        }
    }
}

/// Kind, id, method, subject and arguments are the same.
fn one_envelope(message: &Message<'_>, reader: Reader, read: &Value) {
    assert!(read.is_object());
    let is_there = |key: &str| read.get(key).is_some();
    let kind = match (is_there("method"), is_there("id")) {
        (true, true) => MessageKind::Request,
        (true, false) => MessageKind::Notification,
        (false, _) => MessageKind::Response,
    };
    assert_eq!(message.kind(), kind, "{reader:?}");
    assert_eq!(
        read.get("method").and_then(Value::as_str).unwrap_or_default(),
        message.method_name()
    );
    let id = message.id_raw().and_then(|id| reader.read(id.as_bytes()));
    assert_eq!(read.get("id"), id.as_ref(), "{reader:?}");
    let Some(params) = message.params() else {
        assert!(!is_there("params"), "{reader:?}");
        return;
    };
    if kind == MessageKind::Response {
        return;
    }
    let params_read = read.get("params").expect("params are there for every reader");
    for key in ["name", "uri", "taskId", "arguments", "_meta", "ref", "task", "requestState"] {
        let ours = params.get(key).and_then(|node| reader.read(node.raw()));
        assert_eq!(params_read.get(reader.key(key)), ours.as_ref(), "{reader:?} {key}");
    }
}

/// Whether the gateway would forward this as a call of the one tool.
pub(super) fn allows(message: &Message<'_>) -> bool {
    static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
        let tool = ToolFacts {
            name: TOOL.to_owned(),
            category: Category::Financial,
            risk: "high".to_owned(),
            input_schema: None,
            annotations: None,
            state: ToolState::Current,
        };
        let document = policy::parse(POLICY).expect("the policy is sound");
        policy::compile(&document, &[tool]).expect("the policy compiles")
    });
    if message.method() != Method::ToolsCall || message.kind() != MessageKind::Request {
        return false;
    }
    let context = Context { grant_label: "agent", client_name: None, now: DateTime::UNIX_EPOCH };
    let tool = message.name().unwrap_or_default();
    let call = Call { tool: &tool, arguments: message.arguments(), context: &context };
    matches!(COMPILED.decide(&call), Decision::Allow { .. })
}
