//! What a server says it can do, without what the gateway does not carry yet.

use std::borrow::Cow;
use std::ops::Range;

use json::Node;
use mcp::message::Message;
use mcp::method::Method;

const TASKS: &str = "tasks";
const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

type Edits = Vec<(Range<usize>, Cow<'static, [u8]>)>;

/// The answer to `initialize` or `server/discover`, edited if need be.
pub(super) fn trimmed(message: &Message<'_>, method: Method) -> Option<Vec<u8>> {
    let result = message.result()?;
    let mut edits = Edits::new();
    if let Some(capabilities) = result.get("capabilities") {
        edits.extend(without(capabilities, TASKS));
        let extensions = capabilities.get("extensions");
        edits.extend(extensions.and_then(|extensions| without(extensions, TASKS_EXTENSION)));
    }
    if method == Method::ServerDiscover {
        make_private(result, &mut edits);
    }
    (!edits.is_empty()).then(|| json::splice(message.bytes(), &edits))
}

/// What was answered to one grant is not kept for another.
pub(super) fn private(message: &Message<'_>) -> Option<Vec<u8>> {
    let mut edits = Edits::new();
    make_private(message.result()?, &mut edits);
    (!edits.is_empty()).then(|| json::splice(message.bytes(), &edits))
}

fn make_private(result: Node<'_>, edits: &mut Edits) {
    for member in result.members().filter(|member| member.key_is("cacheScope")) {
        if !member.value.is_str("private") {
            edits.push((member.value.span(), Cow::Borrowed(b"\"private\"")));
        }
    }
}

/// The edit that removes a member together with one comma.
fn without(object: Node<'_>, key: &str) -> Option<(Range<usize>, Cow<'static, [u8]>)> {
    let mut before = None;
    let mut members = object.members().peekable();
    while let Some(member) = members.next() {
        if member.key_is(key) {
            let range = match (before, members.peek()) {
                (Some(end), _) => end..member.value.span().end,
                (None, Some(next)) => member.key_span().start..next.key_span().start,
                (None, None) => member.key_span().start..member.value.span().end,
            };
            return Some((range, Cow::Borrowed(b"")));
        }
        before = Some(member.value.span().end);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trim(capabilities: &str) -> String {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"capabilities":{capabilities}}}}}"#);
        let message = mcp::message::parse_from_upstream(body.as_bytes()).unwrap();
        let bytes = trimmed(&message, Method::Initialize).unwrap_or(body.clone().into_bytes());
        let text = String::from_utf8(bytes).unwrap();
        let head = r#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":"#;
        text.strip_prefix(head).unwrap().strip_suffix("}}").unwrap().to_owned()
    }

    #[test]
    fn tasks_are_not_offered_and_the_rest_is_kept_as_written() {
        assert_eq!(trim(r#"{"tasks":{}}"#), "{}");
        assert_eq!(trim(r#"{"tasks":{"list":{}}, "tools":{}}"#), r#"{"tools":{}}"#);
        assert_eq!(trim(r#"{"tools":{} , "tasks":{}}"#), r#"{"tools":{}}"#);
        assert_eq!(trim(r#"{"a":1,"tasks":{},"b" :2}"#), r#"{"a":1,"b" :2}"#);
        assert_eq!(
            trim(r#"{"extensions":{"io.modelcontextprotocol/tasks":{},"x/y":{}}}"#),
            r#"{"extensions":{"x/y":{}}}"#
        );
        assert_eq!(trim(r#"{"tools":{}}"#), r#"{"tools":{}}"#);
    }
}
