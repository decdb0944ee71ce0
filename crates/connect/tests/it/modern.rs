//! Requests without sessions: one process for all, and nobody hears what is another's.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::world::{ECHO, Reply, World, next};

/// A request of the stateless revision, with what its headers must say.
fn modern(id: &Value, method: &str, token: Option<&str>) -> (Vec<(&'static str, String)>, String) {
    let mut message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}}}});
    if let Some(token) = token {
        message["params"]["_meta"]["progressToken"] = json!(token);
    }
    let headers =
        vec![("mcp-protocol-version", "2026-07-28".to_owned()), ("mcp-method", method.to_owned())];
    (headers, message.to_string())
}

async fn ask(world: &World, id: Value, method: &str, token: Option<&str>) -> Reply {
    let (headers, body) = modern(&id, method, token);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.send(Method::POST, &headers, body).await
}

#[tokio::test]
async fn many_clients_with_the_same_ids_share_a_process_and_hear_their_own() {
    let world = World::serve(ECHO, |_| {}).await;
    let asked = (0..20).map(|n| {
        let (world, token) = (&world, format!("token-{n}"));
        async move { (ask(world, json!("same"), "tools/list", Some(&token)).await, token) }
    });
    let mut pids = Vec::new();
    for (reply, token) in join_all(asked).await {
        assert_eq!(reply.lines.len(), 2, "{:?}", reply.lines);
        let progress: Value = serde_json::from_str(&reply.lines[0]).unwrap();
        assert_eq!(progress["params"]["progressToken"], json!(token));
        assert_eq!(reply.last()["id"], "same");
        assert!(reply.lines[1].ends_with(",  \"kept\":1e2}}"), "{:?}", reply.lines);
        pids.push(reply.last()["result"]["pid"].as_u64().unwrap());
    }
    pids.dedup();
    assert_eq!((pids.len(), world.started().len()), (1, 2), "one, and the probe's");
    world.runs(2).await;
}

#[tokio::test]
async fn hanging_up_cancels_and_the_process_hears_its_own_id() {
    let world = World::serve(ECHO, |_| {}).await;
    ask(&world, json!(1), "tools/list", None).await;
    let (headers, body) = modern(&json!("mine"), "wait", Some("t"));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut hanging = world.open(Method::POST, &headers, body).await;
    assert!(next(hanging.body_mut()).await.unwrap().contains("\"progressToken\":\"t\""));
    drop(hanging);
    let cancelled = &world.heard(1).await[0];
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], 2, "not the client's id");
}

#[tokio::test]
async fn a_server_that_speaks_only_sessions_says_so_and_is_asked_once() {
    // As some do, it ends when it is asked anything before `initialize`.
    let script = r#"
echo $$ >> "$PIDS"
IFS= read -r line
case "$line" in *'"initialize"'*) echo '{"jsonrpc":"2.0","id":0,"result":{}}';; *) exit 1;; esac
cat > /dev/null
"#;
    let world = World::serve(script, |_| {}).await;
    for _ in 0..3 {
        let refused = ask(&world, json!(1), "server/discover", None).await;
        assert_eq!((refused.status, &refused.last()["error"]["code"]), (400, &json!(-32000)));
    }
    assert_eq!(world.started().len(), 1);
    assert!(!world.session().await.is_empty());
}

#[tokio::test]
async fn a_shared_process_that_ends_is_started_again() {
    let mut world = World::serve(ECHO, |_| {}).await;
    let ended = ask(&world, json!(1), "end", None).await;
    assert_eq!(ended.last()["error"]["message"], "The process of the server has ended.");
    let mut again = ask(&world, json!(2), "tools/list", None).await;
    for _ in 0..50 {
        if again.status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        again = ask(&world, json!(2), "tools/list", None).await;
    }
    assert!(again.last()["result"]["pid"].is_number(), "{:?}", again.lines);
    world.stop().await;
    world.runs(0).await;
}
