//! Tasks of both kinds: an id is worth something only to whom it was given, and a result is given
//! out only while its tool may be called.

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};

use crate::world::{
    Agent, Reply, Seen, World, allow_all, borrowed, call, events, initialize, modern, reply,
};

const RELATED: &str = "io.modelcontextprotocol/related-task";

/// What a server was sent, in order.
type Log = Arc<Mutex<Vec<Seen>>>;

fn methods(log: &Log) -> Vec<String> {
    log.lock().unwrap().iter().map(|seen| seen.json()["method"].to_string()).collect()
}

fn last(log: &Log) -> Seen {
    log.lock().unwrap().last().unwrap().clone()
}

/// A server with a tool `slow` whose calls are tasks, the first `t-1`, and a stranger's `t-0`.
async fn server(policy: Value) -> (World, Agent, Log) {
    let log = Log::default();
    let seen_by = Arc::clone(&log);
    let (world, agent) = World::with_upstream(policy, &["slow"], move |seen: Seen| {
        seen_by.lock().unwrap().push(seen.clone());
        let message = seen.json();
        let params = &message["params"];
        let is_modern = seen.headers.contains_key("mcp-method");
        let state = json!({"taskId": params["taskId"], "status": "working", "ttl": 1});
        let answer = match message["method"].as_str().unwrap_or_default() {
            "initialize" => json!({"protocolVersion": "2025-11-25", "capabilities": {
                "tools": {}, "tasks": {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}}}),
            "tools/call" if is_modern => {
                json!({"resultType": "task", "taskId": "t-1", "status": "working", "x": 0.5})
            }
            "tools/call" if params.get("task").is_some() => {
                json!({"task": {"taskId": "t-1", "status": "working", "x": 0.5}})
            }
            "tools/call" => json!({"content": []}),
            "tasks/get" if is_modern => json!({"resultType": "complete", "taskId": "t-1",
                "status": "completed", "result": {"content": [], "resultType": "complete"}}),
            "tasks/get" | "tasks/cancel" => state,
            "tasks/update" => json!({"resultType": "complete"}),
            "tasks/list" => json!({"tasks": [{"taskId": "t-0", "status": "working"},
                {"taskId": "t-1", "status": "working"}], "nextCursor": "n"}),
            "tasks/result" => {
                json!({"content": [], "_meta": {RELATED: {"taskId": params["taskId"]}}})
            }
            _ => json!({}),
        };
        async move { seen.result(&answer) }
    })
    .await;
    (world, agent, log)
}

fn as_task() -> Value {
    let mut message = call("slow", json!({}));
    message["params"]["task"] = json!({"ttl": 60_000});
    message
}

fn about(method: &str, task: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 9, "method": method, "params": {"taskId": task}})
}

async fn created(world: &World, agent: &Agent) -> String {
    let created = world.post(agent, &[], &as_task()).await;
    assert_eq!(created.json["result"]["task"]["status"], "working", "{}", created.text);
    assert!(created.text.contains("\"x\":0.5"), "the rest is kept as written");
    created.json["result"]["task"]["taskId"].as_str().unwrap().to_owned()
}

fn code(reply: &Reply) -> &Value {
    assert_eq!(reply.status, 200, "{}", reply.text);
    &reply.json["error"]["code"]
}

#[tokio::test]
async fn a_task_is_known_to_its_client_by_an_id_of_ours_and_to_its_server_by_its_own() {
    let (world, agent, log) = server(allow_all()).await;
    let opened = world.post(&agent, &[], &initialize()).await;
    assert!(opened.json["result"]["capabilities"]["tasks"].is_object());
    let task = created(&world, &agent).await;
    assert!(!task.contains("t-1"));
    assert_eq!(created(&world, &agent).await, task, "clients compare ids");
    for method in ["tasks/get", "tasks/cancel"] {
        let mut message = about(method, &task);
        // As the TypeScript SDK says it again.
        message["params"]["task"] = json!({"ttl": 60_000});
        let answered = world.post(&agent, &[], &message).await;
        assert_eq!(answered.json["result"]["taskId"], task.as_str(), "{}", answered.text);
        assert_eq!(last(&log).json()["params"]["taskId"], "t-1");
    }
    let result = world.post(&agent, &[], &about("tasks/result", &task)).await;
    assert_eq!(result.json["result"]["_meta"][RELATED]["taskId"], task.as_str());
    assert!(!result.text.contains("t-1"), "{}", result.text);
    let record = world.records.last();
    assert_eq!(
        (record.method.as_str(), record.target.as_deref()),
        ("tasks/result", Some("slow")),
        "recorded as about its tool"
    );
}

