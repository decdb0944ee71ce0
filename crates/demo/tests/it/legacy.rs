//! 2025-03-26 to 2025-11-25: sessions, handshake, the stream of progress.

use serde_json::{Value, json};

use crate::client::Demo;

#[tokio::test]
async fn a_session_begins_is_used_and_ends() {
    let demo = Demo::start(50).await;
    let (session, hello) = demo.initialize("2025-06-18").await;
    assert_eq!(hello["protocolVersion"], "2025-06-18");
    assert_eq!(hello["serverInfo"]["name"], "lantern-supply");

    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let ack = demo.post(&[("mcp-session-id", &session)], &initialized).await;
    assert_eq!((ack.status, ack.text.as_str()), (202, ""));
    assert_eq!(demo.legacy(&session, "ping", json!({})).await.json()["result"], json!({}));

    let ended = demo.send("DELETE", &[("mcp-session-id", &session)], "").await;
    assert_eq!(ended.status, 204);
    assert_eq!(demo.legacy(&session, "ping", json!({})).await.status, 404);
    assert_eq!(demo.send("DELETE", &[("mcp-session-id", &session)], "").await.status, 404);
}

#[tokio::test]
async fn an_unknown_version_is_answered_with_the_newest() {
    let demo = Demo::start(50).await;
    assert_eq!(demo.initialize("2031-01-01").await.1["protocolVersion"], "2025-11-25");
    assert_eq!(demo.initialize("2025-03-26").await.1["protocolVersion"], "2025-03-26");
}

#[tokio::test]
async fn without_a_live_session_nothing_is_answered() {
    let demo = Demo::start(50).await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let reply = demo.post(&[], &list).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!(-32_000)));
    assert_eq!(demo.post(&[("mcp-session-id", "guess")], &list).await.status, 404);
    let (session, _) = demo.initialize("2025-11-25").await;
    let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", "1999-01-01")];
    assert_eq!(demo.post(&headers, &list).await.status, 400);
}

#[tokio::test]
async fn every_tool_is_listed_once_page_by_page() {
    let demo = Demo::start(4).await;
    let (session, _) = demo.initialize("2025-11-25").await;
    let (mut names, mut cursor) = (Vec::new(), json!(null));
    for _ in 0..3 {
        let params = if cursor.is_null() { json!({}) } else { json!({ "cursor": cursor }) };
        let page = demo.legacy(&session, "tools/list", params).await.json()["result"].take();
        for tool in page["tools"].as_array().unwrap() {
            assert_eq!(tool["inputSchema"]["type"], "object");
            assert!(tool["annotations"]["readOnlyHint"].is_boolean());
            names.push(tool["name"].as_str().unwrap().to_owned());
        }
        cursor = page["nextCursor"].clone();
    }
    assert!(cursor.is_null());
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 10);
    let wrong = demo.legacy(&session, "tools/list", json!({ "cursor": "99" })).await.json();
    assert_eq!(wrong["error"]["code"], -32_602);
}

#[tokio::test]
async fn calls_change_the_shop_and_are_counted() {
    let demo = Demo::start(50).await;
    let (session, _) = demo.initialize("2025-11-25").await;
    let call = async |name: &str, arguments: Value| {
        let params = json!({ "name": name, "arguments": arguments });
        demo.legacy(&session, "tools/call", params).await.json()
    };
    let charge = json!({ "customer_id": "cus_01", "amount": 12.5, "currency": "GBP" });
    let charged = call("create_charge", charge).await["result"].take();
    assert_eq!(charged["structuredContent"]["amount"], 12.5);
    assert_eq!(charged["isError"], false);
    let text = charged["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), charged["structuredContent"]);

    let refused = call("create_charge", json!({ "customer_id": "cus_01", "amount": "12" })).await;
    assert_eq!(refused["result"]["isError"], true);
    assert_eq!(
        call("delete_customer", json!({ "customer_id": "cus_01" })).await["result"]["isError"],
        false
    );
    assert_eq!(
        call("get_order", json!({ "order_id": "ord_1002" })).await["result"]["isError"],
        true
    );
    assert_eq!(call("no_such_tool", json!({})).await["error"]["code"], -32_602);

    assert_eq!(demo.recorder.calls("create_charge"), 2);
    assert_eq!(demo.recorder.calls("delete_customer"), 1);
    assert_eq!(demo.recorder.calls("list_customers"), 0);
    assert_eq!(demo.recorder.calls(demo::Recorder::UNKNOWN), 1);
    assert_eq!(demo.recorder.total(), 5);
}

#[tokio::test]
async fn a_forecast_streams_its_progress_when_asked() {
    let demo = Demo::start(50).await;
    let (session, _) = demo.initialize("2025-11-25").await;
    let mut params = json!({ "name": "build_forecast", "arguments": { "months": 3 } });
    let silent = demo.legacy(&session, "tools/call", params.clone()).await.events();
    assert_eq!(silent.len(), 1);
    params["_meta"] = json!({ "progressToken": 5 });
    let events = demo.legacy(&session, "tools/call", params.clone()).await.events();
    let progress: Vec<&Value> = events[..3].iter().map(|event| &event["params"]).collect();
    assert!(progress.iter().all(|params| params["progressToken"] == 5 && params["total"] == 3));
    assert_eq!(progress[2]["message"], "Forecast 2027-01");
    assert_eq!(events[3]["id"], 7);
    assert_eq!(events[3], silent[0]);

    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let headers = [
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("mcp-session-id", session.as_str()),
    ];
    let plain = demo.send("POST", &headers, &message.to_string()).await;
    assert_eq!(plain.json(), silent[0]);
}

#[tokio::test]
async fn the_prompt_and_the_resource_can_be_had() {
    let demo = Demo::start(50).await;
    let (session, _) = demo.initialize("2025-11-25").await;
    let get = json!({ "name": "payment_reminder", "arguments": { "order_id": "ord_1007" } });
    let prompt = demo.legacy(&session, "prompts/get", get).await.json();
    let text = prompt["result"]["messages"][0]["content"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("ord_1007"));
    let read =
        demo.legacy(&session, "resources/read", json!({ "uri": "shop://policy" })).await.json();
    assert!(read["result"]["contents"][0]["text"].as_str().unwrap().starts_with("# Lantern"));
    let missing =
        demo.legacy(&session, "resources/read", json!({ "uri": "shop://x" })).await.json();
    assert_eq!(missing["error"]["code"], -32_002);
}

#[tokio::test]
async fn a_get_is_refused_with_405_and_a_batch_with_400() {
    let demo = Demo::start(50).await;
    let get = demo.send("GET", &[("accept", "text/event-stream")], "").await;
    assert_eq!((get.status, get.headers["allow"].to_str().unwrap()), (405, "POST, DELETE"));
    let batch = json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }]);
    let reply = demo.post(&[], &batch).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!(-32_600)));
}

#[tokio::test]
async fn a_foreign_web_page_is_turned_away() {
    let demo = Demo::start(50).await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for (origin, status) in [
        ("http://rebound.example:8080", 403),
        ("http://localhost.example", 403),
        ("null", 403),
        ("http://localhost:3000", 400),
        ("http://[::1]", 400),
    ] {
        assert_eq!(demo.post(&[("origin", origin)], &ping).await.status, status, "{origin}");
    }
    let text = [("content-type", "text/plain"), ("accept", "*/*")];
    assert_eq!(demo.send("POST", &text, &ping.to_string()).await.status, 415);
    let json = [("content-type", "Application/JSON; charset=utf-8"), ("accept", "text/html")];
    assert_eq!(demo.send("POST", &json, &ping.to_string()).await.status, 406);
}
