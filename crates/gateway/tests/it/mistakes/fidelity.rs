//! Mistakes 8 to 11: answers that arrive changed, cut short, shared or asked for twice.

use std::time::Duration;

use serde_json::json;

use super::{Log, obliging, scripted};
use crate::world::{Seen, World, allow_all, borrowed, call, list, modern, reply};

/// Whole fields were lost on the way: context-forge#1258 (outputSchema), #3050 (title), wso2
/// api-manager#5120 (annotations, `_meta`, execution), gridctl#848 (structuredContent).
#[tokio::test]
async fn mistake_08_unknown_fields_are_stripped() {
    const A: &str = r#"{ "x-new":{"z":1,"a":[ ]}, "name":"\u0061", "title":"T","description":"é\u00e9",
        "inputSchema":{"type":"object","x-mcp-header":"H","$defs":{}},"outputSchema":{"type":"object"},
        "annotations":{"readOnlyHint":true,"x":1},"execution":{"taskSupport":"forbidden"},
        "icons":[{"src":"data:,"}],"_meta":{"ui":{"resourceUri":"ui://a"}},"n":1.0,"e":1E2,
        "big":12345678901234567890.10 }"#;
    const SECRET: &str = r#"{"name":"secret"}"#;
    const RESULT: &str = r#"{"jsonrpc":"2.0" ,"id":7,"x-top":1,"result":{"content":[{"type":"text",
        "text":"\ud83d\ude00","annotations":{"x":1},"_meta":{}},{"type":"x-unknown","blob":1.50}],
        "structuredContent":{"b":1,"a":2,"big":9007199254740993,"e":1e-7},"isError":false,
        "_meta":{"k":null}}}"#;
    let list_of = |tools: &str| {
        format!(
            r#"{{"id":8,"jsonrpc":"2.0","result":{{"x":[1.0],"tools":[{tools}],"nextCursor":"n","_meta":{{"k":1}}}}}}"#
        )
    };
    let (whole, filtered) = (list_of(&format!("{A},{SECRET}")), list_of(A));
    let policy = json!({"version": "1", "default": "allow", "hide": ["secret"]});
    let (world, agent, _) = scripted(policy, &["a", "secret"], move |seen| {
        let is_list = seen.json()["method"] == "tools/list";
        let text = if is_list { whole.clone() } else { RESULT.to_owned() };
        reply(200, "application/json", text)
    })
    .await;
    assert_eq!(world.post(&agent, &[], &list("tools")).await.text, filtered);
    assert_eq!(world.post(&agent, &[], &call("a", json!({}))).await.text, RESULT);
}

/// Lists ended after one page (agentgateway#3476), or the cursor never reached the server and
/// clients went round for ever (mcp-proxy#233, litellm#39172).
#[tokio::test]
async fn mistake_09_pages_are_lost_or_never_turned() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["secret"]});
    let (world, agent, log) = scripted(policy, &["secret", "b"], |seen| {
        match seen.json()["method"].as_str() {
            Some("tools/list") => {}
            _ => return obliging(seen),
        }
        match seen.json()["params"]["cursor"].as_str() {
            None => seen.result(&json!({"tools": [{"name": "secret"}], "nextCursor": "two"})),
            Some("two") => seen.result(&json!({"tools": [{"name": "b"}]})),
            Some(_) => reply(500, "text/plain", "no such page"),
        }
    })
    .await;
    let first = world.post(&agent, &[], &list("tools")).await;
    assert_eq!(first.json["result"]["tools"], json!([]), "nothing on this page is shown");
    assert_eq!(first.json["result"]["nextCursor"], "two", "yet there is a next one");
    let mut next = list("tools");
    next["params"] = json!({"cursor": "two"});
    let second = world.post(&agent, &[], &next).await;
    assert_eq!(second.names("tools", "name"), ["b"]);
    assert!(second.json["result"].get("nextCursor").is_none());
    assert_eq!(log.count("tools/list"), 2);

    let tenant = agent.at_tenant();
    let session = world.initialize(&tenant).await.unwrap();
    let merged = world.post(&tenant, &[("mcp-session-id", &session)], &list("tools")).await;
    assert_eq!(merged.names("tools", "name"), ["shop__b"], "{}", merged.text);
}

