//! What somebody tries at the edges of HTTP, JSON and event streams, byte by byte: clients that
//! want past the policy, and servers that want something shown that may not be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{Agent, World, allow_all, borrowed, call, initialize, list, modern, reply};

/// What reached a server.
#[derive(Clone, Default)]
struct Reached(Arc<AtomicUsize>);

impl Reached {
    fn total(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A server of two tools that answers whatever reaches it; only `list_customers` may be called.
async fn one_tool() -> (World, Agent, Reached) {
    let policy = json!({"version": "1", "default": "deny", "tools": {"list_customers": {}}});
    let reached = Reached::default();
    let count = reached.clone();
    let tools = ["list_customers", "refund_charge"];
    let (world, agent) = World::with_upstream(policy, &tools, move |seen| {
        count.0.fetch_add(1, Ordering::SeqCst);
        async move { seen.result(&json!({"resultType": "complete", "content": []})) }
    })
    .await;
    (world, agent, reached)
}

/// Sends bytes as they are, and reads until the gateway hangs up.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let mut tcp = TcpStream::connect(world.gateways[0].1).await.unwrap();
    // Whoever is refused early may be hung up on while it still writes.
    let _sent = tcp.write_all(bytes).await;
    let mut answer = Vec::new();
    let _read = tcp.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request of HTTP/1.1 with these header lines beside the usual ones.
fn request(agent: &Agent, target: &str, lines: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {target} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\naccept: application/json\r\nconnection: close\r\n\
         {lines}\r\n{body}",
        agent.token
    )
    .into_bytes()
}

fn sized(body: &str) -> String {
    format!("content-length: {}\r\n", body.len())
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

#[tokio::test]
async fn a_request_that_http_reads_in_two_ways_is_not_read_at_all() {
    let (world, agent, reached) = one_tool().await;
    let body = call("list_customers", json!({})).to_string();
    let good = request(&agent, &agent.path, &sized(&body), &body);
    assert_eq!(status(&raw(&world, &good).await), "200", "the probe itself is sound");
    assert_eq!(reached.total(), 1);
    let length = sized(&body);
    let stranger = "authorization: Bearer dbg_x\r\n";
    let chunked = "transfer-encoding: chunked\r\n";
    for (lines, body) in [
        // Two tokens, two types, two lengths, two hosts.
        (format!("{length}{stranger}"), body.clone()),
        (format!("{length}content-type: text/plain\r\n"), body.clone()),
        (format!("{length}content-length: 5\r\n"), body.clone()),
        (format!("{length}host: evil.example\r\n"), body.clone()),
        // Lines that go on in the next, and bytes that end lines for some.
        (format!("{length}mcp-name: list_customers\r\n refund_charge\r\n"), body.clone()),
        (format!("{length}x: a\rmcp-name: refund_charge\r\n"), body.clone()),
        (format!("{length}x: a\0b\r\n"), body.clone()),
        (format!("{length}mcp-name : list_customers\r\n"), body.clone()),
        // Chunks that are none, or that are said in other words.
        (chunked.to_owned(), format!("-1\r\n{body}\r\n0\r\n\r\n")),
        (chunked.to_owned(), format!("fffffffffffffffff\r\n{body}\r\n0\r\n\r\n")),
        ("transfer-encoding: gzip\r\n".to_owned(), body.clone()),
        ("transfer-encoding: chunked, identity\r\n".to_owned(), body.clone()),
    ] {
        let answer = raw(&world, &request(&agent, &agent.path, &lines, &body)).await;
        let refused = ["400", "401", "403", "411", "415", "501", "none"];
        assert!(refused.contains(&status(&answer)), "{lines:?}: {answer}");
    }
    assert_eq!(reached.total(), 1);
}

#[tokio::test]
async fn what_follows_a_body_is_no_header_and_no_request_of_another() {
    let (world, agent, reached) = one_tool().await;
    let body = call("list_customers", json!({})).to_string();
    let chunks = format!(
        "{:x}\r\n{body}\r\n0\r\nauthorization: Bearer dbg_x\r\nmcp-name: refund_charge\r\n\
         content-length: 0\r\n\r\n",
        body.len()
    );
    let lines = "transfer-encoding: chunked\r\ntrailer: authorization, mcp-name\r\n";
    let answer = raw(&world, &request(&agent, &agent.path, lines, &chunks)).await;
    assert_eq!((status(&answer), reached.total()), ("200", 1), "{answer}");
    // A length beside chunks: whoever reads by the one sees a second request in the other's body.
    let hidden = request(&agent, &agent.path, &sized(&body), &body);
    let hidden = String::from_utf8(hidden).unwrap();
    let both = format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", hidden.len() + 5);
    let smuggled = request(&agent, &agent.path, &both, &format!("0\r\n\r\n{hidden}"));
    let answer = raw(&world, &smuggled).await;
    assert_eq!(reached.total(), 1, "{answer}");
    assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{answer}");
}

#[tokio::test]
async fn an_address_that_is_spelt_otherwise_is_not_another_way_in() {
    let (world, agent, reached) = one_tool().await;
    let body = call("refund_charge", json!({})).to_string();
    let at = |path: &str| request(&agent, path, &sized(&body), &body);
    for path in [
        "/t/acme/shop%2Fmcp",
        "/t/acme/%73hop/mcp",
        "/t/acme/shop/mcp/../mcp",
        "//t/acme/shop/mcp",
        "/t/ACME/shop/mcp",
        "/t/acme/shop/mcp;x=1",
        "/t/acme/shop\\mcp",
        "/t/acme/shop/mcp%00",
        "http://evil.example/t/acme/shop/mcp",
        "*",
    ] {
        let answer = raw(&world, &at(path)).await;
        // Decoded it is our own address, and then it is judged as that.
        let is_judged = answer.contains("[POLICY DENIED]");
        assert!(is_judged || status(&answer).starts_with('4'), "{path}: {answer}");
    }
    let token = format!("/t/acme/shop/mcp?access_token={}", agent.token);
    let answer =
        world.send(Method::POST, format!("http://{}{token}", world.gateways[0].1), &[], "");
    assert_eq!(answer.await.status(), 401, "no token is taken from an address");
    assert_eq!(reached.total(), 0);
}

#[tokio::test]
async fn a_name_that_only_looks_like_an_allowed_one_is_another() {
    let (world, agent, reached) = one_tool().await;
    for name in [
        "list\u{ff3f}customers",
        "l\u{456}st_customers",
        "list_customers\u{200b}",
        "\u{feff}list_customers",
        "LIST_CUSTOMERS",
        "list_customer\u{17f}",
        "list_customers\0",
        "list_customers ",
        "list_customers\r\nrefund_charge",
        "",
    ] {
        let body = call(name, json!({}));
        let refused = world.post(&agent, &[], &body).await;
        let is_unknown = refused.json["error"]["code"] == json!(-32602);
        assert!(is_unknown || refused.status == 400, "{name:?}: {}", refused.text);
        let encoded = format!("=?base64?{}?=", STANDARD.encode(name));
        let (mut headers, body) = modern(body);
        headers.retain(|(header, _)| *header != "mcp-name");
        headers.push(("mcp-name", encoded));
        let refused = world.post(&agent, &borrowed(&headers), &body).await;
        let is_unknown = refused.json["error"]["code"] == json!(-32602);
        assert!(is_unknown || refused.status == 400, "{name:?}: {}", refused.text);
    }
    for method in ["tools/Call", "tools/call ", "TOOLS/CALL", "tools\u{2215}call", "tools//call"] {
        let mut body = call("refund_charge", json!({}));
        body["method"] = json!(method);
        let refused = world.post(&agent, &[], &body).await;
        assert_eq!(refused.json["error"]["code"], json!(-32601), "{method:?}: {}", refused.text);
    }
    assert_eq!(reached.total(), 0);
}

#[tokio::test]
async fn a_tools_name_becomes_no_header_of_its_own() {
    let name = "a\r\nx-injected: 1\r\nmcp-name: b";
    let (world, agent) = World::with_upstream(allow_all(), &[name], |seen| async move {
        let injected = seen.headers.contains_key("x-injected");
        let names = seen.headers.get_all("mcp-name").iter().count();
        let said = seen.headers["mcp-name"].to_str().unwrap().to_owned();
        let text = json!({"injected": injected, "names": names, "said": said}).to_string();
        seen.result(&json!({"resultType": "complete", "content": [{"type": "text", "text": text}]}))
    })
    .await;
    let encoded = format!("=?base64?{}?=", STANDARD.encode(name));
    let (mut headers, body) = modern(call(name, json!({})));
    headers.retain(|(header, _)| *header != "mcp-name");
    headers.push(("mcp-name", encoded.clone()));
    let called = world.post(&agent, &borrowed(&headers), &body).await;
    let seen: Value = serde_json::from_str(called.tool_text()).unwrap();
    assert_eq!(seen, json!({"injected": false, "names": 1, "said": encoded}));
}

#[tokio::test]
async fn ids_of_any_size_and_spelling_come_back_as_they_were_written() {
    let (world, agent, _) = one_tool().await;
    let long = format!("\"{}\"", "i".repeat(1 << 20));
    for id in [
        "9007199254740993",
        "-0",
        "1.0",
        "1e400",
        "123456789012345678901234567890",
        "\"\\u0041\\/\"",
        "\"\u{1f600}\"",
        "\"\"",
        long.as_str(),
    ] {
        let ask = async |tool: &str| {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}"}}}}"#
            );
            world.post_raw(&agent, &[], body).await
        };
        let head: String = id.chars().take(40).collect();
        let (refused, passed) = (ask("refund_charge").await, ask("list_customers").await);
        if ["1.0", "1e400"].contains(&id) {
            // No integer: it is refused, and not repeated.
            assert_eq!((refused.status, passed.status), (400, 400), "{head}");
            continue;
        }
        assert!(refused.text.contains(&format!("\"id\":{id}")), "{head}: {}", refused.text);
        assert_eq!(passed.status, 200, "{head}: {}", passed.text);
    }
}

