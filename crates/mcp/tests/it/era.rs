//! Telling the eras apart, and holding headers to what the body says.

use http::{HeaderMap, HeaderName, HeaderValue};
use mcp::era::{Dialect, classify, mirrored};
use mcp::message::{Malformed, parse};
use mcp::version::{Era, ProtocolVersion};
use proptest::prelude::*;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    let mut map = HeaderMap::new();
    pairs.iter().map(pair).for_each(|(name, value)| {
        map.append(name, value);
    });
    map
}

fn judged(
    method: &str,
    params: &str,
    pairs: &[(&'static str, &str)],
) -> Result<Dialect, Malformed> {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}}}}}"#);
    classify(&parse(body.as_bytes()).unwrap(), &headers(pairs))
}

fn code(verdict: Result<Dialect, Malformed>) -> i32 {
    verdict.unwrap_err().code
}

const VERSION: (&str, &str) = ("mcp-protocol-version", "2026-07-28");

#[test]
fn meta_makes_a_request_modern_even_an_initialize() {
    let modern = Dialect { era: Era::Modern, version: Some(ProtocolVersion::V2026_07_28) };
    for method in ["tools/list", "initialize", "ping"] {
        assert_eq!(
            judged(method, META, &[VERSION, ("mcp-method", method)]),
            Ok(modern),
            "{method}"
        );
    }
}