/// A list made for one caller was announced as public and shown to others (anythingmcp#533);
/// `ttlMs` was looked for in the wrong place (bitrouter#760).
#[tokio::test]
async fn mistake_10_one_callers_list_is_cached_for_all() {
    let (world, agent, _) = scripted(allow_all(), &["a", "b"], move |seen| {
        let mut public = json!({"resultType": "complete", "cacheScope": "public",
            "ttlMs": 86_400_000, "_meta": {"ttlMs": 86_400_000}});
        let (member, value) = match seen.json()["method"].as_str().unwrap() {
            "tools/list" => ("tools", json!([{"name": "a"}, {"name": "b"}])),
            "prompts/list" => ("prompts", json!([])),
            "resources/list" => ("resources", json!([])),
            "resources/templates/list" => ("resourceTemplates", json!([])),
            "resources/read" => ("contents", json!([])),
            _ => ("capabilities", json!({})),
        };
        public[member] = value;
        seen.result(&public)
    })
    .await;
    let hides = json!({"version": "1", "default": "allow", "hide": ["b"]});
    let other = world.grant("other", &[("shop", Some(hides))]);
    world.publish(|_| {}).await;
    for method in [
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "server/discover",
        "resources/read",
    ] {
        let message =
            json!({"jsonrpc": "2.0", "id": 8, "method": method, "params": {"uri": "x:y"}});
        let (headers, message) = modern(message);
        let headers: Vec<_> = headers
            .into_iter()
            .filter(|(name, _)| *name != "mcp-name" || method == "resources/read")
            .collect();
        let answer = world.post(&agent, &borrowed(&headers), &message).await;
        assert_eq!(answer.json["result"]["cacheScope"], "private", "{method}: {}", answer.text);
        if method.ends_with("/list") {
            assert_eq!(answer.json["result"]["ttlMs"], 5_000, "{method}");
        }
        assert_eq!(answer.json["result"]["_meta"]["ttlMs"], 86_400_000, "{method}");
    }
    let names = async |agent| {
        let (headers, message) = modern(list("tools"));
        world.post(agent, &borrowed(&headers), &message).await.names("tools", "name")
    };
    assert_eq!(names(&agent).await, ["a", "b"]);
    assert_eq!(names(&other).await, ["a"], "not what the first caller was shown");
    assert_eq!(names(&agent).await, ["a", "b"]);
}

/// An SDK in the middle repeated calls by itself, up to ten times, and answered from a cache of
/// its own (aisix#980).
#[tokio::test]
async fn mistake_11_calls_are_repeated_or_answered_from_a_hidden_cache() {
    let (world, agent, log) =
        scripted(allow_all(), &["a", "broken", "asks"], |seen| match seen.json()["params"]["name"]
            .as_str()
        {
            Some("broken") => reply(503, "text/plain", "try again"),
            Some("asks") => seen.result(&json!({"resultType": "input_required",
                "inputRequests": {"k": {"method": "elicitation/create", "params": {}}},
                "requestState": "s"})),
            _ => seen.result(&json!({"resultType": "complete", "content": [], "tools": [],
                "ttlMs": 60_000, "cacheScope": "public"})),
        })
        .await;
    let failed = world.run(&agent, "broken", json!({})).await;
    assert!(failed.tool_text().starts_with("[UPSTREAM ERROR]"), "{}", failed.text);
    assert_eq!(log.all().len(), 1, "a failed call is not sent again");
    let asked = world.run(&agent, "asks", json!({})).await;
    assert_eq!(asked.json["result"]["resultType"], "input_required", "{}", asked.text);
    assert_eq!(asked.json["result"]["requestState"], "s");
    assert_eq!(log.all().len(), 2, "a question is the client's to answer");
    for _ in 0..2 {
        let (headers, message) = modern(list("tools"));
        world.post(&agent, &borrowed(&headers), &message).await;
        world.run(&agent, "a", json!({})).await;
    }
    assert_eq!(log.all().len(), 6, "each request is one request");
}

/// The same for a server that is too slow, or that hangs up in the middle of its answer.
#[tokio::test]
async fn mistake_11_calls_are_repeated_when_the_answer_does_not_come() {
    let mut world = World::empty();
    let log = Log::default();
    let noted = log.clone();
    let at = world
        .upstream(move |seen: Seen| {
            noted.note(&seen);
            async move {
                if seen.json()["params"]["name"] == "slow" {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                let cut = futures_util::stream::iter([
                    Ok(bytes::Bytes::from_static(b"{\"jsonrpc\":")),
                    Err(std::io::Error::other("gone")),
                ]);
                reply(200, "application/json", axum::body::Body::from_stream(cut))
            }
        })
        .await;
    world.server("shop", at, &[("slow", "read"), ("cut", "read")]);
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
    world.gateway(|settings| settings.call_deadline = Duration::from_millis(200)).await;
    for tool in ["slow", "cut"] {
        let failed = world.run(&agent, tool, json!({})).await;
        assert!(failed.tool_text().starts_with("[UPSTREAM ERROR]"), "{}", failed.text);
    }
    assert_eq!(log.count("tools/call"), 2);
}