#[tokio::test]
async fn a_body_in_another_writing_is_not_understood_by_half() {
    let (world, agent, reached) = one_tool().await;
    let body = call("list_customers", json!({})).to_string();
    let wide: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let overlong = body.replace("list_customers", "list").into_bytes();
    let at = overlong.windows(4).position(|window| window == b"list").unwrap();
    let overlong = [&overlong[..at], b"\xc0\xaflist", &overlong[at + 4..]].concat();
    for (headers, bytes) in [
        (("content-type", "application/json; charset=utf-16"), wide.clone()),
        (("content-type", "application/json"), wide),
        (("content-type", "application/json"), [b"\xef\xbb\xbf", body.as_bytes()].concat()),
        (("content-type", "application/json"), overlong),
        (("content-type", "application/json"), format!("{body}{body}").into_bytes()),
        (("content-type", "application/json"), format!("{body}\0").into_bytes()),
        (("content-encoding", "gzip"), vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0]),
    ] {
        let refused = world.post_raw(&agent, &[headers], bytes).await;
        assert!((400..500).contains(&refused.status), "{headers:?}: {}", refused.text);
    }
    assert_eq!(reached.total(), 0);
}

#[tokio::test]
async fn over_http_2_the_same_rules_hold() {
    let (world, agent, reached) = one_tool().await;
    let tcp = TcpStream::connect(world.gateways[0].1).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(tcp);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test's server ends with the test's runtime")]
    let driven = tokio::spawn(connection);
    for (host, name, mirrored, wanted) in [
        ("localhost", "list_customers", "list_customers", 200),
        ("localhost", "refund_charge", "list_customers", 400),
        ("evil.example", "list_customers", "list_customers", 403),
    ] {
        let (headers, message) = modern(call(name, json!({})));
        let mut request = http::Request::post(format!("http://{host}{}", agent.path))
            .header("authorization", format!("Bearer {}", agent.token))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (header, value) in headers {
            let value = if header == "mcp-name" { mirrored.to_owned() } else { value };
            request = request.header(header, value);
        }
        let body = http_body_util::Full::new(bytes::Bytes::from(message.to_string()));
        let answer = sender.send_request(request.body(body).unwrap()).await.unwrap();
        assert_eq!(answer.status(), wanted, "{host} {name}");
    }
    assert_eq!(reached.total(), 1);
    driven.abort();
}

