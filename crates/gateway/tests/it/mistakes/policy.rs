//! Mistakes 1 to 7: ways past the policy.

use serde_json::{Value, json};

use super::{Log, header, obliging, scripted};
use crate::world::{Agent, Reply, World, allow_all, borrowed, call, list, modern, reply};

/// One harmless tool, one that takes at most 100, everything else denied.
fn narrow() -> Value {
    json!({"version": "1", "default": "deny", "tools": {
        "safe": {},
        "pay": {"deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 100}]}]}}})
}

async fn guarded() -> (World, Agent, Log) {
    scripted(narrow(), &["safe", "pay", "danger"], obliging).await
}

/// Whether an answer lets nothing through: malformed, denied, or an error.
fn refuses(reply: &Reply) -> bool {
    reply.json.get("error").is_some() || reply.json["result"]["isError"] == true
}

/// An array fell into the branch "not tools/call" and ran: toolhive#5745, OpenShell#2082,
/// pipelock#329. Servers on SDK 1.x still execute batches.
#[tokio::test]
async fn mistake_01_a_batch_is_not_inspected() {
    let (world, agent, log) = guarded().await;
    let (safe, danger) = (call("safe", json!({})), call("danger", json!({})));
    for batch in [
        json!([danger]),
        json!([safe, danger]),
        json!([[danger]]),
        json!([]),
        json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}, danger]),
    ] {
        for body in [batch.to_string(), format!(" \r\n\t{batch}"), format!("\u{feff}{batch}")] {
            for version in ["2025-03-26", "2025-06-18"] {
                let headers = [("mcp-protocol-version", version)];
                let refused = world.post_raw(&agent, &headers, body.clone()).await;
                assert_eq!(refused.status, 400, "{body}: {}", refused.text);
                assert!(refused.json["error"]["code"].is_i64(), "{body}");
            }
        }
    }
    assert_eq!(log.methods(), [""; 0]);
}

/// The guard read one key, the server another: go-sdk CVE-2026-27896 (`Name`, `ſ`, the Kelvin
/// sign), GHSA-q382-vc8q-7jhj (NUL), ai-gateway GHSA-4gph-2hhr-5mwg, docker mcp-gateway#414.
#[tokio::test]
async fn mistake_02_guard_and_server_read_different_keys() {
    let (world, agent, log) = guarded().await;
    let params = |params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{params}}}"#)
    };
    let bodies = [
        params(r#"{"name":"safe","name":"danger"}"#),
        params(r#"{"name":"danger","name":"safe"}"#),
        params(r#"{"name":"safe","\u006eame":"danger"}"#),
        params(r#"{"name":"safe","Name":"danger"}"#),
        params(r#"{"name":"safe","NAME":"danger"}"#),
        params(r#"{"name":"safe","name\u0000":"danger"}"#),
        params(r#"{"name":"safe","name\u0000x":"danger"}"#),
        params(r#"{"name":"safe","na\u200bme":"danger"}"#),
        params("{\"name\":\"safe\",\"ｎａｍｅ\":\"danger\"}"),
        params("{\"name\":\"safe\",\"argument\u{17f}\":{\"x\":1}}"),
        params("{\"name\":\"safe\",\"tas\u{212a}\":{}}"),
        params(r#"{"name":"pay","arguments":{"amount":1},"Arguments":{"amount":500}}"#),
        params(r#"{"name":"pay","arguments":{"amount":1,"amount":500}}"#),
        params(r#"{"name":"pay","arguments":{"amount":1,"\u0061mount":500}}"#),
        params(r#"{"name":"pay","arguments":{"amount":1,"Amount":500}}"#),
        params(r#"{"name":"pay","arguments":{"AMOUNT":500}}"#),
        params(r#"{"name":"pay","arguments":{"amount":1,"amount\u0000":500}}"#),
        params(r#"{"name":"pay","arguments":{"amount":1,"am\u00adount":500}}"#),
        format!(
            "{}}}",
            params(r#"{"name":"safe"},"Params":{"name":"danger"}"#).trim_end_matches('}')
        ),
        params(r#"{"name":"safe"},"param\u017f":{"name":"danger"}"#),
        params(r#"{"name":"safe"},"params":{"name":"danger"}"#),
        params(r#"{"name":"danger"},"METHOD":"ping""#),
        params(r#"{"name":"danger"},"method":"ping""#),
        params("{\"name\":\"safe\"}} {\"name\":\"danger\"}"),
    ];
    for body in bodies {
        let refused = world.post_raw(&agent, &[], body.clone()).await;
        assert!(refuses(&refused), "{body}: {} {}", refused.status, refused.text);
    }
    assert_eq!(log.methods(), [""; 0]);
}

/// A call that did not fit the struct became a "custom request" and passed uninspected; a list
/// with one odd tool became a "custom result" and passed unfiltered: rmcp's untagged enums.
#[tokio::test]
async fn mistake_03_what_does_not_fit_the_types_passes_as_custom() {
    let policy = json!({"version": "1", "default": "allow", "hide": ["danger"]});
    let odd = json!([
        {"name": "safe", "inputSchema": true, "annotations": {"readOnlyHint": "yes"}},
        {"name": "danger", "inputSchema": {"type": "object"}},
        {"name": ["danger"]}, {"name": "danger", "title": 7}, 5, null,
    ]);
    let (world, agent, log) = scripted(policy, &["safe", "danger"], move |seen| {
        seen.result(&json!({"tools": odd, "nextCursor": 5, "ttlMs": "soon"}))
    })
    .await;
    for params in [
        json!({"name": "danger", "arguments": {}, "inputResponses": 5}),
        json!({"name": "danger", "requestState": 5}),
        json!({"name": "danger", "_meta": {"progressToken": []}}),
        json!({"name": "danger", "task": 5}),
        json!({"name": "danger", "arguments": [1]}),
        json!({"name": "danger", "arguments": "{}"}),
        json!({"name": ["danger"]}),
        json!({"name": null}),
        json!({}),
        json!(["danger"]),
    ] {
        let message = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params});
        let refused = world.post(&agent, &[], &message).await;
        assert!(refuses(&refused), "{message}: {}", refused.text);
    }
    assert_eq!(log.methods(), [""; 0]);
    let listed = world.post(&agent, &[], &list("tools")).await;
    assert_eq!(listed.names("tools", "name"), ["safe"], "{}", listed.text);
    assert!(!listed.text.contains("danger"), "{}", listed.text);
}

/// A media type in capitals skipped every rule (Tyk#8539); a policy that could not be had let
/// everything pass (KiroCrew#11746, docker mcp-gateway#363).
#[tokio::test]
async fn mistake_04_what_is_not_recognised_is_let_through() {
    let (world, agent, log) = guarded().await;
    let body = call("danger", json!({})).to_string();
    for kind in [
        "application/json",
        "Application/Json",
        "APPLICATION/JSON ; charset=UTF-8",
        "application/json;charset=utf-16",
        "text/plain",
        "application/json-rpc",
        "application/vnd.api+json",
        "application/json, text/plain",
        "",
    ] {
        let refused = world.post_raw(&agent, &[("content-type", kind)], body.clone()).await;
        assert!(refused.status == 415 || refuses(&refused), "{kind}: {}", refused.text);
    }
    world
        .publish(|organisation| {
            organisation.policies[0].version = 2;
            organisation.policies[0].document = r#"{"version":"9","default":"allow"}"#.into();
        })
        .await;
    assert!(refuses(&world.post(&agent, &[], &call("safe", json!({}))).await), "unreadable");
    let unbound = world.grant("unbound", &[("shop", None)]);
    world.publish(|_| {}).await;
    assert!(refuses(&world.post(&unbound, &[], &call("safe", json!({}))).await), "no policy");
    assert_eq!(log.methods(), [""; 0]);
}

/// Only `tools/call` was guarded: everything else went by (Pinvou#513, agentgateway#721).
#[tokio::test]
async fn mistake_05_side_doors_are_left_open() {
    let (world, agent, log) = scripted(narrow(), &["safe", "pay", "danger"], obliging).await;
    let of = |name: &str| {
        json!({"ref": {"type": "ref/prompt", "name": name},
        "argument": {"name": "x", "value": ""}})
    };
    let by_uri = json!({"ref": {"type": "ref/resource", "uri": "file:///etc/passwd"},
        "argument": {"name": "x", "value": ""}});
    let uri = json!({"uri": "file:///etc/passwd"});
    let doors = [
        ("resources/read", uri.clone()),
        ("resources/subscribe", uri.clone()),
        ("resources/unsubscribe", uri),
        ("prompts/get", json!({"name": "admin"})),
        ("completion/complete", of("admin")),
        ("completion/complete", by_uri),
        ("tasks/get", json!({"taskId": "t"})),
        ("tasks/result", json!({"taskId": "t"})),
        ("tasks/cancel", json!({"taskId": "t"})),
        ("tools/call ", json!({"name": "danger"})),
        ("Tools/Call", json!({"name": "danger"})),
        ("tools/call\u{0}", json!({"name": "danger"})),
        ("tools/invoke", json!({"name": "danger"})),
        ("notifications/message", json!({"name": "danger"})),
        ("sampling/createMessage", json!({})),
        ("tools/call", json!({"name": "danger", "task": {"ttl": 1}})),
    ];
    for (method, params) in doors {
        let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        let refused = world.post(&agent, &[], &message).await;
        assert!(refuses(&refused), "{method}: {}", refused.text);
        // And without an id, as if nobody wanted to know what comes of it.
        let note = json!({"jsonrpc": "2.0", "method": method, "params": params});
        assert_eq!(world.post(&agent, &[], &note).await.text, "", "{method}");
    }
    let watch = json!({"notifications": {"resourceSubscriptions": ["file:///etc/passwd"]}});
    for (method, params) in [
        ("subscriptions/listen", watch),
        ("tasks/update", json!({"taskId": "t"})),
        ("resources/directory/read", json!({"uri": "file:///"})),
    ] {
        let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        let (mut headers, message) = modern(message);
        if method == "tasks/update" {
            headers.push(("mcp-name", "t".to_owned()));
        }
        let refused = world.post(&agent, &borrowed(&headers), &message).await;
        assert!(refuses(&refused), "{method}: {}", refused.text);
    }
    assert_eq!(log.methods(), [""; 0]);
}

/// Argument rules could never hold at list time, so every call was denied (agentgateway#3092);
/// the list showed what calls denied (#95).
#[tokio::test]
async fn mistake_06_lists_and_calls_are_judged_by_different_rules() {
    let mut policy = narrow();
    policy["hide"] = json!(["danger"]);
    policy["list_denied"] = json!(false);
    let tools = json!({"tools": [{"name": "safe"}, {"name": "pay"}, {"name": "danger"},
        {"name": "denied"}]});
    let answer = move |seen: &crate::world::Seen| match seen.json()["method"].as_str() {
        Some("tools/list") => seen.result(&tools),
        _ => obliging(seen),
    };
    let (world, agent, log) = scripted(policy, &["safe", "pay", "danger", "denied"], answer).await;
    let listed = world.post(&agent, &[], &list("tools")).await;
    assert_eq!(listed.names("tools", "name"), ["safe", "pay"]);
    let status =
        async |tool: &str, args: Value| !refuses(&world.post(&agent, &[], &call(tool, args)).await);
    assert!(status("pay", json!({"amount": 100})).await, "what is listed can be called");
    assert!(!status("pay", json!({"amount": 101})).await);
    assert!(!status("pay", json!({"amount": "101"})).await, "what cannot be judged is denied");
    for absent in ["danger", "denied"] {
        assert!(!status(absent, json!({})).await, "what is not listed cannot be called");
    }
    assert_eq!(log.count("tools/call"), 1);
}

/// Headers that repeat the body were believed (context-forge#6146), or not made anew when the
/// gateway renamed a tool (#6149).
#[tokio::test]
async fn mistake_07_mirrored_headers_are_trusted_or_left_stale() {
    let (world, agent, log) = guarded().await;
    let safe = modern(call("safe", json!({})));
    let danger = modern(call("danger", json!({})));
    let with = |headers: &[(&'static str, String)], name: &'static str, values: &[&str]| {
        let others = headers.iter().filter(|(known, _)| *known != name).cloned();
        others.chain(values.iter().map(|value| (name, (*value).to_owned()))).collect::<Vec<_>>()
    };
    for (headers, message) in [
        (safe.0.clone(), &danger.1),
        (danger.0.clone(), &safe.1),
        (with(&safe.0, "mcp-name", &["safe", "danger"]), &safe.1),
        (with(&danger.0, "mcp-name", &["=?base64?c2FmZQ==?="]), &danger.1),
        (with(&safe.0, "mcp-name", &["SAFE"]), &safe.1),
        (with(&safe.0, "mcp-name", &[]), &safe.1),
        (with(&safe.0, "mcp-method", &["tools/list"]), &safe.1),
        (with(&safe.0, "mcp-method", &[]), &safe.1),
    ] {
        let refused = world.post(&agent, &borrowed(&headers), message).await;
        assert_eq!((refused.status, &refused.json["error"]["code"]), (400, &json!(-32020)));
    }
    // A legacy call need not mirror itself, but must not lie.
    let legacy = [("mcp-method", "tools/call"), ("mcp-name", "safe")];
    let refused = world.post(&agent, &legacy, &call("danger", json!({}))).await;
    assert_eq!(refused.status, 400);
    assert_eq!(log.methods(), [""; 0]);

    let (world, agent, log) = scripted(allow_all(), &["a"], |seen| match &seen.json()["method"] {
        Value::String(_) => seen.result(&json!({"resultType": "complete", "content": []})),
        _ => reply(202, "application/json", ""),
    })
    .await;
    let (headers, message) = modern(call("shop__a", json!({})));
    let called = world.post(&agent.at_tenant(), &borrowed(&headers), &message).await;
    assert!(!refuses(&called), "{}", called.text);
    let seen = &log.all()[0];
    assert_eq!(
        (header(seen, "mcp-name"), &seen.json()["params"]["name"]),
        (Some("a"), &json!("a"))
    );
}

/// What a server asks by its result has one reading, or is not passed on.
#[tokio::test]
async fn questions_that_two_readers_read_differently_are_refused() {
    let policy = json!({"version": "1", "default": "allow",
        "server_requests": {"elicitation": "allow", "sampling": "deny"}});
    let asked = |requests: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":7,"result":{{"resultType":"input_required",{requests}}}}}"#
        )
    };
    let (ask, sample) = (
        r#"{"a":{"method":"elicitation/create","params":{}}}"#,
        r#"{"a":{"method":"sampling/createMessage","params":{}}}"#,
    );
    let cases = [
        (format!(r#""inputRequests":{ask}"#), true),
        (format!(r#""inputRequests":{sample}"#), false),
        (format!(r#""inputRequests":{ask},"inputRequests":{sample}"#), false),
        (format!(r#""inputRequests":{ask},"InputRequests":{sample}"#), false),
        (format!(r#""InputRequests":{sample}"#), false),
        (r#""inputRequests":{"a":{"method":"elicitation/create","method":"sampling/createMessage"}}"#
            .to_owned(), false),
        (r#""inputRequests":{"a":{"method":"elicitation/create"},"a":{"method":"sampling/createMessage"}}"#
            .to_owned(), false),
    ];
    for (requests, passes) in cases {
        let answer = asked(&requests);
        let (world, agent) = World::with_upstream(policy.clone(), &["a"], move |_| {
            let answer = answer.clone();
            async move { reply(200, "application/json", answer) }
        })
        .await;
        let (headers, message) = modern(call("a", json!({})));
        let got = world.post(&agent, &borrowed(&headers), &message).await;
        assert_eq!(got.text.contains("inputRequests"), passes, "{requests}: {}", got.text);
        assert!(!got.text.contains("sampling/createMessage"), "{requests}");
    }
}
