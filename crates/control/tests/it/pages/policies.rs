//! Policies: made, published, refused, overtaken, restored.

use serde_json::json;
use sqlx::PgPool;
use testkit::TestApp;

use super::{after, at, done, form};
use crate::api::{demo_server, policy};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_recommended_policy_opens_in_the_builder(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let new = t.policy_manager().get(&at(&t, &format!("policies/new?server={server}"))).await;
    assert!(new.body.contains("value=\"Shop policy\""));
    let typed = [("name", "Shop policy"), ("server", server.as_str()), ("start", "balanced")];
    let page = done(t.policy_manager(), &at(&t, "policies"), &typed).await;
    let checked = |tool: &str, rule: &str| {
        page.body.contains(&format!("name=\"rule[{tool}]\" value=\"{rule}\" checked"))
    };
    assert!(checked("list_customers", "allow") && checked("update_customer", "limit"));
    assert!(checked("delete_customer", "approve"));
    assert!(page.body.contains("&#34;recommended&#34;:{}"), "the script's data is escaped text");
    assert!(page.body.contains("No grant uses it yet"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_pasted_document_that_is_wrong_comes_back_with_its_lines(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let text = "{\n  \"version\": \"1\",\n  \"default\": \"maybe\"\n}";
    let typed = [("name", "P"), ("server", ""), ("start", "paste"), ("document", text)];
    let refused = t.policy_manager().submit(&at(&t, "policies"), &form(&typed)).await.expect(422);
    assert!(refused.body.contains("Line 3, column"), "{}", refused.body);
    assert!(refused.body.contains("&#34;default&#34;: &#34;maybe&#34;"));
    let typed = [("name", "P"), ("server", ""), ("start", "balanced")];
    let refused = t.policy_manager().submit(&at(&t, "policies"), &form(&typed)).await.expect(422);
    assert!(refused.body.contains("id=\"server-error\""));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_changes_in_meaning_is_read_before_anything_is_saved(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let text = "version: \"1\"\ntools:\n  pay:\n    rules:\n      - name: few\n        rate_limit: 5/hour\n";
    let typed = [("name", "P"), ("server", ""), ("start", "paste"), ("document", text)];
    let manager = t.policy_manager();
    let page = manager.submit(&at(&t, "policies"), &form(&typed)).await.expect(200);
    assert!(page.body.contains("This is an Intercept policy"), "{}", page.body);
    assert!(page.body.contains("Stricter, line 6") && page.body.contains("pay_rate"));
    assert!(page.body.contains("rate_limit: 5/hour"), "what was typed is still there");
    let listed = t.viewer().get("/api/v1/policies").await.expect(200).json();
    assert_eq!(listed["data"], serde_json::json!([]), "nothing is saved");

    // Something else was pasted meanwhile: it was not read yet.
    let seen = after(&page.body, "name=\"seen\" value=\"");
    let other = text.replace("5/hour", "9/hour");
    let changed = [typed[0], typed[1], typed[2], ("document", &*other), ("seen", seen)];
    let page = manager.submit(&at(&t, "policies"), &form(&changed)).await.expect(200);
    let seen = after(&page.body, "name=\"seen\" value=\"");
    let again = [typed[0], typed[1], typed[2], ("document", &*other), ("seen", seen)];
    let page = done(manager, &at(&t, "policies"), &again).await;
    assert!(page.body.contains("pay_rate"), "{}", page.body);

    // A document of our own has nothing to tell.
    let own = r#"{"version":"1","default":"allow"}"#;
    let typed = [("name", "Q"), ("server", ""), ("start", "paste"), ("document", own)];
    done(manager, &at(&t, "policies"), &typed).await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn without_scripts_the_table_or_the_text_is_published(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = at(&t, &format!("policies/{}", policy(&t, "P").await));
    let table = [
        ("version", "1"),
        ("source", "table"),
        ("document", "not even JSON"),
        ("default", "deny"),
        ("rule[pay]", "limit"),
        ("max[pay]", "3"),
        ("window[pay]", "hour"),
        ("rule[drop]", "hide"),
    ];
    let page = done(t.policy_manager(), &path, &table).await;
    assert!(page.body.contains("Version 2,"), "{}", page.body);
    assert!(page.body.contains("pay_rate") && page.body.contains("&#34;drop&#34;"));
    let text = r#"{"version":"1","default":"deny","tools":{"look":{}}}"#;
    let typed = [("version", "2"), ("source", "document"), ("document", text)];
    let page = done(t.policy_manager(), &path, &typed).await;
    assert!(page.body.contains("Version 3,") && page.body.contains("by Some One"));
    let typed = [("version", "2"), ("live", "3")];
    let page = done(t.policy_manager(), &format!("{path}/restore"), &typed).await;
    assert!(page.body.contains("Version 4,") && page.body.contains("Version 2 restored"));
    assert!(page.body.contains("pay_rate"));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_window_that_the_table_does_not_offer_stays_what_it_is(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let limit = |window: serde_json::Value, counter: &str| json!([{ "counter": counter, "window": window, "max": 100, "scope": "grant" }]);
    let document = json!({ "version": "1", "default": "deny",
        "all_tools": { "limits": limit(json!("week"), "all") },
        "tools": { "create_charge": { "limits": limit(json!("month"), "c") },
                   "list_customers": { "limits": limit(json!(90), "l") } } });
    let made = json!({ "name": "P", "server_id": server, "document": document });
    let id = t.policy_manager().post("/api/v1/policies", made).await.expect(201).text("/id");
    let page = t.policy_manager().get(&at(&t, &format!("policies/{id}"))).await.expect(200);
    let option = |value: &str, words: &str| {
        let option = format!("<option value=\"{value}\" selected>{words}</option>");
        assert!(page.body.contains(&option), "{option}");
    };
    option("week", "week");
    option("month", "month");
    option("90", "90 seconds");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_refused_table_comes_back_with_its_choices(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let made = json!({ "name": "P", "server_id": server,
                       "document": { "version": "1", "default": "deny" } });
    let id = t.policy_manager().post("/api/v1/policies", made).await.expect(201).text("/id");
    let table = [
        ("version", ""),
        ("source", "table"),
        ("default", "deny"),
        ("rule[create_charge]", "deny"),
        ("rule[refund_charge]", "approve"),
        ("rule[list_customers]", "hide"),
        ("rule[get_order]", "limit"),
        ("max[get_order]", ""),
        ("window[get_order]", "day"),
    ];
    let url = at(&t, &format!("policies/{id}"));
    for (version, max, status) in [("1", "", 422), ("9", "5", 412)] {
        let mut table = table;
        (table[0].1, table[7].1) = (version, max);
        let again = t.policy_manager().submit(&url, &form(&table)).await.expect(status);
        let told = again.body.contains("/tools/get_order/limits/0/max");
        assert_eq!(told, status == 422, "whoever used the table finds the tool");
        for (field, choice) in &table[3..7] {
            let radio = format!("name=\"{field}\" value=\"{choice}\" checked");
            assert!(again.body.contains(&radio), "{radio}");
        }
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn restoring_replaces_only_the_version_that_was_shown(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = at(&t, &format!("policies/{}", policy(&t, "P").await));
    let text = "{\"version\":\"1\",\"default\":\"deny\"}";
    for version in ["1", "2"] {
        let typed = [("version", version), ("source", "document"), ("document", text)];
        let _published = done(t.policy_manager(), &path, &typed).await;
    }
    for page in [path.clone(), format!("{path}/versions"), format!("{path}/diff?from=2&to=3")] {
        let page = t.policy_manager().get(&page).await.expect(200);
        assert!(page.body.contains("name=\"live\" value=\"3\""), "{}", page.body);
    }
    let restore = format!("{path}/restore");
    for typed in [form(&[("version", "1"), ("live", "2")]), form(&[("version", "1")])] {
        let late = t.policy_manager().submit(&restore, &typed).await.expect(412);
        assert!(late.body.contains("version 3 is in force now"), "{}", late.body);
        assert!(late.body.contains("name=\"live\" value=\"3\""));
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_refused_or_overtaken_keeps_the_draft(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = at(&t, &format!("policies/{}", policy(&t, "P").await));
    let publish = |version: &'static str, text: &'static str| {
        let typed = form(&[("version", version), ("source", "document"), ("document", text)]);
        let path = &path;
        let t = &t;
        async move { t.policy_manager().submit(path, &typed).await }
    };
    let wrong = publish("1", "{\"version\":\"1\",\n\"defualt\":\"deny\"}").await.expect(422);
    assert!(wrong.body.contains("Error, line 2") && wrong.body.contains("defualt"));
    assert!(wrong.body.contains("aria-invalid=\"true\""));
    let _mine = publish("1", "{\"version\":\"1\",\"default\":\"deny\"}").await.expect(303);
    let wrong = publish("1", "{}").await.expect(422);
    assert!(wrong.body.contains("name=\"version\" value=\"1\""), "theirs was not shown yet");
    let late = publish("1", "{\"version\":\"1\",\"default\":\"allow\"}").await.expect(412);
    assert!(late.body.contains("Version 2 was published by Some One."), "{}", late.body);
    assert!(late.body.contains("&#34;default&#34;:&#34;allow&#34;"), "the draft is kept");
    assert!(late.body.contains("name=\"version\" value=\"2\""), "sending it again replaces theirs");
    let _unsaid = publish("", "{\"version\":\"1\",\"default\":\"allow\"}").await.expect(412);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_draft_that_goes_round_keeps_the_version_that_it_was_made_from(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let path = at(&t, &format!("policies/{}", policy(&t, "P").await));
    let text = "{\"version\":\"1\",\"default\":\"deny\"}";
    let theirs = [("version", "1"), ("source", "document"), ("document", text)];
    let _published = done(t.policy_manager(), &path, &theirs).await;
    let mine = [("version", "1"), ("document", "{\"version\":\"1\",\"default\":\"allow\"}")];
    for way in ["backtest", "draft"] {
        let page = t.policy_manager().submit(&format!("{path}/{way}"), &form(&mine)).await;
        let page = page.expect(200);
        assert!(page.body.contains("name=\"version\" value=\"1\""), "{way}");
    }
    let made = t.policy_manager().submit(&format!("{path}/draft"), &form(&mine[1..])).await;
    assert!(made.expect(200).body.contains("name=\"version\" value=\"2\""));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_builder_is_told_what_is_wrong_as_it_is_typed(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let server = demo_server(&t).await;
    let path = at(&t, &format!("policies/{}/validate", policy(&t, "P").await));
    let text = "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{\"lst_customers\":{}}}";
    let asked = json!({ "document": text, "server_id": server });
    let request = t
        .viewer()
        .request(http::Method::POST, &path)
        .header("content-type", "application/json")
        .header("sec-fetch-site", "same-origin");
    let said = t.viewer().send(request.body(asked.to_string().into()).unwrap()).await.expect(200);
    let said = said.json();
    assert_eq!(said["valid"], true);
    assert_eq!(said["warnings"][0]["pointer"], "/tools/lst_customers", "{said:#}");
}
