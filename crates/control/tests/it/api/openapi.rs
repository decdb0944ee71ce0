//! The description of the API.

use std::collections::BTreeSet;

use control::Surface;
use control::routes::table;
use serde_json::Value;
use sqlx::PgPool;
use testkit::TestApp;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_route_of_the_api_is_described_and_nothing_else_is(pool: PgPool) {
    let described = TestApp::new(pool).anonymous().get("/api/v1/openapi.json").await.expect(200);
    let described = described.json();
    assert_eq!(described["openapi"], "3.1.0");
    let routes: BTreeSet<(String, String)> = table()
        .into_iter()
        .filter(|route| route.surface() == Surface::Api)
        .map(|route| (route.method.as_str().to_lowercase(), route.path.to_owned()))
        .collect();
    let mut paths = BTreeSet::new();
    for (path, item) in described["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            paths.insert((method.clone(), path.clone()));
        }
    }
    assert_eq!(paths, routes);
}

#[test]
fn what_needs_a_credential_says_so_and_every_reference_leads_somewhere() {
    let described = serde_json::to_value(control::openapi()).unwrap();
    let create = &described["paths"]["/api/v1/grants"]["post"];
    assert_eq!(create["security"], serde_json::json!([{ "bearer": [] }]));
    assert!(create["description"].as_str().unwrap().contains("role admin"));
    assert!(create["responses"]["403"]["content"]["application/problem+json"].is_object());
    assert!(described["paths"]["/api/v1/auth/token"]["post"]["security"].is_null());
    let mut references = Vec::new();
    collect(&described, &mut references);
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(described.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(target) if key == "$ref" => references.push(target.clone()),
                    other => collect(other, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
