//! An example of a schema: what its fields say, and where they say nothing, something of its kind.

use serde_json::{Map, Value, json};

/// How deep references are followed.
const DEPTH: usize = 16;

/// An example of `schema`; references lead into `schemas`, by name.
pub(super) fn example(schema: &Value, schemas: &Map<String, Value>) -> Value {
    Maker { schemas }.of(schema, "", DEPTH)
}

struct Maker<'s> {
    schemas: &'s Map<String, Value>,
}

impl Maker<'_> {
    fn of(&self, schema: &Value, name: &str, depth: usize) -> Value {
        if let Some(said) = said(schema) {
            return said;
        }
        let Some(depth) = depth.checked_sub(1) else { return Value::Null };
        if let Some(target) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            let target = self.schemas.get(target);
            return target.map_or(Value::Null, |target| self.of(target, name, depth));
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut whole = Map::new();
            for part in parts {
                if let Value::Object(fields) = self.of(part, name, depth) {
                    whole.extend(fields);
                }
            }
            return Value::Object(whole);
        }
        let choices = ["oneOf", "anyOf"].iter().find_map(|key| schema[*key].as_array());
        if let Some(choices) = choices {
            let some = choices.iter().find(|choice| choice["type"] != "null");
            return some.map_or(Value::Null, |choice| self.of(choice, name, depth));
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => json!([self.of(&schema["items"], name, depth)]),
            "string" => Value::from(text(schema, name)),
            "integer" => json!(schema["minimum"].as_i64().unwrap_or(0).max(1)),
            "number" => json!(1.5),
            "boolean" => json!(true),
            _ => json!({}),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let fields = schema["properties"].as_object().into_iter().flatten();
        let fields = fields.map(|(name, field)| (name.clone(), self.of(field, name, depth)));
        Value::Object(fields.collect())
    }
}

/// What the schema itself gives as an example.
fn said(schema: &Value) -> Option<Value> {
    let first = |key: &str| schema[key].as_array().and_then(|values| values.first()).cloned();
    let own = |key: &str| schema.get(key).cloned();
    own("example").or_else(|| first("examples")).or_else(|| own("const")).or_else(|| first("enum"))
}

fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default()
        }
        _ if schema["properties"].is_object() => "object",
        _ => "",
    }
}

/// A text, by its format or the name of its field.
fn text(schema: &Value, name: &str) -> String {
    if schema["format"] == "date-time" {
        return "2026-01-31T12:00:00Z".to_owned();
    }
    if schema["format"] == "password" {
        return "correct horse battery".to_owned();
    }
    let id = |prefix: &str| format!("{prefix}_0199e2a0c1d27b3f8f5a6b7c8d9e0f10");
    match name {
        "server" | "server_id" => id("srv"),
        "policy" | "policy_id" => id("pol"),
        "grant" | "grant_id" => id("grt"),
        "organisation_id" => id("org"),
        "created_by" | "author" | "actor" => id("usr"),
        "url" => "https://billing.example.com/mcp".to_owned(),
        "gateway_url" => "https://gate.example.com/t/acme/mcp".to_owned(),
        "email" => "ada@example.com".to_owned(),
        "slug" => "billing".to_owned(),
        "label" => "ci-runner".to_owned(),
        "tool" => "create_charge".to_owned(),
        "pointer" => "/name".to_owned(),
        "request_id" => "req_0f1e2d3c4b5a69788796a5b4".to_owned(),
        "hint" | "secret_hint" => "wxyz".to_owned(),
        "cursor" | "next_cursor" => "AZnioMHSez-PWmt8jZ4PEA".to_owned(),
        "digest" | "fingerprint" => "5f".repeat(32),
        _ => "text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_field_says_comes_first_and_references_are_followed() {
        let schemas = json!({ "Grant": {
            "type": "object",
            "properties": {
                "label": { "type": "string", "example": "ci" },
                "expires_at": { "type": ["string", "null"], "format": "date-time" },
                "bindings": { "type": "array", "items": { "$ref": "#/components/schemas/Binding" } },
            },
        }, "Binding": {
            "type": "object", "properties": { "server_id": { "type": "string" } },
        } });
        let schemas = schemas.as_object().unwrap();
        let made = example(&json!({ "$ref": "#/components/schemas/Grant" }), schemas);
        assert_eq!(made["label"], "ci");
        assert_eq!(made["expires_at"], "2026-01-31T12:00:00Z");
        assert_eq!(made["bindings"][0]["server_id"], "srv_0199e2a0c1d27b3f8f5a6b7c8d9e0f10");
    }

    #[test]
    fn what_refers_to_itself_ends() {
        let schemas = json!({ "Tree": { "type": "object", "properties": {
            "child": { "$ref": "#/components/schemas/Tree" },
        } } });
        let made =
            example(&json!({ "$ref": "#/components/schemas/Tree" }), schemas.as_object().unwrap());
        assert!(made.is_object());
    }
}
