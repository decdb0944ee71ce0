//! Policy tests and diffs: kept, run, asked before a document is published.

use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::TestApp;

use super::{pointers, policy};

fn limited(max: u32) -> Value {
    json!({ "version": "1", "default": "deny", "tools": { "pay": { "limits": [
        { "counter": "c", "window": "minute", "max": max }] } } })
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_document_that_fails_a_test_is_not_published(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = format!("/api/v1/policies/{}", policy(&t, "P").await);
    let (manager, tests) = (t.policy_manager(), format!("{path}/tests"));
    let test = json!({ "name": "the 4th is too many", "tool": "pay", "repeat": 4,
                       "arguments": { "amount": 1.50 }, "expect": "limit" });
    let made = manager.post(&tests, test.clone()).await.expect(201).json();
    assert_eq!(made, json!({ "number": 1 }));
    let _twice = manager.post(&tests, test).await.expect(409);
    let _role = t.viewer().post(&tests, json!({})).await.expect(403);
    let broken = json!({ "name": "x", "tool": "pay", "expect": "denied", "ekspect": 1 });
    let problem = manager.post(&tests, broken).await.expect(422).problem();
    assert_eq!(pointers(&problem), ["/expect", "/ekspect"]);

    // What is in force allows everything; a draft is judged by itself.
    let run = format!("{tests}/run");
    let ran = t.viewer().post(&run, json!({})).await.expect(200).json();
    assert_eq!(ran["passed"], false);
    assert_eq!(ran["verdicts"][0]["detail"], "Expected stopped by a limit, got allowed.");
    let ran = t.viewer().post(&run, json!({ "document": limited(3) })).await.expect(200).json();
    assert_eq!(ran["passed"], true);
    assert_eq!(ran["verdicts"][0]["rule"], "/tools/pay/limits/0");

    let put = async |document: Value| {
        let form = json!({ "document": document });
        manager.ask(Method::PUT, &format!("{path}/document"), Some(form)).await
    };
    let problem = put(limited(30)).await.expect(422).problem();
    assert_eq!(pointers(&problem), ["/tests/1"]);
    let said = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(said.contains("the 4th is too many") && said.contains("got allowed"), "{said}");
    let _published = put(limited(3)).await.expect(200);
    // Version 1 fails the test too: restoring it is publishing it.
    let restore = format!("{path}/versions/1/restore");
    let _refused = manager.post(&restore, json!({})).await.expect(422);
    let _removed = manager.delete(&format!("{tests}/1")).await.expect(204);
    let _gone = manager.delete(&format!("{tests}/1")).await.expect(404);
    let _restored = manager.post(&restore, json!({})).await.expect(200);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_file_replaces_all_tests_or_none(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let tests = format!("/api/v1/policies/{}/tests", policy(&t, "P").await);
    let put = async |file: Value| t.policy_manager().ask(Method::PUT, &tests, Some(file)).await;
    let test = |name: &str| json!({ "name": name, "tool": "pay", "expect": "allow" });
    let file = json!({ "version": "1", "tests": [test("a"), test("b")] });
    let kept = put(file).await.expect(200).json();
    assert_eq!(kept["data"][1], json!({ "number": 2, "test": test("b") }));
    let twice = json!({ "version": "1", "tests": [test("c"), test("c")] });
    assert_eq!(pointers(&put(twice).await.expect(422).problem()), ["/tests/1"]);
    let listed = t.viewer().get(&tests).await.expect(200).json();
    assert_eq!(listed, kept);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn versions_and_drafts_are_compared_in_words(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let id = policy(&t, "P").await;
    let path = format!("/api/v1/policies/{id}");
    for max in [30, 60] {
        let form = json!({ "document": limited(max) });
        let document = format!("{path}/document");
        let put = t.policy_manager().ask(Method::PUT, &document, Some(form)).await;
        let _published = put.expect(200);
    }
    let between = format!("{path}/diff?from=2&to=3");
    let changes = t.viewer().get(&between).await.expect(200).json();
    let expected = json!({ "changes": [{
        "pointer": "/tools/pay/limits/0", "removed": false, "bearing": "looser",
        "summary": "pay: limit 30 → 60 calls a minute" }] });
    assert_eq!(changes, expected);
    let to_live = t.viewer().get(&format!("{path}/diff?from=2")).await.expect(200).json();
    assert_eq!(to_live, expected);
    let _unknown = t.viewer().get(&format!("{path}/diff?from=9")).await.expect(404);
    let draft = json!({ "policy_id": id, "document": limited(30) });
    let changes = t.viewer().post("/api/v1/policies/diff", draft).await.expect(200).json();
    assert_eq!(changes["changes"][0]["bearing"], "stricter");
    let broken = json!({ "policy_id": id, "document": {} });
    let _invalid = t.viewer().post("/api/v1/policies/diff", broken).await.expect(422);
}