#[tokio::test]
async fn a_foreign_task_is_not_found_and_not_listed() {
    let (world, agent, log) = server(allow_all()).await;
    let other = world.grant("other", &[("shop", Some(allow_all()))]);
    world.publish(|_| {}).await;
    let task = created(&world, &agent).await;
    let before = methods(&log).len();
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        for (who, id) in [(&other, task.as_str()), (&agent, "t-1"), (&agent, &task[1..])] {
            let refused = world.post(who, &[], &about(method, id)).await;
            assert_eq!(code(&refused), -32602, "{}", refused.text);
        }
    }
    assert_eq!(methods(&log).len(), before, "nothing of it reached the server");
    let list = json!({"jsonrpc": "2.0", "id": 8, "method": "tasks/list"});
    let listed = world.post(&agent, &[], &list).await;
    assert_eq!(listed.names("tasks", "taskId"), [task]);
    assert_eq!(listed.json["result"]["nextCursor"], "n");
    assert!(world.post(&other, &[], &list).await.names("tasks", "taskId").is_empty());
}

#[tokio::test]
async fn a_call_that_becomes_a_task_is_judged_as_the_call_it_is() {
    let policy = json!({"version": "1", "default": "allow", "tools": {"slow": {
        "deny_if": [{"conditions": [{"path": "args.n", "op": "gt", "value": 1}], "on_deny": "No."}],
        "limits": [{"counter": "c", "window": "hour", "max": 1}]}}});
    let (world, agent, _) = server(policy).await;
    let mut too_much = as_task();
    too_much["params"]["arguments"] = json!({"n": 2});
    let denied = world.post(&agent, &[], &too_much).await;
    assert_eq!(code(&denied), -31001, "an error, where no tool result is awaited");
    assert_eq!(denied.json["error"]["data"]["outcome"], "denied");
    created(&world, &agent).await;
    assert_eq!(code(&world.post(&agent, &[], &as_task()).await), -31002);
    let mut prompt = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    prompt["params"]["task"] = json!({});
    assert_eq!(code(&world.post(&agent, &[], &prompt).await), -32602);
}

#[tokio::test]
async fn what_a_tool_that_may_no_longer_be_called_came_to_is_not_given_out() {
    let (world, agent, log) = server(allow_all()).await;
    let task = created(&world, &agent).await;
    let before = methods(&log).len();
    for (document, wanted) in [
        (json!({"version": "1", "default": "allow", "hide": ["slow"]}), -32602),
        (json!({"version": "1", "default": "deny"}), -31001),
    ] {
        world
            .publish(|organisation| {
                organisation.policies[0].version += 1;
                organisation.policies[0].document = document.to_string().into();
            })
            .await;
        for method in ["tasks/get", "tasks/result"] {
            let refused = world.post(&agent, &[], &about(method, &task)).await;
            assert_eq!(code(&refused), wanted, "{}", refused.text);
        }
        let list = json!({"jsonrpc": "2.0", "id": 8, "method": "tasks/list"});
        assert!(world.post(&agent, &[], &list).await.names("tasks", "taskId").is_empty());
    }
    assert_eq!(methods(&log)[before..], ["\"tasks/list\"", "\"tasks/list\""]);
    let stopped = world.post(&agent, &[], &about("tasks/cancel", &task)).await;
    assert_eq!(stopped.json["result"]["taskId"], task.as_str(), "to stop one is never refused");
}

#[tokio::test]
async fn a_message_that_belongs_to_a_task_names_it_on_both_sides_in_its_own_terms() {
    let (world, agent, log) = server(allow_all()).await;
    let task = created(&world, &agent).await;
    let mut related = call("slow", json!({}));
    related["params"]["_meta"] = json!({RELATED: {"taskId": task}});
    assert_eq!(world.post(&agent, &[], &related).await.status, 200);
    assert_eq!(last(&log).json()["params"]["_meta"][RELATED]["taskId"], "t-1");
    let before = methods(&log).len();
    related["params"]["_meta"] = json!({RELATED: {"taskId": "t-0"}});
    assert_eq!(code(&world.post(&agent, &[], &related).await), -32602);
    related["params"]["_meta"] = json!({RELATED: {"TaskId": "t-0"}});
    assert_eq!(world.post(&agent, &[], &related).await.status, 400);
    let note = json!({"jsonrpc": "2.0", "method": "notifications/progress",
        "params": {"_meta": {RELATED: {"taskId": "t-0"}}}});
    assert_eq!(world.post(&agent, &[], &note).await.status, 202);
    assert_eq!(methods(&log).len(), before);
}

