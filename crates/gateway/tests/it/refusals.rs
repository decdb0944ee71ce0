//! The table of refusals, row by row, in both eras.

use serde_json::{Value, json};

use crate::world::{World, allow_all, borrowed, call, list, modern, reply};

fn strict() -> Value {
    json!({
        "version": "1", "default": "deny", "hide": ["delete_customer"],
        "tools": {
            "list_customers": {"limits": [{"counter": "lists", "window": "day", "max": 1}]},
            "create_charge": {
                "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 100}],
                    "on_deny": "Too large."}],
                "approve_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 10}],
                    "on_deny": "A person must approve charges over 10."}],
            },
        },
    })
}

#[tokio::test]
async fn a_rule_denies_in_words_and_the_session_goes_on() {
    let (world, agent, shop) = World::with_shop(strict()).await;
    let session = world.initialize(&agent).await.unwrap();
    let refused = world.call(&agent, &session, "create_charge", json!({"amount": 200})).await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.json["id"], 7);
    assert_eq!(refused.json["result"]["isError"], true);
    assert_eq!(refused.tool_text(), "[POLICY DENIED] Too large.");
    assert_eq!(refused.decision()["outcome"], "denied");
    assert_eq!(refused.decision()["rule"], "/tools/create_charge/deny_if/0");
    assert_eq!(refused.headers["x-request-id"], refused.decision()["request_id"].as_str().unwrap());
    assert!(refused.json["result"].get("resultType").is_none());
    let default = world.call(&agent, &session, "refund_charge", json!({})).await;
    assert_eq!(default.decision()["rule"], "(default deny)");
    let allowed = world.call(&agent, &session, "list_customers", json!({})).await;
    assert_ne!(allowed.json["result"]["isError"], true, "{}", allowed.text);
    assert_eq!(shop.total(), 1, "only the allowed call reached the server");
}

#[tokio::test]
async fn a_limit_says_what_is_left_and_when_to_retry() {
    let (world, agent, shop) = World::with_shop(strict()).await;
    let session = world.initialize(&agent).await.unwrap();
    world.call(&agent, &session, "list_customers", json!({})).await;
    let refused = world.call(&agent, &session, "list_customers", json!({})).await;
    assert_eq!(refused.status, 200);
    assert!(refused.tool_text().starts_with("[POLICY DENIED] Rate limit of 1 per day reached."));
    assert!(refused.tool_text().contains("Try again in "));
    let decision = refused.decision();
    assert_eq!(decision["outcome"], "limited");
    assert_eq!(decision["rule"], "/tools/list_customers/limits/0");
    assert_eq!(decision["counter"], "lists");
    assert_eq!(decision["remaining"], 0);
    assert!(decision["retry_after_ms"].as_u64().unwrap() <= 86_400_000);
    assert_eq!(shop.total(), 1);
}

#[tokio::test]
async fn what_needs_approval_is_not_forwarded() {
    let (world, agent, shop) = World::with_shop(strict()).await;
    let session = world.initialize(&agent).await.unwrap();
    let held = world.call(&agent, &session, "create_charge", json!({"amount": 50})).await;
    assert_eq!(held.tool_text(), "[APPROVAL REQUIRED] A person must approve charges over 10.");
    assert_eq!(held.decision()["outcome"], "approval_required");
    assert_eq!(shop.total(), 0);
}

#[tokio::test]
async fn a_hidden_tool_cannot_be_told_from_one_that_never_existed() {
    let (world, agent, shop) = World::with_shop(strict()).await;
    let session = world.initialize(&agent).await.unwrap();
    let hidden = world.call(&agent, &session, "delete_customer", json!({})).await;
    let unknown = world.call(&agent, &session, "never_was_there", json!({})).await;
    assert_eq!(hidden.status, 200);
    assert_eq!(hidden.json["error"]["code"], -32602);
    assert_eq!(hidden.json["error"]["message"], "Unknown tool: delete_customer");
    assert_eq!(
        hidden.text.replace("delete_customer", "X"),
        unknown.text.replace("never_was_there", "X")
    );
    let names = |reply: &crate::world::Reply| {
        let mut names: Vec<_> = reply.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&hidden), names(&unknown));
    assert_eq!(shop.total(), 0);
    let listed = world.post(&agent, &[("mcp-session-id", &session)], &list("tools")).await;
    assert!(!listed.names("tools", "name").contains(&"delete_customer".to_owned()));
}

