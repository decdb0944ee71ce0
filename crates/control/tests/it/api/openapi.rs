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

fn operations(described: &Value) -> Vec<(String, Value)> {
    let paths = described["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let item = item.as_object().unwrap().iter();
            item.map(move |(method, operation)| (format!("{method} {path}"), operation.clone()))
        })
        .collect()
}

#[test]
fn every_operation_has_a_name_of_its_own_refusals_and_examples() {
    let described = control::openapi();
    let mut names = BTreeSet::new();
    for (place, operation) in operations(&described) {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{place}: {name} is there twice");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('4')), "{place} refuses nothing");
        for (status, answer) in answers {
            assert!(!answer["description"].as_str().unwrap().is_empty(), "{place} {status}");
            for (media_type, content) in answer["content"].as_object().into_iter().flatten() {
                let is_json = media_type.ends_with("json") && !media_type.contains("ndjson");
                assert!(!is_json || !content["example"].is_null(), "{place} {status}");
            }
        }
        if let Some(body) = operation.get("requestBody") {
            assert!(!body["content"]["application/json"]["example"].is_null(), "{place}");
        }
    }
}

#[test]
fn every_example_is_of_its_schema() {
    let described = control::openapi();
    let mut judged = 0;
    for (place, operation) in operations(&described) {
        let answers = operation["responses"].as_object().unwrap().values();
        let bodies = answers.chain(operation.get("requestBody"));
        for content in bodies.flat_map(|body| body["content"].as_object().into_iter().flatten()) {
            let (schema, example) = (&content.1["schema"], &content.1["example"]);
            if schema.is_null() || example.is_null() {
                continue;
            }
            // References lead into the whole document.
            let mut whole = described.clone();
            whole["$schema"] = Value::from("https://json-schema.org/draft/2020-12/schema");
            whole["allOf"] = serde_json::json!([schema]);
            let judge = jsonschema::validator_for(&whole).unwrap();
            let wrong: Vec<String> = judge.iter_errors(example).map(|e| e.to_string()).collect();
            assert!(wrong.is_empty(), "{place}: {wrong:?} in {example:#}");
            judged += 1;
        }
    }
    assert!(judged > 200, "only {judged} examples");
}

#[test]
fn what_is_made_says_where_it_is_found() {
    let described = control::openapi();
    assert!(!described.to_string().contains("\"properties\":null"), "a schema was broken");
    let links = &described["paths"]["/api/v1/grants"]["post"]["responses"]["201"]["links"];
    assert_eq!(links["grants_show"]["parameters"]["id"], "$response.body#/id");
    let publish = &described["paths"]["/api/v1/policies/{id}/document"]["put"];
    assert!(publish["responses"]["412"].is_object(), "who looks at a version may refuse it");
    let key = &described["paths"]["/api/v1/grants"]["post"]["parameters"];
    assert!(key.as_array().unwrap().iter().any(|p| p["name"] == "Idempotency-Key"));
}
