//! Answers of a stateless server in the words of the eras with sessions: by splices, so that what
//! the server said stays byte for byte.

use std::borrow::Cow;
use std::fmt::Write as _;

use json::{Member, Node};
use mcp::answer;
use mcp::message::Message;
use mcp::method::Method;
use mcp::version::Era;

use crate::bridge::splices::{self, Edits, Fate};
use crate::refusal::Refusal;

const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";
const INVALID_PARAMS: &str = "-32602";
const HEADER_MISMATCH: &str = "-32020";
const RESOURCE_NOT_FOUND: &str = "-32002";
const CARRIED: [&str; 5] = ["tools", "prompts", "resources", "completions", "logging"];

/// Whether the server refused a request because of the headers that mirror its arguments.
pub(super) fn is_mismatch(message: &Message<'_>) -> bool {
    let code = message.error().and_then(|error| error.get("code"));
    code.is_some_and(|code| code.raw_str() == HEADER_MISMATCH)
}

/// What a result is by its own account.
pub(super) enum Kind {
    Complete,
    /// The server asks for something first.
    InputRequired,
    /// Nothing that a client of this era could make sense of.
    Unknown,
}

pub(super) fn kind(result: Node<'_>) -> Kind {
    match result.get("resultType").map(Node::as_str) {
        None => Kind::Complete,
        Some(Some(kind)) if kind == "complete" => Kind::Complete,
        Some(Some(kind)) if kind == "input_required" => Kind::InputRequired,
        Some(_) => Kind::Unknown,
    }
}

/// The answer to a request, under the client's id.
pub(super) fn retold(message: &Message<'_>, id: &str, method: Method) -> Result<Vec<u8>, Refusal> {
    let mut edits = Edits::from_iter(splices::id(message.root(), id));
    if let Some(error) = message.error() {
        let code = error.get("code");
        if edits.is_empty() {
            let number = code.and_then(Node::as_number).and_then(|code| code.parse().ok());
            let text = error.get("message").and_then(Node::as_str).unwrap_or_default();
            return Ok(answer::error(Some(id), number.unwrap_or(-32_603), &text, None));
        }
        let is_absent = method == Method::ResourcesRead;
        if let Some(code) = code.filter(|code| is_absent && code.raw_str() == INVALID_PARAMS) {
            edits.push((code.span(), Cow::Borrowed(RESOURCE_NOT_FOUND.as_bytes())));
        }
        return Ok(json::splice(message.bytes(), &edits));
    }
    let result = message.result().filter(|result| result.is_object());
    let result = result.ok_or_else(|| {
        Refusal::Upstream("The server's answer is not one that can be read.".to_owned())
    })?;
    let is_of_era = |member: &Member<'_>| Fate::left_out_if(member.key_is("resultType"));
    let told = splices::object(message.bytes(), Some(result), is_of_era, &[]);
    edits.push((result.span(), Cow::Owned(told.into_bytes())));
    Ok(json::splice(message.bytes(), &edits))
}

/// The answer to `initialize`, of what `server/discover` said.
pub(super) fn greeting(
    id: &str,
    version: &str,
    source: &[u8],
    found: Node<'_>,
    name: &str,
) -> Vec<u8> {
    let kept = |member: &Member<'_>| {
        let is_carried = CARRIED.iter().any(|key| member.key_is(key));
        Fate::left_out_if(!is_carried)
    };
    let capabilities = splices::object(source, found.get("capabilities"), kept, &[]);
    let info = found.get("_meta").and_then(|meta| meta.get(META_SERVER));
    let info = info.filter(|info| info.get("name").is_some() && info.get("version").is_some());
    let info = info.map(|info| info.raw_str().to_owned());
    let info =
        info.unwrap_or_else(|| format!(r#"{{"name":{},"version":"0"}}"#, json::quoted(name)));
    let mut members = format!(
        r#""protocolVersion":"{version}","capabilities":{capabilities},"serverInfo":{info}"#
    );
    if let Some(instructions) = found.get("instructions").filter(|text| text.as_str().is_some()) {
        // Writing to a string cannot fail.
        let _ = write!(members, r#","instructions":{}"#, instructions.raw_str());
    }
    answer::result(id, Era::Legacy, &members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp::message::parse_from_upstream;

    fn told(body: &str, method: Method) -> String {
        let message = parse_from_upstream(body.as_bytes()).unwrap();
        String::from_utf8(retold(&message, "7", method).unwrap()).unwrap()
    }

    #[test]
    fn a_result_loses_its_type_and_nothing_else() {
        let body = r#"{"jsonrpc":"2.0","id":"x","result":{"resultType":"complete","content":[ 1.0 ],"n":1e2}}"#;
        assert_eq!(
            told(body, Method::ToolsCall),
            r#"{"jsonrpc":"2.0","id":7,"result":{"content":[ 1.0 ],"n":1e2}}"#
        );
    }

    #[test]
    fn a_resource_that_is_not_there_is_said_in_the_words_of_the_era() {
        let body = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no"}}"#;
        assert_eq!(told(body, Method::ToolsCall), body);
        assert!(told(body, Method::ResourcesRead).contains("-32002"));
    }

    #[test]
    fn a_greeting_says_what_was_discovered() {
        let body = br#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":{"tools":{},"extensions":{"x":{}}},"instructions":"do","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}}}"#;
        let message = parse_from_upstream(body).unwrap();
        let greeted = greeting("0", "2025-06-18", body, message.result().unwrap(), "shop");
        assert_eq!(
            String::from_utf8(greeted).unwrap(),
            r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"},"instructions":"do"}}"#
        );
    }
}
