//! 2026-07-28: stateless, with required headers and metadata.

use serde_json::{Value, json};

use crate::client::Demo;

fn meta(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

#[tokio::test]
async fn discovery_says_what_the_era_wants() {
    let demo = Demo::start(50).await;
    let reply = demo.modern("server/discover", json!({})).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.headers.contains_key("mcp-session-id"));
    let result = reply.json()["result"].take();
    assert_eq!(result["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["cacheScope"], "public");
    assert!(result["ttlMs"].is_u64());
    let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(info["name"], "lantern-supply");
}

#[tokio::test]
async fn a_call_needs_no_session_and_lists_are_cacheable() {
    let demo = Demo::start(50).await;
    let list = demo.modern("tools/list", json!({})).await.json()["result"].take();
    assert_eq!((list["tools"].as_array().unwrap().len(), &list["ttlMs"]), (10, &json!(60_000)));
    let params = json!({ "name": "get_order", "arguments": { "order_id": "ord_1001" } });
    let call = demo.modern("tools/call", params).await.json()["result"].take();
    assert_eq!(call["structuredContent"]["total"], 828);
    assert_eq!(call["resultType"], "complete");
    assert!(call.get("ttlMs").is_none());
    let params = json!({ "name": "build_forecast", "arguments": { "months": 2 } });
    let events = demo.modern("tools/call", params).await.events();
    assert_eq!(events.len(), 3);
    assert_eq!(events[0]["params"]["progressToken"], "token");
    assert_eq!(events[2]["result"]["resultType"], "complete");
}

#[tokio::test]
async fn methods_of_the_other_era_do_not_exist() {
    let demo = Demo::start(50).await;
    for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe"] {
        let reply = demo.modern(method, json!({})).await;
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (404, &json!(-32_601)));
    }
    let reply = demo.modern("resources/read", json!({ "uri": "shop://x" })).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!(-32_602)));
}

#[tokio::test]
async fn headers_must_match_the_body() {
    let demo = Demo::start(50).await;
    let params = json!({ "name": "get_order", "arguments": {}, "_meta": meta("2026-07-28") });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let version = ("mcp-protocol-version", "2026-07-28");
    let method = ("mcp-method", "tools/call");
    for headers in [
        vec![],
        vec![version],
        vec![version, method],
        vec![version, method, ("mcp-name", "list_customers")],
        vec![version, method, ("mcp-name", "get_order"), ("mcp-name", "get_order")],
        vec![version, ("mcp-method", "Tools/Call"), ("mcp-name", "get_order")],
        vec![("mcp-protocol-version", "2025-11-25"), method, ("mcp-name", "get_order")],
    ] {
        let reply = demo.post(&headers, &message).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (400, &json!(-32_020)),
            "{headers:?}"
        );
        assert_eq!(reply.json()["id"], 1);
    }
    assert_eq!(demo.recorder.total(), 0);
    let coded = [version, method, ("mcp-name", "=?base64?Z2V0X29yZGVy?=")];
    assert_eq!(demo.post(&coded, &message).await.status, 200);
}

#[tokio::test]
async fn missing_metadata_and_unknown_versions_are_errors_of_this_era() {
    let demo = Demo::start(50).await;
    let ask = async |version: &str, params: Value| {
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params });
        let headers = [("mcp-protocol-version", version), ("mcp-method", "tools/list")];
        let reply = demo.post(&headers, &message).await;
        assert_eq!(reply.status, 400);
        reply.json()["error"].take()
    };
    let unknown = ask("2030-01-01", json!({ "_meta": meta("2030-01-01") })).await;
    assert_eq!(unknown["code"], -32_022);
    assert_eq!(unknown["data"], json!({ "supported": ["2026-07-28"], "requested": "2030-01-01" }));
    assert_eq!(ask("2026-07-28", json!({})).await["code"], -32_602);
    let version_only = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    assert_eq!(ask("2026-07-28", json!({ "_meta": version_only })).await["code"], -32_602);
}
