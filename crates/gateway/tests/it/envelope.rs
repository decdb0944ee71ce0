//! Bodies that have two readings are not judged, and not forwarded.

use serde_json::json;

use crate::world::{World, allow_all, borrowed, call, modern};

type Headers = Vec<(&'static str, String)>;

#[tokio::test]
async fn what_has_two_readings_is_refused_before_it_is_judged() {
    let (world, agent, shop) = World::with_shop(allow_all()).await;
    let args = r#""params":{"name":"get_order","arguments":{}}"#;
    let bad = [
        ("not json".to_owned(), -32700),
        (String::new(), -32700),
        (format!(r#"[{{"jsonrpc":"2.0","id":1,"method":"tools/call",{args}}}]"#), -32600),
        (format!(r#"{{"jsonrpc":"2.0","id":null,"method":"tools/call",{args}}}"#), -32600),
        (format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call",{args}}}"#), -32600),
        (format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","Params":{{}},{args}}}"#), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#.into(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#.into(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name\u0000":"b"}}"#.into(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"x":2}}}"#.into(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":[1]}}"#.into(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#.into(), -32600),
        (format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{{"a":{}1{}}}}}"#, "[".repeat(70), "]".repeat(70)), -32600),
    ];
    for (body, code) in &bad {
        let refused = world.post_raw(&agent, &[], body.clone()).await;
        assert_eq!(refused.status, 400, "{body}");
        assert_eq!(refused.json["error"]["code"], *code, "{body}");
    }
    let refused =
        world.post_raw(&agent, &[], &b"{\"jsonrpc\":\"2.0\",\"id\":1,\"x\":\"\xff\"}"[..]).await;
    assert_eq!(refused.status, 400);
    assert_eq!(shop.total(), 0);
    let records = world.records.all();
    assert_eq!(records.len(), bad.len() + 1);
    assert!(records.iter().all(|record| record.outcome == domain::Outcome::Invalid));
}

#[tokio::test]
async fn absent_and_null_arguments_are_none_and_the_bytes_go_through_untouched() {
    let (world, agent) = World::with_upstream(allow_all(), &["a"], |seen| async move {
        let body = String::from_utf8(seen.body.to_vec()).unwrap();
        seen.result(&json!({"content": [{"type": "text", "text": body}]}))
    })
    .await;
    let bodies = [
        r#"{ "jsonrpc":"2.0","id":"\u0061", "method":"tools/call","params":{"name":"a","arguments":null}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","x":1e2,"big":12345678901234567890123}}"#,
    ];
    for body in bodies {
        let passed = world.post_raw(&agent, &[], body).await;
        assert_eq!(passed.tool_text(), body);
    }
}

#[tokio::test]
async fn size_media_type_and_accept_have_their_own_statuses() {
    let (world, agent, shop) = World::with_shop(allow_all()).await;
    let body = call("list_customers", json!({})).to_string();
    let status = async |headers: &[(&str, &str)], body: String| {
        world.post_raw(&agent, headers, body).await.status
    };
    assert_eq!(status(&[], "x".repeat((4 << 20) + 1)).await, 413);
    assert_eq!(status(&[("content-type", "text/plain")], body.clone()).await, 415);
    assert_eq!(status(&[("accept", "text/html")], body).await, 406);
    assert_eq!(shop.total(), 0);
    let (headers, message) = modern(call("list_customers", json!({})));
    for header in [("content-type", "Application/JSON; charset=utf-8"), ("accept", "*/*")] {
        let mut headers = borrowed(&headers);
        headers.push(header);
        assert_eq!(world.post(&agent, &headers, &message).await.status, 200);
    }
}

#[tokio::test]
async fn mirrored_headers_must_say_what_the_body_says() {
    let (world, agent, shop) = World::with_shop(allow_all()).await;
    let (headers, message) = modern(call("list_customers", json!({})));
    let mismatch = async |change: &dyn Fn(&mut Headers)| {
        let mut headers = headers.clone();
        change(&mut headers);
        let refused = world.post(&agent, &borrowed(&headers), &message).await;
        (refused.status, refused.json["error"]["code"].clone())
    };
    let wanted = (400, json!(-32020));
    assert_eq!(mismatch(&|h| h[2].1 = "get_order".into()).await, wanted);
    assert_eq!(mismatch(&|h| h[1].1 = "tools/list".into()).await, wanted);
    assert_eq!(mismatch(&|h| drop(h.pop())).await, wanted);
    assert_eq!(mismatch(&|h| h[0].1 = "2025-11-25".into()).await, wanted);
    // A modern header over a body that does not describe itself is an error, not a legacy call.
    let bare = call("list_customers", json!({}));
    let refused = world.post(&agent, &[("mcp-protocol-version", "2026-07-28")], &bare).await;
    assert_eq!(refused.status, 400);
    assert_eq!(shop.total(), 0);
    let passed = world.post(&agent, &borrowed(&headers), &message).await;
    assert_eq!(passed.status, 200, "{}", passed.text);
    assert_eq!(shop.total(), 1);
}
