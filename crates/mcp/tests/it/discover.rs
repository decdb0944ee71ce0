//! Meeting servers of every era and temper.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response};
use mcp::client::{AddressRules, Client};
use mcp::discover::{DiscoverError, Discovery, Hint, Limits, Target, Transport, discover};
use mcp::version::{Era, ProtocolVersion};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::upstream::{
    Seen, Upstream, and_then_silence, hello, json_answer, legacy_answer, nothing, pieces, status,
    streamed, text_answer,
};

fn client() -> Client {
    Client::new(AddressRules { loopback: true, ..AddressRules::default() }).unwrap()
}

fn target(upstream: &Upstream, path: &str) -> Target {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer upstream-secret"));
    let url = format!("http://{}{path}", upstream.address).parse().unwrap();
    Target { url, headers, transport: Transport::StreamableHttp }
}

async fn met(upstream: &Upstream) -> Result<Discovery, DiscoverError> {
    discover(&client(), &target(upstream, "/mcp"), Limits::default()).await
}

fn names(discovery: &Discovery) -> Vec<&str> {
    discovery.tools.iter().map(|tool| tool.name.as_str()).collect()
}

fn sse(message: &Value) -> Bytes {
    format!("event: message\ndata: {message}\n\n").into()
}

// === What works ===

