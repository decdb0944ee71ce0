//! Answers of a server with sessions in the words of the stateless era: by splices, so that what
//! the server said stays byte for byte.

use std::borrow::Cow;
use std::fmt::Write as _;

use http::StatusCode;
use json::{Member, Node};
use mcp::answer;
use mcp::message::{self, Message};
use mcp::method::Method;
use mcp::version::{Era, ProtocolVersion};

use crate::bridge::splices::{self, Edits, Fate};
use crate::refusal::Refusal;

mod code {
    pub(super) const METHOD_NOT_FOUND: &str = "-32601";
    pub(super) const RESOURCE_NOT_FOUND: &str = "-32002";
    pub(super) const INVALID_PARAMS: &str = "-32602";
    pub(super) const URL_ELICITATION: &str = "-32042";
    pub(super) const UPSTREAM: &str = "-31004";
}

const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";
/// Capabilities that work over the bridge.
const CARRIED: [&str; 5] = ["tools", "prompts", "resources", "completions", "logging"];

fn unreadable() -> Refusal {
    Refusal::Upstream("The server's answer is not one that can be read.".to_owned())
}

/// The answer to a request, under the client's id, and the status it has if it is told alone.
pub(super) fn retold(
    message: &Message<'_>,
    id: &str,
    method: Method,
) -> Result<(Vec<u8>, StatusCode), Refusal> {
    if let Some(error) = message.error() {
        return Ok(failed(message, error, id));
    }
    let result = message.result().filter(|result| result.is_object()).ok_or_else(unreadable)?;
    let mut edits = Edits::from_iter(splices::id(message.root(), id));
    edits.push((result.span(), Cow::Owned(complete(message, result, method).into_bytes())));
    Ok((json::splice(message.bytes(), &edits), StatusCode::OK))
}

/// A result with what the stateless era wants of each.
fn complete(message: &Message<'_>, result: Node<'_>, method: Method) -> String {
    // The server knows nothing of this member, so what it says there means nothing.
    let judge = |member: &Member<'_>| Fate::left_out_if(member.key_is("resultType"));
    let mut added = vec![("resultType", "\"complete\"".to_owned())];
    if method == Method::ResourcesRead {
        let missing = |key: &str| result.get(key).is_none();
        added.extend(missing("ttlMs").then(|| ("ttlMs", "0".to_owned())));
        added.extend(missing("cacheScope").then(|| ("cacheScope", "\"private\"".to_owned())));
    }
    splices::object(message.bytes(), Some(result), judge, &added)
}

fn failed(message: &Message<'_>, error: Node<'_>, id: &str) -> (Vec<u8>, StatusCode) {
    let code = error.get("code");
    let written = code.map(Node::raw_str).unwrap_or_default();
    let status = match written {
        code::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    };
    let Some(edit) = splices::id(message.root(), id) else {
        // An error that could not name its request.
        let text = error.get("message").and_then(Node::as_str).unwrap_or_default();
        let number = written.parse().unwrap_or(-32_603);
        return (answer::error(Some(id), number, &text, None), status);
    };
    let mut edits = Edits::from([edit]);
    let other = match written {
        code::RESOURCE_NOT_FOUND => Some(code::INVALID_PARAMS),
        // Not to be sent in this era.
        code::URL_ELICITATION => Some(code::UPSTREAM),
        _ => None,
    };
    if let (Some(code), Some(other)) = (code, other) {
        edits.push((code.span(), Cow::Borrowed(other.as_bytes())));
    }
    (json::splice(message.bytes(), &edits), status)
}

