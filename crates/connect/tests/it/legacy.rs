//! Sessions: a process each, bytes as they are, bounded, and gone when they should be.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::world::{ECHO, World, initialize, next};

#[tokio::test]
async fn each_session_has_a_process_of_its_own_and_its_bytes_are_kept() {
    let world = World::serve(ECHO, |_| {}).await;
    let (first, second) = (world.session().await, world.session().await);
    assert_ne!(first, second);
    let pid = async |session: &str| {
        // Spread over lines, which the process must not see.
        let body = "{\"jsonrpc\":\"2.0\",\n\"id\":\"a-1\",\r\n\"method\":\"tools/list\"}";
        let answer = world.send(Method::POST, &[("mcp-session-id", session)], body).await;
        let line = answer.lines.last().unwrap();
        assert!(
            line.starts_with("{\"jsonrpc\":\"2.0\",\"id\":\"a-1\",\"result\":{\"pid\":"),
            "{line}"
        );
        assert!(line.ends_with(",  \"kept\":1e2}}"), "{line}");
        answer.last()["result"]["pid"].as_u64().unwrap()
    };
    let pids = [pid(&first).await, pid(&second).await, pid(&first).await];
    assert!(pids[0] == pids[2] && pids[0] != pids[1], "{pids:?}");
    assert_eq!(world.started().len(), 2);
}

#[tokio::test]
async fn what_the_server_asks_goes_to_the_open_stream_and_answers_come_back() {
    let world = World::serve(ECHO, |_| {}).await;
    let session = world.session().await;
    let header = [("mcp-session-id", session.as_str())];
    // Without a stream of its own it comes beside the request that is under way.
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "ask"});
    let asked = world.post(&header, &ask).await;
    assert_eq!(asked.lines.len(), 2, "{:?}", asked.lines);
    assert!(asked.lines[0].contains("roots/list"));
    let mut stream = world.open(Method::GET, &header, "").await;
    assert_eq!(stream.status(), 200);
    assert_eq!(world.send(Method::GET, &header, "").await.status, 409, "one is enough");
    let ask = json!({"jsonrpc": "2.0", "id": 2, "method": "ask",
        "params": {"_meta": {"progressToken": "p"}}});
    let asked = world.post(&header, &ask).await;
    assert_eq!(asked.lines.len(), 2, "progress and the answer: {:?}", asked.lines);
    assert!(asked.lines[0].contains("notifications/progress"));
    let event = next(stream.body_mut()).await.unwrap();
    assert!(event.contains("roots/list"), "{event}");
    let answer = json!({"jsonrpc": "2.0", "id": "from-server", "result": {"roots": []}});
    assert_eq!(world.post(&header, &answer).await.status, 202);
    assert_eq!(world.heard(1).await[0], answer);
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(world.post(&header, &note).await.status, 202);
    assert_eq!(world.heard(2).await[1], note);
}

#[tokio::test]
async fn a_session_that_is_closed_or_idle_or_whose_process_ends_is_gone_with_all_it_started() {
    let world = World::serve(ECHO, |options| options.idle = Duration::from_millis(600)).await;
    let (closed, ends, idle) =
        (world.session().await, world.session().await, world.session().await);
    world.runs(6).await;
    let header = [("mcp-session-id", closed.as_str())];
    assert_eq!(world.send(Method::DELETE, &header, "").await.status, 200);
    let header = [("mcp-session-id", ends.as_str())];
    let end = json!({"jsonrpc": "2.0", "id": 1, "method": "end"});
    let ended = world.post(&header, &end).await;
    assert_eq!(ended.last()["error"]["message"], "The process of the server has ended.");
    // A stream that is open keeps a session; nothing else does.
    let header = [("mcp-session-id", idle.as_str())];
    let stream = world.open(Method::GET, &header, "").await;
    world.runs(2).await;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert_eq!(world.running(), 2);
    drop(stream);
    world.runs(0).await;
    for session in [closed, ends, idle] {
        let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let gone = world.post(&[("mcp-session-id", &session)], &list).await;
        assert_eq!((gone.status, &gone.last()["error"]["code"]), (404, &json!(-32001)));
    }
}

#[tokio::test]
async fn sessions_are_bounded_and_end_with_the_product() {
    let mut world = World::serve(ECHO, |options| options.max_sessions = 2).await;
    let first = world.session().await;
    world.session().await;
    let busy = world.post(&[], &initialize()).await;
    assert_eq!((busy.status, busy.headers["retry-after"].to_str().unwrap()), (503, "5"));
    world.send(Method::DELETE, &[("mcp-session-id", &first)], "").await;
    let third = world.session().await;
    let header = [("mcp-session-id", third.as_str())];
    let wait = json!({"jsonrpc": "2.0", "id": 1, "method": "wait"});
    let mut hanging = world.open(Method::POST, &header, wait.to_string()).await;
    world.stop().await;
    let told = next(hanging.body_mut()).await.unwrap();
    assert!(told.contains("The process of the server has ended."), "{told}");
    assert_eq!(next(hanging.body_mut()).await, None);
    world.runs(0).await;
}

#[tokio::test]
async fn nobody_comes_in_without_the_secret_or_from_a_web_page() {
    let world = World::serve(ECHO, |_| {}).await;
    let body = initialize().to_string();
    let cases: [(&[(&str, &str)], u16); 6] = [
        (&[("authorization", "")], 401),
        (&[("authorization", "Bearer dbs_guess")], 401),
        (&[("origin", "http://evil.example")], 403),
        (&[("host", "evil.example")], 403),
        (&[("content-type", "text/plain")], 415),
        (&[("mcp-session-id", "guess")], 404),
    ];
    for (headers, status) in cases {
        let refused = world.send(Method::POST, headers, body.clone()).await;
        assert_eq!(refused.status, status, "{headers:?}");
    }
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(world.post(&[], &list).await.status, 400, "no session named");
    assert_eq!(world.send(Method::POST, &[], "[]").await.status, 400);
    assert_eq!(world.send(Method::PUT, &[], "").await.status, 405);
    assert_eq!(world.send(Method::GET, &[("accept", "text/html")], "").await.status, 406);
    let large = "x".repeat((4 << 20) + 1);
    assert_eq!(world.send(Method::POST, &[], large).await.status, 413);
    assert_eq!(world.started().len(), 0, "nothing was started for any of them");
    let open = World::serve(ECHO, |options| options.secret = None).await;
    assert_eq!(open.send(Method::POST, &[("authorization", "")], body).await.status, 200);
}

#[tokio::test]
async fn lines_that_are_no_messages_harm_nothing_and_a_missing_program_is_said() {
    let world = World::serve(ECHO, |_| {}).await;
    let session = world.session().await;
    let header = [("mcp-session-id", session.as_str())];
    let junk = json!({"jsonrpc": "2.0", "id": 1, "method": "junk"});
    let answer = world.post(&header, &junk).await;
    assert_eq!(answer.lines.len(), 1);
    assert!(answer.last()["result"]["pid"].is_number());
    let nothing = World::serve("", |options| options.command = vec!["/no/such/program".into()]);
    let refused = nothing.await.post(&[], &initialize()).await;
    assert_eq!(refused.status, 502);
    let text = refused.last()["error"]["message"].as_str().unwrap().to_owned();
    assert!(text.starts_with("The server could not be started"), "{text}");
}