#[tokio::test]
async fn a_legacy_server_is_met_page_by_page_and_left_politely() {
    let upstream = Upstream::start(|seen| match (seen.what(), &seen.body["params"]["cursor"]) {
        ("tools/list", Value::Null) => {
            let tool = json!({"name": "a", "title": "A", "description": "does a",
                "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true}});
            json_answer(200, &seen.result(json!({"tools": [tool], "nextCursor": "p\"2"})))
        }
        ("tools/list", cursor) => {
            assert_eq!(cursor, "p\"2");
            let tool = json!({"name": "b", "annotations": {"title": "B"}});
            json_answer(200, &seen.result(json!({"tools": [tool], "nextCursor": null})))
        }
        _ => legacy_answer(seen, &json!([])),
    })
    .await;
    let found = met(&upstream).await.unwrap();

    assert_eq!(
        (found.version, found.transport),
        (ProtocolVersion::V2025_06_18, Transport::StreamableHttp)
    );
    assert_eq!(found.eras, [Era::Legacy]);
    assert_eq!(found.server_name.as_deref(), Some("shop"));
    assert_eq!(found.server_version.as_deref(), Some("1.2"));
    assert_eq!(found.instructions.as_deref(), Some("Be kind."));
    assert!(found.tools_supported && found.prompts_supported && !found.resources_supported);
    assert_eq!(
        serde_json::from_str::<Value>(&found.capabilities_raw).unwrap(),
        hello()["capabilities"]
    );
    let [a, b] = &found.tools[..] else { panic!("{found:?}") };
    assert_eq!((a.title.as_deref(), a.description.as_deref()), (Some("A"), Some("does a")));
    assert_eq!(a.input_schema_raw, r#"{"type":"object"}"#);
    assert_eq!(a.annotations_raw.as_deref(), Some(r#"{"readOnlyHint":true}"#));
    assert_eq!((b.title.as_deref(), b.input_schema_raw.as_str()), (Some("B"), "{}"));

    let seen = upstream.seen();
    let asked: Vec<_> = seen.iter().map(Seen::what).collect();
    let expected = [
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/list",
        "server/discover",
        "DELETE",
    ];
    assert_eq!(asked, expected);
    for request in &seen {
        assert_eq!(request.header("authorization"), Some("Bearer upstream-secret"));
        assert_eq!(request.header("accept-encoding"), Some("identity"));
    }
    assert_eq!(seen[0].header("accept"), Some("application/json, text/event-stream"));
    assert_eq!(seen[0].body["params"]["protocolVersion"], "2025-11-25");
    assert_eq!(seen[0].header("mcp-protocol-version"), None);
    for request in [&seen[1], &seen[2], &seen[3], &seen[5]] {
        assert_eq!(request.header("mcp-session-id"), Some("s-1"), "{}", request.what());
        assert_eq!(request.header("mcp-protocol-version"), Some("2025-06-18"));
    }
    assert_eq!(seen[4].header("mcp-session-id"), None);
}

#[tokio::test]
async fn answers_may_come_on_streams_that_go_on_and_say_other_things_first() {
    let upstream = Upstream::start(|seen| {
        let result = match seen.what() {
            "initialize" => hello(),
            "tools/list" => json!({"tools": [{"name": "a"}]}),
            _ => return legacy_answer(seen, &json!([])),
        };
        let before = [
            Bytes::from("id: 0\ndata:\n\n: hello\n\n"),
            sse(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info"}})),
            sse(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})),
            sse(&json!({"jsonrpc": "2.0", "id": 99, "result": {}})),
            sse(&seen.result(result)),
        ];
        streamed(and_then_silence(before.concat().into()))
    })
    .await;
    assert_eq!(names(&met(&upstream).await.unwrap()), ["a"]);
}

#[tokio::test]
async fn a_thousand_tools_in_one_event_in_small_pieces_are_no_trouble() {
    let upstream = Upstream::start(|seen| {
        if seen.what() != "tools/list" {
            return legacy_answer(seen, &json!([]));
        }
        let description = "What it does, at some length. ".repeat(33);
        let tool = |n: usize| json!({"name": format!("tool_{n}"), "description": description, "inputSchema": {"type": "object"}});
        let tools: Vec<_> = (0..1084).map(tool).collect();
        let event = sse(&seen.result(json!({"tools": tools})));
        assert!(event.len() > 1_100_000);
        pieces(event.chunks(1400).map(Bytes::copy_from_slice).collect())
    })
    .await;
    let found = met(&upstream).await.unwrap();
    assert_eq!((found.tools.len(), found.unreadable_tools), (1084, 0));
}

#[tokio::test]
async fn a_modern_server_is_met_without_a_session_and_with_every_header() {
    let upstream = Upstream::start(|seen| {
        let meta = &seen.body["params"]["_meta"];
        let is_modern = seen.header("mcp-protocol-version") == Some("2026-07-28")
            && meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
            && meta["io.modelcontextprotocol/clientCapabilities"].is_object()
            && seen.header("mcp-method") == Some(seen.what())
            && seen.header("mcp-session-id").is_none();
        match seen.what() {
            _ if !is_modern => json_answer(400, &seen.error(-32602, "missing _meta")),
            "server/discover" => json_answer(
                200,
                &seen.result(json!({
                "resultType": "complete", "supportedVersions": ["2026-07-28"],
                "capabilities": {"tools": {}, "resources": {}}, "instructions": "Now.",
                "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "new", "version": "3"}}})),
            ),
            "tools/list" if seen.body["params"]["cursor"] == "2" => {
                json_answer(200, &seen.result(json!({"tools": [{"name": "z"}]})))
            }
            "tools/list" => json_answer(200, &seen.result(json!({"tools": [], "nextCursor": "2"}))),
            _ => json_answer(404, &seen.error(-32601, "no such method")),
        }
    })
    .await;
    let found = met(&upstream).await.unwrap();
    assert_eq!(
        (found.version, &found.eras[..]),
        (ProtocolVersion::V2026_07_28, &[Era::Modern][..])
    );
    assert_eq!(
        (found.server_name.as_deref(), found.instructions.as_deref()),
        (Some("new"), Some("Now."))
    );
    assert!(found.resources_supported && !found.prompts_supported);
    assert_eq!(names(&found), ["z"]);
}

#[tokio::test]
async fn a_server_of_both_eras_is_known_as_one() {
    let upstream = Upstream::start(|seen| match seen.what() {
        "server/discover" => json_answer(
            200,
            &seen.result(json!({"supportedVersions": ["2026-07-28"], "capabilities": {}})),
        ),
        _ => legacy_answer(seen, &json!([{"name": "a"}])),
    })
    .await;
    let found = met(&upstream).await.unwrap();
    assert_eq!(found.eras, [Era::Legacy, Era::Modern]);
    assert_eq!(found.version, ProtocolVersion::V2025_06_18);
}

#[tokio::test]
async fn a_modern_server_that_answers_initialize_with_its_own_version_is_modern() {
    let upstream = Upstream::start(|seen| match seen.what() {
        "initialize" => json_answer(200, &seen.result(json!({"protocolVersion": "2026-07-28"}))),
        "server/discover" => json_answer(
            200,
            &seen.result(json!({"supportedVersions": ["2026-07-28"], "capabilities": {}})),
        ),
        _ => json_answer(404, &seen.error(-32601, "no such method")),
    })
    .await;
    let found = met(&upstream).await.unwrap();
    assert_eq!(found.eras, [Era::Modern]);
    let every = upstream.seen();
    assert!(every.iter().all(|seen| seen.header("mcp-method") == Some(seen.what())), "{every:?}");
}

/// The old transport: a stream at `/sse` that names `endpoint`, and answers to what is posted.
async fn two_endpoints(endpoint: &'static str) -> Upstream {
    let answers = broadcast::Sender::<Bytes>::new(8);
    Upstream::start(move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/sse") => {
            let first = Bytes::from(format!("event: endpoint\ndata: {endpoint}\n\n"));
            let later = tokio_stream(answers.subscribe());
            streamed(futures_util::StreamExt::chain(futures_util::stream::iter([first]), later))
        }
        ("POST", "/message") => {
            let answer = match seen.what() {
                "initialize" => Some(seen.result(hello())),
                "tools/list" => Some(seen.result(json!({"tools": [{"name": "old"}]}))),
                _ => None,
            };
            answer.map(|answer| answers.send(sse(&answer)));
            nothing(202)
        }
        _ => text_answer(404, "text/plain", "Cannot POST"),
    })
    .await
}

fn tokio_stream(from: broadcast::Receiver<Bytes>) -> impl futures_util::Stream<Item = Bytes> {
    futures_util::stream::unfold(from, |mut from| async move {
        from.recv().await.ok().map(|bytes| (bytes, from))
    })
}

#[tokio::test]
async fn the_old_transport_is_met_whether_it_was_named_or_not() {
    let upstream = two_endpoints("/message?sessionId=7").await;
    for transport in [Transport::Sse, Transport::StreamableHttp] {
        let target = Target { transport, ..target(&upstream, "/sse") };
        let found = discover(&client(), &target, Limits::default()).await.unwrap();
        assert_eq!((names(&found), found.transport), (vec!["old"], Transport::Sse));
    }
    let posted = upstream.seen().into_iter().find(|seen| seen.path == "/message").unwrap();
    assert_eq!(posted.header("authorization"), Some("Bearer upstream-secret"));
}

#[tokio::test]
async fn an_endpoint_of_another_origin_never_gets_the_credentials() {
    let thief = Upstream::start(|_| nothing(202)).await;
    let endpoint = format!("http://{}/message", thief.address).leak();
    let upstream = two_endpoints(endpoint).await;
    let target = Target { transport: Transport::Sse, ..target(&upstream, "/sse") };
    let error = discover(&client(), &target, Limits::default()).await.unwrap_err();
    assert!(
        matches!(error, DiscoverError::NotMcp { hint: Hint::ForeignEndpoint, .. }),
        "{error:?}"
    );
    assert!(thief.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed() {
    let upstream = Upstream::start(|seen| {
        if seen.path == "/mcp" {
            let mut answer = nothing(307);
            answer.headers_mut().insert("location", "/mcp/".parse().unwrap());
            return answer;
        }
        legacy_answer(seen, &json!([{"name": "a"}]))
    })
    .await;
    assert_eq!(names(&met(&upstream).await.unwrap()), ["a"]);
}

#[tokio::test]
async fn a_server_without_the_method_has_no_tools() {
    let upstream = Upstream::start(|seen| match seen.what() {
        "tools/list" => json_answer(200, &seen.error(-32601, "Method not found")),
        _ => legacy_answer(seen, &json!([])),
    })
    .await;
    assert_eq!(met(&upstream).await.unwrap().tools, []);
}

#[tokio::test]
async fn unreadable_and_repeated_tools_are_left_out_and_counted() {
    let tools = json!([{"name": "a", "x": 1}, {"title": "nameless"}, 7, {"name": "a", "x": 2}, {"name": "b"}]);
    let upstream = Upstream::start(move |seen| legacy_answer(seen, &tools)).await;
    let found = met(&upstream).await.unwrap();
    assert_eq!((names(&found), found.unreadable_tools), (vec!["a", "b"], 3));
    assert_eq!(found.tools[0].raw, r#"{"name":"a","x":1}"#);
}

#[tokio::test]
async fn fingerprints_follow_the_meaning_not_the_spelling() {
    let raw = |text: &'static str| async move {
        let upstream = Upstream::start(move |seen| match seen.what() {
            "tools/list" => {
                let (id, tools) = (&seen.body["id"], text);
                let body =
                    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{tools}]}}}}"#);
                text_answer(200, "Application/JSON; charset=utf-8", &body)
            }
            _ => legacy_answer(seen, &json!([])),
        })
        .await;
        met(&upstream).await.unwrap().tools[0].fingerprint
    };
    let original = raw(r#"{"name":"a","inputSchema":{"maximum":10,"type":"object"}}"#).await;
    let respelled =
        raw(r#"{ "inputSchema":{"type":"obj\u0065ct","maximum":1.0e1}, "name":"a" }"#).await;
    let changed = raw(r#"{"name":"a","inputSchema":{"maximum":11,"type":"object"}}"#).await;
    assert_eq!(original, respelled);
    assert_ne!(original, changed);
}

// === What does not ===

async fn failure(
    answer: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
) -> DiscoverError {
    met(&Upstream::start(answer).await).await.unwrap_err()
}

#[tokio::test]
async fn each_failure_tells_a_person_what_to_do() {
    let error = failure(|_| {
        let mut answer = nothing(401);
        answer.headers_mut().insert("www-authenticate", "Bearer realm=\"x\"".parse().unwrap());
        answer
    });
    let error = error.await;
    assert_eq!(
        error.to_string(),
        "This server answered 401. Its credentials are missing or have expired."
    );
    let DiscoverError::Unauthorized { www_authenticate } = error else { panic!("{error:?}") };
    assert_eq!(www_authenticate.as_deref(), Some("Bearer realm=\"x\""));

    let text = |status, kind, text| failure(move |_| text_answer(status, kind, text));
    let sentence = |error: DiscoverError| error.to_string();
    assert!(matches!(text(403, "text/html", "<p>no").await, DiscoverError::Forbidden));
    assert!(
        matches!(text(502, "text/html", "<p>bad").await, DiscoverError::ServerError { status: s } if s == status(502))
    );
    assert!(matches!(
        text(429, "text/plain", "slow down").await,
        DiscoverError::ServerError { .. }
    ));
    assert_eq!(
        sentence(text(200, "text/html", "<!doctype html>").await),
        "This address answered 200 OK, but not as an MCP server; it looks like a web page."
    );
    assert!(
        sentence(text(404, "text/html", "<h1>404").await).contains("the path is probably wrong")
    );
    assert!(sentence(text(404, "text/plain", "nope").await).contains("the path is probably wrong"));
    assert!(
        sentence(text(200, "application/json", r#"{"ok":true}"#).await)
            .contains("JSON of another kind")
    );
    assert!(sentence(text(200, "application/json", "{").await).contains("JSON of another kind"));
    assert!(
        sentence(text(200, "text/event-stream", "data: {}\n\n").await)
            .contains("ended without an answer")
    );
    assert!(matches!(
        text(204, "text/plain", "").await,
        DiscoverError::NotMcp { hint: Hint::Nothing, .. }
    ));

    let error = failure(|seen| json_answer(200, &seen.error(-32000, "Not today"))).await;
    assert_eq!(error.to_string(), "This server refused with error -32000: Not today");
    let error =
        failure(|seen| json_answer(200, &seen.result(json!({"protocolVersion": "1999-01-01"}))))
            .await;
    assert!(
        matches!(error, DiscoverError::UnsupportedVersion { version } if version == "1999-01-01")
    );
}

#[tokio::test]
async fn redirects_to_other_places_are_shown_and_not_followed() {
    let elsewhere = Upstream::start(|_| nothing(200)).await;
    let other = format!("http://{}/mcp", elsewhere.address);
    for (status, location) in
        [(307, other.as_str()), (308, "http://10.0.0.1/mcp"), (302, "/login"), (301, "/mcp/")]
    {
        let location: HeaderValue = location.parse().unwrap();
        let told = location.clone();
        let error = failure(move |_| {
            let mut answer = nothing(status);
            answer.headers_mut().insert("location", told.clone());
            answer
        });
        let error = error.await;
        let DiscoverError::Redirected { location: shown } = error else { panic!("{error:?}") };
        assert_eq!(shown, location.to_str().unwrap());
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn addresses_that_lead_nowhere_or_inside_are_told_apart() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: url::Url = format!("http://{}/mcp", gone.local_addr().unwrap()).parse().unwrap();
    drop(gone);
    let target = |url: &str| Target {
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        transport: Transport::StreamableHttp,
    };
    let error = discover(&client(), &target(url.as_str()), Limits::default()).await.unwrap_err();
    assert!(matches!(error, DiscoverError::Unreachable(_)), "{error:?}");
    assert_eq!(error.to_string(), "The server cannot be reached.");

    let guarded = Client::new(AddressRules::default()).unwrap();
    for inside in [
        url.as_str(),
        "http://10.0.0.1/mcp",
        "http://localhost:9/mcp",
        "http://[::1]:9/",
        "http://169.254.169.254/",
    ] {
        let error = discover(&guarded, &target(inside), Limits::default()).await.unwrap_err();
        assert!(matches!(error, DiscoverError::AddressRefused(_)), "{inside}: {error:?}");
    }
}

#[tokio::test]
async fn a_slow_server_costs_no_more_than_the_deadline() {
    let silent = |seen: &Seen| match seen.what() {
        "initialize" => streamed(and_then_silence(Bytes::from(": wait\n\n"))),
        _ => nothing(200),
    };
    let stuck_later = |seen: &Seen| match seen.what() {
        "tools/list" => streamed(and_then_silence(Bytes::new())),
        _ => legacy_answer(seen, &json!([])),
    };
    let limits = Limits { deadline: Duration::from_millis(600), ..Limits::default() };
    let upstream = Upstream::start(silent).await;
    let start = Instant::now();
    let error = discover(&client(), &target(&upstream, "/mcp"), limits).await.unwrap_err();
    assert!(matches!(error, DiscoverError::TimedOut) && start.elapsed() < Duration::from_secs(3));

    let upstream = Upstream::start(stuck_later).await;
    let error = discover(&client(), &target(&upstream, "/mcp"), limits).await.unwrap_err();
    assert!(matches!(error, DiscoverError::TimedOut), "{error:?}");
    // The session is ended even so.
    assert_eq!(upstream.seen().last().unwrap().what(), "DELETE");
}

#[tokio::test]
async fn lists_that_never_end_or_grow_too_large_are_given_up() {
    let circling = |seen: &Seen| match seen.what() {
        "tools/list" => json_answer(200, &seen.result(json!({"tools": [], "nextCursor": "again"}))),
        _ => legacy_answer(seen, &json!([])),
    };
    assert!(matches!(failure(circling).await, DiscoverError::EndlessList));

    let counting = |seen: &Seen| match seen.what() {
        "tools/list" => {
            let next = seen.body["id"].to_string();
            json_answer(200, &seen.result(json!({"tools": [{"name": next}], "nextCursor": next})))
        }
        _ => legacy_answer(seen, &json!([])),
    };
    let upstream = Upstream::start(counting).await;
    let limits = Limits { max_pages: 20, ..Limits::default() };
    let error = discover(&client(), &target(&upstream, "/mcp"), limits).await.unwrap_err();
    assert!(matches!(error, DiscoverError::EndlessList), "{error:?}");
    let limits = Limits { max_tools: 5, ..Limits::default() };
    let error = discover(&client(), &target(&upstream, "/mcp"), limits).await.unwrap_err();
    assert!(matches!(error, DiscoverError::TooLarge), "{error:?}");

    let mut large = String::new();
    for n in 0..4000 {
        let _ = write!(large, "{n} ");
    }
    let large = json!([{"name": "a", "description": large}]);
    for as_stream in [false, true] {
        let large = large.clone();
        let upstream = Upstream::start(move |seen| match seen.what() {
            "tools/list" if as_stream => pieces(vec![sse(&seen.result(json!({"tools": large})))]),
            _ => legacy_answer(seen, &large),
        })
        .await;
        let limits = Limits { max_bytes: 10_000, ..Limits::default() };
        let error = discover(&client(), &target(&upstream, "/mcp"), limits).await.unwrap_err();
        assert!(matches!(error, DiscoverError::TooLarge), "{error:?}");
    }
}

#[tokio::test]
async fn a_list_that_is_none_says_where() {
    let pointer_of = |result: Value| async move {
        let error = failure(move |seen| match seen.what() {
            "tools/list" => json_answer(200, &seen.result(result.clone())),
            _ => legacy_answer(seen, &json!([])),
        });
        match error.await {
            DiscoverError::BadList { pointer } => pointer,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(pointer_of(json!({"tools": {}})).await, "/result/tools");
    assert_eq!(pointer_of(json!({})).await, "/result/tools");
    assert_eq!(pointer_of(json!({"tools": [], "nextCursor": 7})).await, "/result/nextCursor");
}