#[tokio::test]
async fn news_of_a_task_reach_whom_it_belongs_to_and_nobody_else() {
    let status = |id: &str| {
        json!({"jsonrpc": "2.0", "method": "notifications/tasks/status",
            "params": {"taskId": id, "status": "working"}})
    };
    let news = [status("t-0"), status("t-1")];
    let (world, agent) = World::with_upstream(allow_all(), &["slow"], move |seen: Seen| {
        let news = news.clone();
        async move {
            if seen.method == Method::GET {
                return events(&news);
            }
            seen.result(&json!({"task": {"taskId": "t-1", "status": "working"}}))
        }
    })
    .await;
    let created = world.post(&agent, &[], &as_task()).await;
    let stream = world.open(Method::GET, &agent, &[("accept", "text/event-stream")], "").await;
    let stream = Reply::read(stream).await;
    assert_eq!(stream.json["params"]["taskId"], created.json["result"]["task"]["taskId"]);
    assert!(!stream.text.contains("t-0") && !stream.text.contains("t-1"), "{}", stream.text);
}

#[tokio::test]
async fn the_extension_works_the_same_way_and_its_header_is_made_anew() {
    let (world, agent, log) = server(allow_all()).await;
    let ask = async |message: Value, knows_tasks: bool| {
        let (headers, mut message) = modern(message);
        if knows_tasks {
            message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
                json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
        }
        world.post(&agent, &borrowed(&headers), &message).await
    };
    let created = ask(call("slow", json!({})), true).await;
    assert_eq!(created.json["result"]["resultType"], "task", "{}", created.text);
    assert!(created.text.contains("\"x\":0.5"));
    let task = created.json["result"]["taskId"].as_str().unwrap();
    assert_ne!(task, "t-1");
    let got = ask(about("tasks/get", task), true).await;
    assert_eq!(got.json["result"]["taskId"], task, "{}", got.text);
    let seen = last(&log);
    assert_eq!(seen.headers["mcp-name"], "t-1");
    assert_eq!(seen.json()["params"]["taskId"], "t-1");
    let mut update = about("tasks/update", task);
    update["params"]["inputResponses"] = json!({});
    assert_eq!(ask(update, true).await.json["result"]["resultType"], "complete");
    let foreign = ask(about("tasks/get", "t-1"), true).await;
    assert_eq!(code(&foreign), -32602);
    let removed = ask(about("tasks/result", "t-1"), true).await;
    assert_eq!(removed.status, 404, "what is not in the era is unknown, whatever it names");
    assert_eq!(removed.json["error"]["code"], -32601);
    let unasked = ask(call("slow", json!({})), false).await;
    assert!(unasked.tool_text().starts_with("[UPSTREAM ERROR]"), "{}", unasked.text);
}

#[tokio::test]
async fn a_subscription_watches_only_tasks_of_its_own() {
    let changed = |id: &str, more: Value| {
        let mut params = json!({"taskId": id, "status": "working"});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"jsonrpc": "2.0", "method": "notifications/tasks", "params": params})
    };
    let sampling = json!({"inputRequests": {"a": {"method": "sampling/createMessage"}}});
    let told = [
        json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
            "params": {"notifications": {"taskIds": ["t-1", "t-0"]}}}),
        changed("t-0", json!({})),
        changed("t-1", json!({"pollIntervalMs": 5})),
        changed("t-1", sampling),
    ];
    let log = Log::default();
    let seen_by = Arc::clone(&log);
    let policy =
        json!({"version": "1", "default": "allow", "server_requests": {"sampling": "deny"}});
    let (world, agent) = World::with_upstream(policy, &["slow"], move |seen: Seen| {
        seen_by.lock().unwrap().push(seen.clone());
        let told = told.clone();
        async move {
            if seen.json()["method"] == "subscriptions/listen" {
                return events(&told);
            }
            seen.result(&json!({"task": {"taskId": "t-1", "status": "working"}}))
        }
    })
    .await;
    let task = world.post(&agent, &[], &as_task()).await.json["result"]["task"]["taskId"].clone();
    let listen = |ids: Value| {
        modern(json!({"jsonrpc": "2.0", "id": "l", "method": "subscriptions/listen",
            "params": {"notifications": {"taskIds": ids}}}))
    };
    for foreign in [json!(["t-1"]), json!("t-1"), json!([task, 1])] {
        let (headers, message) = listen(foreign);
        assert_eq!(code(&world.post(&agent, &borrowed(&headers), &message).await), -32602);
    }
    let (headers, message) = listen(json!([task]));
    let stream = world.post(&agent, &borrowed(&headers), &message).await;
    assert_eq!(last(&log).json()["params"]["notifications"]["taskIds"], json!(["t-1"]));
    let data = stream.text.lines().filter_map(|line| line.strip_prefix("data: "));
    let heard: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
    assert_eq!(heard[0]["params"]["notifications"]["taskIds"], json!([task]));
    assert_eq!(
        (&heard[1]["params"]["taskId"], &heard[1]["params"]["pollIntervalMs"]),
        (&task, &json!(5))
    );
    assert!(!stream.text.contains("t-0") && !stream.text.contains("sampling"), "{}", stream.text);
}

