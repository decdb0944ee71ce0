//! The strict envelope: one reading for every reader.

use http::StatusCode;
use mcp::message::{Malformed, MalformedKind, MessageKind, parse, parse_from_upstream};
use mcp::method::Method;
use proptest::prelude::*;

fn refused(body: &str) -> Malformed {
    match parse(body.as_bytes()) {
        Ok(message) => panic!("accepted: {message:?}"),
        Err(malformed) => malformed,
    }
}

fn call(params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#)
}

#[test]
fn a_call_is_read_without_changing_a_byte() {
    let body = r#" {"id" : "a\u0062", "jsonrpc":"2.0","method":"tools\/call",
        "params":{"name":"ru\u006e","arguments":{"n":1.0},"_meta":{"progressToken":1},"x-new":[1]}} "#;
    let message = parse(body.as_bytes()).unwrap();
    assert_eq!(message.kind(), MessageKind::Request);
    assert_eq!(message.method(), Method::ToolsCall);
    assert_eq!(message.method_name(), "tools/call");
    assert_eq!(message.id_raw(), Some(r#""a\u0062""#));
    assert_eq!(message.name().as_deref(), Some("run"));
    assert_eq!(message.subject().as_deref(), Some("run"));
    assert_eq!(message.arguments().unwrap().raw_str(), r#"{"n":1.0}"#);
    assert_eq!(message.meta().unwrap().len(), 1);
    assert_eq!(message.bytes(), body.as_bytes());
    assert!(!message.is_task_augmented());
}

#[test]
fn absent_and_null_arguments_are_empty() {
    for params in [r#"{"name":"a"}"#, r#"{"name":"a","arguments":null}"#] {
        let body = call(params);
        assert!(parse(body.as_bytes()).unwrap().arguments().is_none(), "{params}");
    }
}

#[test]
fn notifications_and_responses_are_told_apart() {
    let kind = |body: &str| parse(body.as_bytes()).map(|m| (m.kind(), m.method()));
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
        Ok((MessageKind::Notification, Method::Initialized))
    );
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","id":"r","result":{}}"#),
        Ok((MessageKind::Response, Method::Unknown))
    );
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","id":-3,"error":{"code":1,"message":""}}"#),
        Ok((MessageKind::Response, Method::Unknown))
    );
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","id":1,"method":"tools/Call"}"#),
        Ok((MessageKind::Request, Method::Unknown))
    );
}