#[tokio::test]
async fn modern_clients_are_told_the_same_with_a_result_type() {
    let (world, agent, _) = World::with_shop(strict()).await;
    let (headers, message) = modern(call("create_charge", json!({"amount": 200})));
    let refused = world.post(&agent, &borrowed(&headers), &message).await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.tool_text(), "[POLICY DENIED] Too large.");
    assert_eq!(refused.json["result"]["resultType"], "complete");
    let (headers, message) = modern(call("delete_customer", json!({})));
    let hidden = world.post(&agent, &borrowed(&headers), &message).await;
    assert_eq!((hidden.status, &hidden.json["error"]["code"]), (200, &json!(-32602)));
    let (headers, message) = modern(json!({"jsonrpc": "2.0", "id": 1, "method": "tasks/list"}));
    let unknown = world.post(&agent, &borrowed(&headers), &message).await;
    assert_eq!((unknown.status, &unknown.json["error"]["code"]), (404, &json!(-32601)));
}

#[tokio::test]
async fn other_methods_are_refused_with_an_error_and_the_decision_as_data() {
    let policy = json!({"version": "1", "default": "deny", "tools": {"a": {}}});
    let (world, agent) =
        World::with_upstream(policy, &["a"], |seen| async move { seen.result(&json!({})) }).await;
    let prompt = json!({"jsonrpc": "2.0", "id": "p", "method": "prompts/get",
        "params": {"name": "x"}});
    let refused = world.post(&agent, &[], &prompt).await;
    assert_eq!((refused.status, &refused.json["id"]), (200, &json!("p")));
    let code = &refused.json["error"]["code"];
    assert!(code == -31001 || code == -32602, "{}", refused.text);
    let read = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read",
        "params": {"uri": "file:///etc/passwd"}});
    let refused = world.post(&agent, &[], &read).await;
    assert_eq!(refused.status, 200);
    assert!(refused.json.get("error").is_some(), "{}", refused.text);
    for method in
        ["tasks/made_up", "sampling/createMessage", "made/up", "notifications/initialized"]
    {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}});
        let refused = world.post(&agent, &[], &message).await;
        assert_eq!((refused.status, &refused.json["error"]["code"]), (200, &json!(-32601)));
    }
}

#[tokio::test]
async fn a_quarantined_tool_says_that_it_waits_for_review() {
    let (world, agent, shop) = World::with_shop(allow_all()).await;
    world
        .publish(|organisation| {
            organisation.servers[0].tools[0].state = domain::ToolState::Changed;
        })
        .await;
    let session = world.initialize(&agent).await.unwrap();
    let refused = world.call(&agent, &session, "list_customers", json!({})).await;
    assert_eq!(refused.decision()["outcome"], "quarantined");
    assert!(refused.tool_text().contains("waits for review"), "{}", refused.text);
    assert_eq!(shop.total(), 0);
}

#[tokio::test]
async fn a_server_that_fails_is_named_in_words_and_never_as_the_clients_login() {
    for (status, words) in
        [(401, "credentials"), (403, "credentials"), (500, "failed"), (302, "URL")]
    {
        let (world, agent) = World::with_upstream(allow_all(), &["a"], move |_| async move {
            let mut answer = reply(status, "text/html", "<h1>no</h1>");
            answer.headers_mut().insert("www-authenticate", "Bearer x=y".parse().unwrap());
            answer.headers_mut().insert("set-cookie", "a=b".parse().unwrap());
            answer
        })
        .await;
        let failed = world.post(&agent, &[], &call("a", json!({}))).await;
        assert_eq!(failed.status, 200, "{status}");
        assert!(failed.tool_text().starts_with("[UPSTREAM ERROR] "), "{}", failed.text);
        assert!(failed.tool_text().contains(words), "{}", failed.text);
        assert_eq!(failed.decision()["outcome"], "upstream_error");
        assert!(failed.headers.get("www-authenticate").is_none());
        assert!(failed.headers.get("set-cookie").is_none());
        let list = world.post(&agent, &[], &list("tools")).await;
        assert_eq!((list.status, &list.json["error"]["code"]), (200, &json!(-31004)));
    }
}