#[tokio::test]
async fn a_list_in_an_odd_event_stream_is_filtered_like_any_other() {
    let tools = json!([{"name": "safe", "inputSchema": {}}, {"name": "danger", "inputSchema": {}}]);
    let answer = move |id: &Value| json!({"jsonrpc": "2.0", "id": id, "result": {"tools": tools}});
    let split = |message: &str| message.replace(",\"", ",\ndata:\"");
    let ways: [fn(&str) -> String; 8] = [
        |message| format!("\u{feff}data: {message}\n\n"),
        |message| format!("data: {message}\r\r"),
        |message| format!("event: message\rid: 1\rdata: {message}\r\r"),
        |message| format!("data:{message}\r\n\r\n"),
        |message| format!(":{}\ndata: {message}\n\n", "c".repeat(100_000)),
        |message| format!("event: other\nevent: message\nretry: 1\ndata\ndata: {message}\n\n"),
        |message| format!("data: {message}"),
        |message| format!("event: tools\ndata: {message}\n\ndata: {message}\n\n"),
    ];
    for (which, way) in ways.into_iter().enumerate() {
        for is_split in [false, true] {
            let answer = answer.clone();
            let (world, agent) = World::with_upstream(
                json!({"version": "1", "default": "allow", "hide": ["danger"]}),
                &["safe", "danger"],
                move |seen| {
                    let message = answer(&seen.json()["id"]).to_string();
                    let message = if is_split { split(&message) } else { message };
                    // In line ends of the same kind.
                    let message =
                        if (1..3).contains(&which) { message.replace('\n', "\r") } else { message };
                    async move { reply(200, "text/event-stream", way(&message)) }
                },
            )
            .await;
            let shown = world.post(&agent, &[], &list("tools")).await;
            assert!(!shown.text.contains("danger"), "{which} {is_split}: {}", shown.text);
        }
    }
}