/// A server that asks for a sampling, and later about the task that it became.
async fn asking(policy: Value) -> (World, Agent, Log) {
    let log = Log::default();
    let seen_by = Arc::clone(&log);
    let (world, agent) = World::with_upstream(policy, &["slow"], move |seen: Seen| {
        seen_by.lock().unwrap().push(seen.clone());
        let answers = seen_by.lock().unwrap().iter().map(Seen::json).collect::<Vec<_>>();
        async move {
            let task = answers.iter().find_map(|a| a.pointer("/result/task/taskId").cloned());
            let ask = |id: &str, method: &str, params: Value| {
                json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
            };
            match (seen.json()["method"].as_str(), task) {
                (Some("tools/call"), None) => {
                    let sampling = ask("q1", "sampling/createMessage", json!({"task": {}}));
                    events(&[sampling, json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}})])
                }
                (Some("tools/call"), Some(task)) => events(&[
                    ask("q2", "tasks/get", json!({"taskId": task})),
                    ask("q3", "tasks/get", json!({"taskId": "made-up"})),
                    ask("q4", "tasks/list", json!({})),
                    json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}}),
                ]),
                _ => reply(202, "application/json", ""),
            }
        }
    })
    .await;
    (world, agent, log)
}

fn asked(reply: &Reply) -> Vec<Value> {
    let data = reply.text.lines().filter_map(|line| line.strip_prefix("data: "));
    let messages = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
    messages.filter(|message| message.get("method").is_some()).collect()
}

#[tokio::test]
async fn a_clients_own_task_is_asked_about_only_by_the_server_that_it_runs_for() {
    let (world, agent, log) = asking(allow_all()).await;
    let first = world.post(&agent, &[], &call("slow", json!({}))).await;
    let question = &asked(&first)[0];
    let answer = json!({"jsonrpc": "2.0", "id": question["id"],
        "result": {"task": {"taskId": "client-1", "status": "working"}}});
    assert_eq!(world.post(&agent, &[], &answer).await.status, 202);
    let told = last(&log).json();
    assert_eq!(told["id"], "q1");
    assert_ne!(told["result"]["task"]["taskId"], "client-1");
    let second = world.post(&agent, &[], &call("slow", json!({}))).await;
    let questions = asked(&second);
    assert_eq!(questions.len(), 1, "{}", second.text);
    assert_eq!(questions[0]["params"]["taskId"], "client-1");
    let declined = log.lock().unwrap().iter().filter(|s| s.json()["error"].is_object()).count();
    assert_eq!(declined, 2, "what cannot be the client's is answered for it");
    let answer = json!({"jsonrpc": "2.0", "id": questions[0]["id"],
        "result": {"taskId": "client-1", "status": "completed"}});
    assert_eq!(world.post(&agent, &[], &answer).await.status, 202);
    assert_eq!(last(&log).json()["result"]["taskId"], told["result"]["task"]["taskId"]);
    world
        .publish(|organisation| {
            let denies = json!({"version": "1", "default": "allow",
                "server_requests": {"sampling": "deny"}});
            organisation.policies[0].version += 1;
            organisation.policies[0].document = denies.to_string().into();
        })
        .await;
    let third = world.post(&agent, &[], &call("slow", json!({}))).await;
    assert!(asked(&third).is_empty(), "a task is judged as what it came of: {}", third.text);
}

#[tokio::test]
async fn tasks_work_behind_the_address_of_all_servers_too() {
    let (world, agent, log) = server(allow_all()).await;
    let agent = agent.at_tenant();
    let session = world.initialize(&agent).await.unwrap();
    let headers = [("mcp-session-id", session.as_str())];
    let mut message = as_task();
    message["params"]["name"] = json!("shop__slow");
    let created = world.post(&agent, &headers, &message).await;
    let task = created.json["result"]["task"]["taskId"].as_str().unwrap();
    let result = world.post(&agent, &headers, &about("tasks/result", task)).await;
    assert_eq!(result.json["result"]["_meta"][RELATED]["taskId"], task, "{}", result.text);
    assert_eq!(last(&log).json()["params"]["taskId"], "t-1");
    let foreign = world.post(&agent, &headers, &about("tasks/result", "t-1")).await;
    assert_eq!(code(&foreign), -32602);
}