/// What the server wants the client's person to do elsewhere first, as requests for input.
pub(super) fn urls_to_visit(message: &Message<'_>) -> Option<String> {
    let error = message.error()?;
    if error.get("code")?.raw_str() != code::URL_ELICITATION {
        return None;
    }
    let wanted = error.pointer("/data/elicitations")?;
    let requests: Vec<_> = wanted
        .items()
        .filter(|item| item.get("mode").is_some_and(|mode| mode.is_str("url")))
        .enumerate()
        .map(|(n, item)| {
            let params = item.raw_str();
            format!(r#""{}":{{"method":"elicitation/create","params":{params}}}"#, n + 1)
        })
        .collect();
    (!requests.is_empty()).then(|| format!("{{{}}}", requests.join(",")))
}

/// A question in the place of an answer.
pub(super) fn input_required(id: &str, requests: &str, state: &str) -> Vec<u8> {
    let state = json::quoted(state);
    let members = format!(
        r#""resultType":"input_required","inputRequests":{requests},"requestState":{state}"#
    );
    // The era that adds no member of its own.
    answer::result(id, Era::Legacy, &members)
}

/// The answer to `server/discover`, of what the server said when the session was opened.
pub(super) fn discovered(id: &str, hello: &[u8]) -> Result<Vec<u8>, Refusal> {
    let hello = message::parse_from_upstream(hello).map_err(|_malformed| unreadable())?;
    let result = hello.result().ok_or_else(unreadable)?;
    let kept = |member: &Member<'_>| {
        let is_carried = CARRIED.iter().any(|key| member.key_is(key));
        Fate::left_out_if(!is_carried)
    };
    let capabilities = splices::object(hello.bytes(), result.get("capabilities"), kept, &[]);
    let mut members = format!(
        r#""supportedVersions":["{}"],"capabilities":{capabilities},"ttlMs":0,"cacheScope":"private""#,
        ProtocolVersion::LATEST
    );
    // Writing to a string cannot fail.
    if let Some(text) = result.get("instructions").map(Node::raw_str) {
        let _ = write!(members, r#","instructions":{text}"#);
    }
    if let Some(info) = result.get("serverInfo").map(Node::raw_str) {
        let _ = write!(members, r#","_meta":{{"{META_SERVER}":{info}}}"#);
    }
    Ok(answer::result(id, Era::Modern, &members))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str, method: Method) -> (String, u16) {
        let message = message::parse_from_upstream(body.as_bytes()).unwrap();
        let (bytes, status) = retold(&message, "\"c\"", method).unwrap();
        (String::from_utf8(bytes).unwrap(), status.as_u16())
    }

    #[test]
    fn results_are_complete_whatever_the_server_calls_them() {
        let body = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[ 1.50 ],"x":{}}}"#;
        let after = r#"{"jsonrpc":"2.0","id":"c","result":{"content":[ 1.50 ],"x":{},"resultType":"complete"}}"#;
        assert_eq!(told(body, Method::ToolsCall), (after.to_owned(), 200));
        let body = r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required"}}"#;
        assert!(told(body, Method::ToolsCall).0.ends_with(r#"{"resultType":"complete"}}"#));
        let body = r#"{"jsonrpc":"2.0","id":7,"result":{"contents":[],"ttlMs":9}}"#;
        let read = told(body, Method::ResourcesRead).0;
        assert!(read.ends_with(r#""ttlMs":9,"resultType":"complete","cacheScope":"private"}}"#));
    }

    #[test]
    fn errors_keep_their_words_and_lose_what_the_era_has_not() {
        let body = |code| {
            format!(
                r#"{{"jsonrpc":"2.0","id":7,"error":{{"code":{code},"message":"m","data":{{"a":1}}}}}}"#
            )
        };
        for (code, other, status) in [
            ("-32002", "-32602", 200),
            ("-32042", "-31004", 200),
            ("-32601", "-32601", 404),
            ("5", "5", 200),
        ] {
            let after = body(other).replace(":7,", ":\"c\",");
            assert_eq!(told(&body(code), Method::ToolsCall), (after, status));
        }
        let (nameless, _) =
            told(r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"m"}}"#, Method::ToolsCall);
        assert_eq!(nameless, r#"{"jsonrpc":"2.0","id":"c","error":{"code":-32700,"message":"m"}}"#);
    }

    #[test]
    fn discovery_says_only_what_the_bridge_carries() {
        let hello = br#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{"tasks":{},"tools":{"listChanged":true},"experimental":{}},"serverInfo":{"name":"s"},"instructions":"do"}}"#;
        let found = String::from_utf8(discovered("1", hello).unwrap()).unwrap();
        assert_eq!(
            found,
            r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}},"ttlMs":0,"cacheScope":"private","instructions":"do","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}},"resultType":"complete"}}"#
        );
    }
}