/// A server that answers each connection with these bytes, whatever it is asked.
async fn says(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test's server ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _asked = tcp.read(&mut [0; 16_384]).await;
            let _said = tcp.write_all(bytes).await;
        }
    });
    at
}

#[tokio::test]
async fn an_odd_answer_of_a_server_is_an_error_in_words_and_leaves_nothing_behind() {
    for answer in [
        // An answer that is cut off, that is two, that is another protocol, that is none.
        &b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{}"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"jsonrpc\":\"2.0\"",
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n\
          content-length: 2\r\n\r\n\x1f\x8b",
    ] {
        let mut world = World::empty();
        let at = says(answer).await;
        world.server("shop", at, &[("a", "read")]);
        let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
        world.gateway(|_| {}).await;
        let told = world.post(&agent, &[], &call("a", json!({}))).await;
        let shown = String::from_utf8_lossy(answer);
        assert_eq!(told.status, 200, "{shown}: {}", told.text);
        assert!(told.text.contains("[UPSTREAM ERROR]"), "{shown}: {}", told.text);
        assert_eq!(world.records.count(1).await[0].outcome, domain::Outcome::UpstreamError);
    }
}

#[tokio::test]
async fn headers_of_a_server_that_are_not_the_clients_stay_behind() {
    let (world, agent) = World::with_upstream(allow_all(), &["a"], |seen| async move {
        let mut answer = seen.result(&json!({"content": []}));
        for (name, value) in [
            ("set-cookie", "session=evil"),
            ("www-authenticate", "Bearer realm=\"evil\""),
            ("access-control-allow-origin", "*"),
            ("location", "http://evil.example/"),
            ("mcp-session-id", "not-asked-for"),
            ("strict-transport-security", "max-age=0"),
            ("clear-site-data", "\"*\""),
            ("x-request-id", "theirs"),
            ("server-timing", "theirs;dur=1"),
        ] {
            answer.headers_mut().append(name, value.parse().unwrap());
        }
        answer
    })
    .await;
    for message in [call("a", json!({})), initialize()] {
        let told = world.post(&agent, &[], &message).await;
        for header in told.headers.values() {
            let value = header.to_str().unwrap();
            let is_theirs = ["evil", "theirs", "not-asked-for", "max-age=0"];
            assert!(!is_theirs.iter().any(|text| value.contains(text)), "{:?}", told.headers);
        }
        for header in ["set-cookie", "www-authenticate", "location", "clear-site-data"] {
            assert!(told.headers.get(header).is_none(), "{header}");
        }
    }
}