#[test]
fn what_is_not_json_is_a_parse_error_and_what_is_unsafe_is_not() {
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    for (body, code) in [("{", -32700), ("", -32700), ("{\"a\":1,}", -32700), (&deep, -32600)] {
        let malformed = refused(body);
        assert_eq!(
            (malformed.code, malformed.http_status),
            (code, StatusCode::BAD_REQUEST),
            "{body}"
        );
        assert_eq!(malformed.id_raw, None);
    }
    let bad_utf8 = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xFF\"}";
    assert_eq!(parse(bad_utf8).unwrap_err().code, -32600);
    assert_eq!(refused(r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#).code, -32600);
}

#[test]
fn each_unsound_envelope_is_refused_for_its_own_reason() {
    use MalformedKind as K;
    let look_alike = |key: &str| K::LookAlikeKey(key.to_owned());
    let duplicate =
        |pointer: &str, key: &str| K::DuplicateKey { pointer: pointer.into(), key: key.into() };
    let cases = [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"name":"a","Name":"b"}}}"#,
            look_alike("Name"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","name":"a","uri":"b"}}}"#,
            K::AmbiguousRef,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourcesubscriptions":["a"]}}}"#,
            look_alike("resourcesubscriptions"),
        ),
        ("[]", K::Batch),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, K::Batch),
        ("7", K::NotAnObject),
        (r#"{"id":1,"method":"ping"}"#, K::Version),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, K::Version),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, K::Id),
        (r#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#, K::Id),
        (r#"{"jsonrpc":"2.0","id":1e2,"method":"ping"}"#, K::Id),
        (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, K::Id),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, K::Id),
        (r#"{"jsonrpc":"2.0","result":{}}"#, K::Id),
        (r#"{"jsonrpc":"2.0","id":null,"result":{}}"#, K::Id),
        (r#"{"jsonrpc":"2.0","id":1,"method":null}"#, K::Method),
        (r#"{"jsonrpc":"2.0","id":1}"#, K::Shape),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, K::Shape),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, K::Shape),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, K::Params),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, K::Params),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, duplicate("", "id")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","m\u0065thod":"b"}"#, duplicate("", "method")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","Method":"b"}"#, look_alike("Method")),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"param\u{17f}\":{}}",
            look_alike("param\u{17f}"),
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","method\u0000":"b"}"#, look_alike("method\0")),
        (&call(r#"{"name":"a","Name":"b"}"#), look_alike("Name")),
        (&call("{\"name\":\"a\",\"tas\u{212a}\":{}}"), look_alike("tas\u{212a}")),
        (&call(r#"{"name":"a","_Meta":{}}"#), look_alike("_Meta")),
        (
            &call(r#"{"name":"a","_meta":{"IO.modelcontextprotocol/protocolVersion":"x"}}"#),
            look_alike("IO.modelcontextprotocol/protocolVersion"),
        ),
        (&call(r#"{"name":"a","name":"b"}"#), duplicate("/params", "name")),
        (
            &call(r#"{"name":"a","arguments":{"x":[{"k":1,"k":2}]}}"#),
            duplicate("/params/arguments/x/0", "k"),
        ),
        (&call(r#"{"name":"a","arguments":[1]}"#), K::Arguments),
        (&call(r#"{"name":"a","arguments":"{}"}"#), K::Arguments),
        (&call(r#"{"arguments":{}}"#), K::MissingParam("name")),
        (&call(r#"{"name":["a"]}"#), K::MissingParam("name")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"resources/read"}"#, K::MissingParam("uri")),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":1}}"#,
            K::MissingParam("taskId"),
        ),
    ];
    for (body, kind) in cases {
        let malformed = refused(body);
        assert_eq!(malformed.kind, kind, "{body}");
        let code = if matches!(kind, K::MissingParam(_)) { -32602 } else { -32600 };
        assert_eq!((malformed.code, malformed.http_status), (code, StatusCode::BAD_REQUEST));
    }
}

#[test]
fn refusals_echo_the_id_only_where_it_is_certain() {
    let id = |body: &str| refused(body).id_raw;
    assert_eq!(id(&call(r#"{"name":"a","name":"b"}"#)).as_deref(), Some("1"));
    assert_eq!(id(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#), None);
    assert_eq!(id("[]"), None);
    let body = refused(r#"{"jsonrpc":"2.0","id":"x","method":"ping","params":[]}"#).body();
    assert_eq!(
        String::from_utf8(body).unwrap(),
        r#"{"jsonrpc":"2.0","id":"x","error":{"code":-32600,"message":"\"params\" must be an object."}}"#
    );
}

#[test]
fn upstreams_may_answer_errors_without_an_id_and_repeat_keys_in_results() {
    let parsed = |body: &'static str| parse_from_upstream(body.as_bytes());
    let error =
        parsed(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"x"}}"#).unwrap();
    assert_eq!((error.kind(), error.id_raw()), (MessageKind::Response, None));
    assert!(parsed(r#"{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}"#).is_ok());
    assert!(parsed(r#"{"jsonrpc":"2.0","id":1,"id":2,"result":{}}"#).is_err());
    assert!(parsed(r#"{"jsonrpc":"2.0","result":{}}"#).is_err());
    assert!(parsed("[]").is_err());
    let request =
        parsed(r#"{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{}}"#);
    assert_eq!(request.unwrap().method(), Method::SamplingCreateMessage);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        let _ = parse_from_upstream(&bytes);
    }

    #[test]
    fn what_is_accepted_is_what_serde_reads(
        id in any::<i64>(), name in ".{0,20}", method in "[a-z/]{1,12}", extra in ".{1,8}",
    ) {
        let mut value = serde_json::json!({"jsonrpc":"2.0","id":id,"method":method,"params":{"name":name}});
        value["params"][&extra] = serde_json::json!({"k": extra});
        let body = value.to_string();
        if let Ok(message) = parse(body.as_bytes()) {
            prop_assert_eq!(message.id_raw().unwrap(), id.to_string());
            prop_assert_eq!(message.method_name(), method);
            let read = message.name().map(std::borrow::Cow::into_owned);
            prop_assert_eq!(read.as_deref(), value["params"]["name"].as_str());
        }
    }
}
