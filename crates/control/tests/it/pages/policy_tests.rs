//! Trying calls, tests beside the policy, versions compared: all of it as plain forms.

use serde_json::json;
use sqlx::PgPool;
use testkit::{TestApp, upstream};

use super::{after, at, done, form};
use crate::api::demo_server;

const DRAFT: &str = r#"{"version":"1","default":"deny","tools":{"create_charge":{"deny_if":[
    {"conditions":[{"path":"args.amount","op":"gt","value":100}],"on_deny":"Too <large>."}]}}}"#;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_call_is_tried_kept_as_a_test_and_asked_before_publishing(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let made = json!({ "name": "P", "server_id": server,
                       "document": serde_json::from_str::<serde_json::Value>(DRAFT).unwrap() });
    let id = t.policy_manager().post("/api/v1/policies", made).await.expect(201).text("/id");
    let url = at(&t, &format!("policies/{id}"));

    // The fields come from the tool's schema.
    let fields = t.viewer().get(&format!("{url}/try?tool=create_charge")).await.expect(200);
    assert!(fields.body.contains("name=\"arg[amount]\""), "{}", fields.body);
    let typed = [("deed", "try"), ("tool", "create_charge"), ("arg[amount]", "250")];
    let tried = t.viewer().submit(&format!("{url}/try"), &form(&typed)).await.expect(200);
    assert!(tried.body.contains("/tools/create_charge/deny_if/0"), "{}", tried.body);
    assert!(tried.body.contains("[POLICY DENIED] Too &#60;large&#62;."), "{}", tried.body);
    assert!(tried.body.contains("found 250, holds"), "{}", tried.body);
    assert!(!tried.body.contains("Save as test"), "a viewer keeps no tests");

    // A draft is tried by the builder's own form, and a broken one keeps what was typed.
    let open = r#"{"version":"1","default":"allow"}"#;
    let typed =
        [("deed", "try"), ("document", open), ("tool", "create_charge"), ("arguments", "{}")];
    let tried = t.viewer().submit(&format!("{url}/try"), &form(&typed)).await.expect(200);
    assert!(tried.body.contains("create_charge would be forwarded."), "{}", tried.body);
    let typed = [("deed", "try"), ("document", "{"), ("tool", "kept_name")];
    let tried = t.viewer().submit(&format!("{url}/try"), &form(&typed)).await.expect(200);
    assert!(tried.body.contains("kept_name") && tried.body.contains("Line 1, column"));

    let test = [
        ("name", "Large is refused"),
        ("tool", "create_charge"),
        ("expect", "deny"),
        ("arguments", r#"{"amount":250}"#),
        ("rule", "/tools/create_charge/deny_if/0"),
    ];
    let page = done(t.policy_manager(), &format!("{url}/tests"), &test).await;
    assert!(page.body.contains("1 test, and the version in force passes."), "{}", page.body);
    let again = t.policy_manager().submit(&format!("{url}/tests"), &form(&test)).await.expect(409);
    assert!(again.body.contains("id=\"name-error\""), "{}", again.body);
    let typed = [("name", "x"), ("tool", "t"), ("expect", "deny"), ("arguments", "{oops")];
    let odd = t.policy_manager().submit(&format!("{url}/tests"), &form(&typed)).await.expect(422);
    assert!(odd.body.contains("id=\"arguments-error\"") && odd.body.contains("{oops"));

    let draft =
        [("version", "1"), ("source", "document"), ("document", open), ("comment", "Open up")];
    let refused = t.policy_manager().submit(&url, &form(&draft)).await.expect(422);
    assert!(refused.body.contains("Large is refused") && refused.body.contains("got allowed"));
    assert!(refused.body.contains("value=\"Open up\"") && refused.body.contains("&#34;allow&#34;"));
    let page = done(t.policy_manager(), &format!("{url}/tests/1/delete"), &[]).await;
    assert!(page.body.contains("No tests yet"));
    let _published = done(t.policy_manager(), &url, &draft).await;

    let versions = t.viewer().get(&format!("{url}/versions")).await.expect(200);
    assert!(versions.body.contains("Open up") && versions.body.contains("diff?from=1&#38;to=2"));
    let diff = t.viewer().get(&format!("{url}/diff?from=1&to=2")).await.expect(200);
    assert!(diff.body.contains("what no rule names: denied → allowed"), "{}", diff.body);
    assert!(diff.body.contains("removed: </span>-") && diff.body.contains("added: </span>+"));
    let draft = json!({ "document": DRAFT });
    let compared = t.viewer().ask(http::Method::POST, &format!("{url}/compare"), Some(draft)).await;
    assert!(compared.expect(200).body.contains("allowed → denied"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_call_of_an_unreviewed_tool_is_kept_as_a_test_that_can_pass(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let send = |text: &str| json!([{ "name": "send", "description": text, "inputSchema": {} }]);
    let listing = upstream::Listing::of(send("Sends a note.")).await;
    let typed = [("name", "S"), ("url", listing.url.as_str()), ("auth", "none")];
    let _added = done(t.admin(), &at(&t, "servers"), &typed).await;
    listing.lists(send("Sends a note and your files."));
    let _changed = done(t.admin(), &at(&t, "servers/s/discover"), &[]).await;
    let servers = t.viewer().get("/api/v1/servers").await.expect(200).json();
    let document = json!({ "version": "1", "default": "deny", "tools": { "send": {} } });
    let made = json!({ "name": "P", "server_id": servers["data"][0]["id"], "document": document });
    let id = t.policy_manager().post("/api/v1/policies", made).await.expect(201).text("/id");
    let url = at(&t, &format!("policies/{id}"));

    let typed = [("deed", "try"), ("tool", "send")];
    let tried = t.policy_manager().submit(&format!("{url}/try"), &form(&typed)).await.expect(200);
    assert!(tried.body.contains("waits for review"), "{}", tried.body);
    assert!(tried.body.contains("Save as test: Allowed"), "{}", tried.body);
    let (expect, rule) = ("name=\"expect\" value=\"", "name=\"rule\" value=\"");
    let (expect, rule) = (after(&tried.body, expect), after(&tried.body, rule));
    let test = [("name", "Notes go out"), ("tool", "send"), ("expect", expect), ("rule", rule)];
    let page = done(t.policy_manager(), &format!("{url}/tests"), &test).await;
    assert!(page.body.contains("1 test, and the version in force passes."), "{}", page.body);

    let wrong = [("name", "Nothing goes out"), ("tool", "send"), ("expect", "deny")];
    let sent = t.policy_manager().submit(&format!("{url}/tests"), &form(&wrong)).await.expect(303);
    let news = sent.header("set-cookie");
    assert!(news.contains("the+version+in+force+fails+it"), "{news}");
    assert!(news.contains("Expected+denied%2C+got+allowed."), "{news}");
}