#[test]
fn without_meta_it_is_legacy_and_names_its_version_or_not() {
    let legacy = |version| Ok(Dialect { era: Era::Legacy, version });
    assert_eq!(judged("tools/list", "", &[]), legacy(None));
    assert_eq!(judged("tools/list", r#""_meta":{"progressToken":1}"#, &[]), legacy(None));
    assert_eq!(
        judged("ping", "", &[("mcp-protocol-version", "2025-06-18")]),
        legacy(Some(ProtocolVersion::V2025_06_18))
    );
    assert_eq!(code(judged("ping", "", &[("mcp-protocol-version", "2025-01-01")])), -32600);
}

#[test]
fn a_modern_header_over_a_body_without_meta_is_an_error() {
    for params in ["", r#""_meta":{}"#, r#""_meta":7"#, r#""_meta":{"progressToken":1}"#] {
        let verdict = judged("tools/list", params, &[VERSION, ("mcp-method", "tools/list")]);
        assert_eq!(code(verdict), -32602, "{params}");
    }
    let notification =
        br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    let verdict = classify(&parse(notification).unwrap(), &headers(&[VERSION]));
    assert_eq!(verdict.unwrap().era, Era::Modern);
}

#[test]
fn meta_must_be_complete() {
    let pairs = [VERSION, ("mcp-method", "tools/list")];
    for params in [
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#,
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":[]}"#,
        r#""_meta":{"io.modelcontextprotocol/clientCapabilities":{}}"#,
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":1,"io.modelcontextprotocol/clientCapabilities":{}}"#,
    ] {
        assert_eq!(code(judged("tools/list", params, &pairs)), -32602, "{params}");
    }
}

#[test]
fn versions_nobody_speaks_are_answered_with_those_we_do() {
    for version in ["2027-01-01", "2025-11-25", "DRAFT"] {
        let params = META.replace("2026-07-28", version);
        let pairs = [("mcp-protocol-version", version), ("mcp-method", "tools/list")];
        let malformed = judged("tools/list", &params, &pairs).unwrap_err();
        assert_eq!((malformed.code, malformed.http_status.as_u16()), (-32022, 400));
        let expected = format!(r#"{{"supported":["2026-07-28"],"requested":"{version}"}}"#);
        assert_eq!(malformed.data(), Some(expected));
    }
}

#[test]
fn headers_must_say_what_the_body_says() {
    let name = |name: &str| format!(r#""name":{},{META}"#, json::quoted(name));
    let call =
        |body: &str, pairs: &[(&'static str, &str)]| judged("tools/call", &name(body), pairs);
    let method = ("mcp-method", "tools/call");
    let mirrored_name = |value: &'static str| ("mcp-name", value);

    assert!(call("echo", &[VERSION, method, mirrored_name("echo")]).is_ok());
    assert!(call("echo", &[VERSION, method, mirrored_name("  echo ")]).is_ok());
    assert!(call("héé", &[VERSION, method, mirrored_name("=?base64?aMOpw6k=?=")]).is_ok());
    assert!(call("echo", &[VERSION, method, mirrored_name("=?base64?ZWNobw==?=")]).is_ok());
    for pairs in [
        vec![VERSION, method],
        vec![VERSION, mirrored_name("echo")],
        vec![method, mirrored_name("echo")],
        vec![VERSION, method, mirrored_name("Echo")],
        vec![VERSION, ("mcp-method", "tools/Call"), mirrored_name("echo")],
        vec![VERSION, method, mirrored_name("echo"), mirrored_name("echo")],
        vec![VERSION, VERSION, method, mirrored_name("echo")],
        vec![VERSION, method, method, mirrored_name("echo")],
        vec![("mcp-protocol-version", "2025-11-25"), method, mirrored_name("echo")],
        vec![VERSION, method, mirrored_name("=?base64?!?=")],
        vec![VERSION, method, mirrored_name("=?base64?/w==?=")],
        vec![VERSION, method, mirrored_name("=?BASE64?ZWNobw==?=")],
        vec![VERSION, method, mirrored_name("éecho")],
    ] {
        let malformed = call("echo", &pairs).unwrap_err();
        assert_eq!((malformed.code, malformed.http_status.as_u16()), (-32020, 400), "{pairs:?}");
        assert_eq!(malformed.id_raw.as_deref(), Some("1"));
    }
}

#[test]
fn legacy_requests_may_mirror_but_not_lie() {
    assert!(judged("tools/call", r#""name":"a""#, &[("mcp-name", "a")]).is_ok());
    assert_eq!(code(judged("tools/call", r#""name":"a""#, &[("mcp-name", "b")])), -32020);
    assert_eq!(code(judged("ping", "", &[("mcp-method", "tools/call")])), -32020);
}

#[test]
fn a_method_that_modern_clients_lack_needs_no_mirror_to_be_unknown() {
    let removed = |method: &str, params: &str| {
        judged(method, &format!("{params},{META}"), &[VERSION, ("mcp-method", method)])
    };
    assert!(removed("tasks/result", r#""taskId":"t1""#).is_ok());
    assert!(removed("resources/subscribe", r#""uri":"a:b""#).is_ok());
    assert_eq!(code(removed("tasks/get", r#""taskId":"t1""#)), -32020);
}

#[test]
fn resources_and_tasks_mirror_their_own_member() {
    let read = |value| {
        let params = format!(r#""uri":"file:///a",{META}"#);
        judged(
            "resources/read",
            &params,
            &[VERSION, ("mcp-method", "resources/read"), ("mcp-name", value)],
        )
    };
    assert!(read("file:///a").is_ok());
    assert_eq!(code(read("file:///b")), -32020);
    let params = format!(r#""taskId":"t1",{META}"#);
    let pairs = [VERSION, ("mcp-method", "tasks/get"), ("mcp-name", "t2")];
    assert_eq!(code(judged("tasks/get", &params, &pairs)), -32020);
}

proptest! {
    #[test]
    fn what_is_mirrored_is_understood(name in ".{0,24}") {
        let value = mirrored(&name);
        let value = value.to_str().unwrap();
        let params = format!(r#""name":{},{META}"#, json::quoted(&name));
        let pairs = [VERSION, ("mcp-method", "tools/call"), ("mcp-name", value)];
        prop_assert!(judged("tools/call", &params, &pairs).is_ok(), "{:?}", value);
    }
}
