//! Policies: published, restored, tried, recommended.

use http::Method;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::TestApp;

use super::{demo_server, pointers, policy};

fn deny_all() -> Value {
    json!({ "version": "1", "default": "deny" })
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_published_document_loads_unchanged(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let document = json!({ "version": "1", "default": "deny", "tools": { "run_workflow": { "limits": [
        { "counter": "run_workflow_rate", "window": "minute", "max": 10, "scope": "grant" },
    ] } } });
    let form = json!({ "name": "Published", "document": document });
    let made = t.policy_manager().post("/api/v1/policies", form).await.expect(201).json();
    assert_eq!(made["document"], document);
    assert_eq!(made["version"], 1);
    assert_eq!(app.told.count(t.id), 1, "enforced before the answer");
    let path = format!("/api/v1/policies/{}", made["id"].as_str().unwrap());
    let shown = t.viewer().get(&path).await.expect(200);
    assert_eq!(shown.header("etag"), "\"1\"");
    assert_eq!(shown.json()["document"], document);
    let listed = t.viewer().get("/api/v1/policies").await.expect(200).json();
    assert_eq!(listed["data"][0]["name"], "Published");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_error_of_a_document_is_said_with_pointer_line_and_column(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let text = "{\n  \"version\": \"1\",\n  \"defualt\": \"deny\",\n  \"tools\": {\"pay\": {\"limits\": [{\"counter\": \"c\", \"window\": \"minut\", \"max\": 1}]}}\n}";
    let form = json!({ "name": "P", "document": text });
    let problem = t.policy_manager().post("/api/v1/policies", form).await.expect(422).problem();
    assert_json_snapshot!(problem, @r#"
    {
      "type": "urn:drawbridge:problem:invalid",
      "title": "Some of the input is not right",
      "status": 422,
      "detail": "3 things are not right; `errors` has them all.",
      "errors": [
        {
          "pointer": "/document",
          "detail": "A policy document needs \"default\".",
          "line": 1,
          "column": 1
        },
        {
          "pointer": "/document/defualt",
          "detail": "\"defualt\" is not a key of a policy document. Did you mean \"default\"?",
          "line": 3,
          "column": 3
        },
        {
          "pointer": "/document/tools/pay/limits/0/window",
          "detail": "A window is one of second, minute, hour, day, week, month, or a whole number of seconds from 1 to 2678400. Did you mean \"minute\"?",
          "line": 4,
          "column": 59
        }
      ]
    }
    "#);
    assert_eq!(app.told.count(t.id), 0);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn text_that_is_not_json_is_told_line_and_column(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let form = json!({ "name": "P", "document": "{\n  \"version\": \"1\",\n  oops\n}" });
    let problem = t.policy_manager().post("/api/v1/policies", form).await.expect(422).problem();
    assert_json_snapshot!(problem["errors"], @r#"
    [
      {
        "pointer": "/document",
        "detail": "This is not valid JSON: expected a key in double quotes.",
        "line": 3,
        "column": 3
      }
    ]
    "#);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_doubled_key_is_refused_rather_than_guessed(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let body = r#"{"name":"P","document":{"version":"1","default":"deny","default":"allow"}}"#;
    let request = t
        .policy_manager()
        .request(Method::POST, "/api/v1/policies")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap();
    let refused = t.policy_manager().send(request).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/document/default"]);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn versions_are_numbered_guarded_and_restored(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = format!("/api/v1/policies/{}", policy(&t, "P").await);
    let put = async |tag: Option<&str>, document: Value| {
        let request = t
            .policy_manager()
            .request(Method::PUT, &format!("{path}/document"))
            .header("content-type", "application/json");
        let request = match tag {
            Some(tag) => request.header("if-match", tag),
            None => request,
        };
        let body = json!({ "document": document, "comment": "stricter" }).to_string();
        t.policy_manager().send(request.body(body.into()).unwrap()).await
    };
    let second = put(Some("\"1\""), deny_all()).await.expect(200).json();
    assert_eq!(second, json!({ "version": 2, "warnings": [] }));
    let stale = put(Some("\"1\""), deny_all()).await.expect(412).problem();
    assert_json_snapshot!(stale, @r#"
    {
      "type": "urn:drawbridge:problem:stale",
      "title": "Somebody else saved meanwhile",
      "status": 412,
      "detail": "A newer version was saved meanwhile. Read it, then save again."
    }
    "#);
    let _unguarded = put(None, deny_all()).await.expect(200);
    let versions = t.viewer().get(&format!("{path}/versions")).await.expect(200).json();
    let numbers: Vec<_> =
        versions["data"].as_array().unwrap().iter().map(|v| v["version"].clone()).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(versions["data"][0]["comment"], "stricter");
    let first = t.viewer().get(&format!("{path}/versions/1")).await.expect(200).json();
    assert_eq!(first["document"]["default"], "allow");
    let restore = format!("{path}/versions/1/restore");
    let overtaken = t
        .policy_manager()
        .request(Method::POST, &restore)
        .header("content-type", "application/json")
        .header("if-match", "\"2\"");
    let overtaken = overtaken.body("{}".into()).unwrap();
    let _stale = t.policy_manager().send(overtaken).await.expect(412);
    let restored = t.policy_manager().post(&restore, json!({})).await.expect(200).json();
    assert_eq!(restored["version"], 4);
    let live = t.viewer().get(&path).await.expect(200).json();
    assert_eq!(live["document"]["default"], "allow");
    let _none = t.viewer().get(&format!("{path}/versions/9")).await.expect(404);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_policy_is_renamed_and_removed_only_when_nothing_is_under_it(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let (server, id) = (demo_server(&t).await, policy(&t, "P").await);
    let path = format!("/api/v1/policies/{id}");
    let patch = json!({ "name": "Q", "server_id": server });
    let renamed = t.policy_manager().patch(&path, patch).await.expect(200).json();
    assert_eq!([&renamed["name"], &renamed["server_id"]], [&json!("Q"), &json!(server)]);
    let _other = policy(&t, "R").await;
    let taken = t.policy_manager().patch(&path, json!({ "name": "R" })).await.expect(409).json();
    assert_eq!(pointers(&taken), ["/name"]);
    let bindings = json!([{ "server_id": server, "policy_id": id }]);
    let grant = json!({ "label": "g", "bindings": bindings });
    let _grant = t.admin().post("/api/v1/grants", grant).await.expect(201);
    let used = t.policy_manager().delete(&path).await.expect(409);
    assert!(used.text("/detail").contains("attached to a grant"), "{}", used.body);
    let unused = json!({ "name": "S", "document": deny_all() });
    let unused = t.policy_manager().post("/api/v1/policies", unused).await.expect(201).text("/id");
    let _gone = t.policy_manager().delete(&format!("/api/v1/policies/{unused}")).await.expect(204);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_check_says_everything_and_changes_nothing(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let told = app.told.count(t.id);
    let form = json!({ "server_id": server, "document": {
        "version": "1", "default": "deny",
        "tools": { "list_customer": {}, "create_charge": { "action": "allow" } },
    } });
    let found = t.viewer().post("/api/v1/policies/validate", form).await.expect(200).json();
    assert_eq!(found["valid"], true);
    assert_eq!(found["normalised"]["tools"]["create_charge"], json!({}));
    let warned: Vec<_> =
        found["warnings"].as_array().unwrap().iter().map(|w| w["pointer"].clone()).collect();
    assert!(warned.contains(&json!("/tools/list_customer")), "{found:#}");
    assert!(warned.contains(&json!("/tools/create_charge")), "{found:#}");
    let broken = json!({ "document": { "version": "1", "default": "maybe" } });
    let found = t.viewer().post("/api/v1/policies/validate", broken).await.expect(200).json();
    assert_eq!(found["valid"], false);
    assert_eq!(found["errors"][0]["pointer"], "/default");
    assert!(found["normalised"].is_null());
    assert_eq!(app.told.count(t.id), told);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_document_of_another_kind_is_shown_as_what_it_becomes(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let told = app.told.count(t.id);
    let text = "version: \"1\"\ndefault: deny\ntools:\n  create_charge:\n    rules:\n      - name: few\n        rate_limit: 5/hour\n  create_chrage:\n    rules: []\n";
    let form = json!({ "text": text, "server_id": server });
    let shown = t.viewer().post("/api/v1/policies/import", form).await.expect(200).json();
    assert_eq!(shown["dialect"], "intercept");
    let limit = &shown["document"]["tools"]["create_charge"]["limits"][0];
    assert_eq!((&limit["max"], &limit["window"]), (&json!(5), &json!("hour")));
    let weights: Vec<_> =
        shown["report"].as_array().unwrap().iter().map(|n| &n["weight"]).collect();
    assert_eq!(weights, ["stricter", "stricter", "dropped"], "{shown:#}");
    assert_eq!(shown["report"][0]["line"], 7);
    let warned = shown["warnings"].as_array().unwrap();
    assert!(warned.iter().any(|w| w["pointer"] == "/tools/create_chrage"), "{shown:#}");
    let form = json!({ "text": text, "others": "allow" });
    let open = t.viewer().post("/api/v1/policies/import", form).await.expect(200).json();
    assert_eq!(open["document"]["prompts"], json!({ "default": "allow" }));
    let listed = t.viewer().get("/api/v1/policies").await.expect(200).json();
    assert_eq!(listed["data"], json!([]), "nothing is saved");
    assert_eq!(app.told.count(t.id), told);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_cannot_be_taken_over_is_told_with_its_lines(pool: PgPool) {
    let app = TestApp::new(pool);
    let (t, other) = (app.tenant("acme").await, app.tenant("other").await);
    let text = "version: 2\ntools:\n  a:\n    rules:\n      - action: block\n";
    let foreign = demo_server(&other).await;
    let form = json!({ "text": text, "server_id": foreign });
    let problem = t.viewer().post("/api/v1/policies/import", form).await.expect(422).problem();
    let errors = problem["errors"].as_array().unwrap();
    let places: Vec<_> =
        errors.iter().map(|e| (e["pointer"].as_str().unwrap(), &e["line"])).collect();
    assert_eq!(
        places,
        [
            ("/server_id", &Value::Null),
            ("/text/version", &json!(1)),
            ("/text/tools/a/rules/0/action", &json!(5)),
        ]
    );
    let odd = json!({ "text": text, "others": "deny" });
    let problem = t.viewer().post("/api/v1/policies/import", odd).await.expect(422).problem();
    assert_eq!(problem["errors"][0]["pointer"], "/others");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_call_is_tried_with_every_step_that_led_to_the_decision(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let document = json!({ "version": "1", "default": "deny", "tools": { "create_charge": {
        "deny_if": [{ "conditions": [{ "path": "args.amount", "op": "gt", "value": 100 }],
                      "on_deny": "Too large." }] } } });
    let try_it = async |arguments: Value| {
        let call = json!({ "tool": "create_charge", "arguments": arguments });
        let form = json!({ "document": document, "server_id": server, "call": call });
        t.viewer().post("/api/v1/policies/evaluate", form).await
    };
    let denied = try_it(json!({ "amount": 101 })).await.expect(200).json();
    assert_eq!(denied["outcome"], "denied");
    assert_eq!(denied["rule"], "/tools/create_charge/deny_if/0");
    assert_eq!(denied["message"], "Too large.");
    assert!(!denied["steps"].as_array().unwrap().is_empty());
    assert_eq!(try_it(json!({ "amount": 99 })).await.expect(200).json()["outcome"], "allowed");
    assert_eq!(pointers(&try_it(json!([1])).await.expect(422).json()), ["/call/arguments"]);
    let neither = json!({ "call": { "tool": "x" } });
    let refused = t.viewer().post("/api/v1/policies/evaluate", neither).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/document"]);
    let stored = json!({ "policy_id": policy(&t, "P").await, "call": { "tool": "anything" } });
    let allowed = t.viewer().post("/api/v1/policies/evaluate", stored).await.expect(200).json();
    assert_eq!(allowed["outcome"], "allowed");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_recommended_document_can_be_published_as_it_is(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    for style in ["strict", "observe"] {
        let form = json!({ "server_id": server, "style": style });
        let made = t.viewer().post("/api/v1/policies/recommend", form).await.expect(200).json();
        let form = json!({ "name": style, "server_id": server, "document": made["document"] });
        let made = t.policy_manager().post("/api/v1/policies", form).await.expect(201).json();
        assert_eq!(made["document"]["default"], "deny");
        assert_eq!(made["document"]["tools"]["list_customers"], json!({}));
    }
    let unknown = json!({ "server_id": "srv_00000000000000000000000000000000", "style": "strict" });
    let refused = t.viewer().post("/api/v1/policies/recommend", unknown).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/server_id"]);
}