#[tokio::test]
async fn answers_that_are_no_answers_are_upstream_errors() {
    let bad = [
        ("text/html", "<h1>hello</h1>"),
        ("application/json", "not json"),
        ("application/json", "[{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}]"),
        ("application/json", "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}"),
        ("application/json", "{\"ok\":true}"),
    ];
    for (kind, body) in bad {
        let answer = move |_| async move { reply(200, kind, body) };
        let (world, agent) = World::with_upstream(allow_all(), &["a"], answer).await;
        let failed = world.post(&agent, &[], &call("a", json!({}))).await;
        assert!(failed.tool_text().starts_with("[UPSTREAM ERROR] "), "{body}: {}", failed.text);
    }
}

#[tokio::test]
async fn an_unreachable_server_is_an_upstream_error_that_consumes_no_quota() {
    let policy = json!({"version": "1", "default": "deny",
        "tools": {"a": {"limits": [{"counter": "c", "window": "day", "max": 1}]}}});
    let mut world = World::empty();
    world.server("shop", "127.0.0.1:1".parse().unwrap(), &[("a", "read")]);
    let agent = world.grant("agent", &[("shop", Some(policy))]);
    world.gateway(|_| {}).await;
    for _ in 0..3 {
        let failed = world.post(&agent, &[], &call("a", json!({}))).await;
        assert_eq!(failed.decision()["outcome"], "upstream_error", "{}", failed.text);
    }
}

#[tokio::test]
async fn what_was_sent_keeps_its_quota_whatever_came_back() {
    let policy = json!({"version": "1", "default": "deny",
        "tools": {"a": {"limits": [{"counter": "c", "window": "day", "max": 1}]}}});
    let (world, agent) =
        World::with_upstream(policy, &["a"], |_| async move { reply(500, "text/plain", "oops") })
            .await;
    let first = world.post(&agent, &[], &call("a", json!({}))).await;
    assert_eq!(first.decision()["outcome"], "upstream_error");
    let second = world.post(&agent, &[], &call("a", json!({}))).await;
    assert_eq!(second.decision()["outcome"], "limited");
}

#[tokio::test]
async fn statuses_by_which_clients_find_their_way_pass() {
    for status in [400, 404, 405] {
        let (world, agent) = World::with_upstream(allow_all(), &["a"], move |_| async move {
            reply(status, "text/html", "<h1>no</h1>")
        })
        .await;
        let passed = world.post(&agent, &[], &call("a", json!({}))).await;
        assert_eq!((passed.status, passed.text.as_str()), (status, ""));
    }
    let (world, agent) = World::with_upstream(allow_all(), &["a"], |_| async move {
        let error = json!({"jsonrpc": "2.0", "id": 7, "error": {"code": -32021, "message": "no"}});
        reply(400, "application/json", error.to_string())
    })
    .await;
    let passed = world.post(&agent, &[], &call("a", json!({}))).await;
    assert_eq!((passed.status, &passed.json["error"]["code"]), (400, &json!(-32021)));
}

#[tokio::test]
async fn kill_switches_refuse_every_call() {
    let (world, agent, shop) = World::with_shop(allow_all()).await;
    world.publish(|organisation| organisation.servers[0].paused = true).await;
    let refused = world.post(&agent, &[], &call("list_customers", json!({}))).await;
    assert_eq!(refused.decision()["rule"], "(paused)");
    world
        .publish(|organisation| {
            organisation.servers[0].paused = false;
            organisation.paused = true;
        })
        .await;
    let refused = world.post(&agent, &[], &call("list_customers", json!({}))).await;
    assert_eq!(refused.decision()["rule"], "(paused)");
    assert_eq!(shop.total(), 0);
}

#[tokio::test]
async fn observe_lets_pass_what_it_would_refuse() {
    let mut policy = strict();
    policy["mode"] = json!("observe");
    let (world, agent, shop) = World::with_shop(policy).await;
    let session = world.initialize(&agent).await.unwrap();
    for _ in 0..2 {
        world.call(&agent, &session, "list_customers", json!({})).await;
    }
    world.call(&agent, &session, "refund_charge", json!({})).await;
    assert_eq!(shop.total(), 3);
    let outcomes: Vec<_> =
        world.records.all().into_iter().skip(1).map(|r| (r.outcome.as_str(), r.rule)).collect();
    assert_eq!(
        outcomes,
        [
            ("allowed", String::new()),
            ("observed", "/tools/list_customers/limits/0".to_owned()),
            ("observed", "(default deny)".to_owned()),
        ]
    );
    let hidden = world.call(&agent, &session, "delete_customer", json!({})).await;
    assert_eq!(hidden.json["error"]["code"], -32602);
}
