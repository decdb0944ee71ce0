//! The JSON Schema of the language, so that editors complete and check documents.
//!
//! It is put together from the same lists of words that the parser reads by. What a schema cannot
//! say (patterns that compile, counts over the document) is left to the parser.

use serde_json::{Map, Value, json};

use crate::category::Category;
use crate::condition::Op;
use crate::decimal::MAX_SCALED;
use crate::document::{Effect, Mode, ServerRequest};
use crate::limit::{Algorithm, Scope};
use crate::parse::{
    ACTIONS, APPROVALS_KEYS, DOCUMENT_KEYS, GATE_KEYS, LIMIT_KEYS, MAX_MAX_BYTES, MAX_REDACTIONS,
    MAX_WITH_CHARS, OWN_KEYS, PREDICATE_KEYS, RATE_LIMIT_KEYS, RESPONSE_KEYS, RULE_KEYS,
    SECTION_KEYS,
};
use crate::response::Sensitive;
use crate::window::{MAX_WINDOW_SECS, Window};

/// The JSON Schema (2020-12) of a policy document, sugar included.
pub fn json_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Drawbridge policy, version \"1\"",
        "description": "What an agent may do with one MCP server.",
        "$ref": "#/$defs/document",
        "$defs": {
            "document": object(&DOCUMENT_KEYS, &["version", "default"], document_key),
            "section": object(&SECTION_KEYS, &[], section_key),
            "gates": object(&GATE_KEYS, &[], rule_key),
            "rule": object(&RULE_KEYS, &[], rule_key),
            "predicate": object(&PREDICATE_KEYS, &["conditions"], predicate_key),
            "condition": condition(),
            "limit": object(&LIMIT_KEYS, &["counter", "window", "max"], limit_key),
            "response": not_empty(object(&RESPONSE_KEYS, &[], response_key)),
            "redaction": object(&OWN_KEYS, &OWN_KEYS, redaction_key),
            "approvals": object(&APPROVALS_KEYS, &[], approvals_key),
            "rate_limit": object(&RATE_LIMIT_KEYS, &["max", "window"], limit_key),
            "effect": { "enum": Effect::ALL.map(Effect::as_str) },
            "name": { "type": "string", "minLength": 1, "maxLength": 1000 },
            "names": { "type": "array", "items": { "$ref": "#/$defs/name" } },
            "sentence": { "type": "string", "minLength": 1, "maxLength": 1000 },
            "path": {
                "type": "string",
                "description": "args.a.b, args.items[*].price, or an attribute.",
                "pattern": concat!(
                    r"^(args\.|tool\.annotations\.).+$",
                    r"|^(tool\.category|tool\.risk|grant\.label|client\.name|time\.hour|",
                    r"time\.weekday)$"
                ),
            },
            "window": {
                "anyOf": [
                    { "enum": Window::NAMED.map(Window::name) },
                    { "type": "integer", "minimum": 1, "maximum": MAX_WINDOW_SECS },
                ],
            },
        },
    })
}

fn object(keys: &[&str], required: &[&str], of: fn(&str) -> Value) -> Value {
    let properties: Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), of(key))).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn not_empty(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("minProperties".to_owned(), json!(1));
    }
    schema
}

fn list(of: &str) -> Value {
    json!({ "type": "array", "items": reference(of) })
}

fn reference(of: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{of}") })
}

fn document_key(key: &str) -> Value {
    match key {
        "version" => json!({ "const": "1" }),
        "default" => json!({
            "$ref": "#/$defs/effect",
            "description": "What happens where no rule applies.",
        }),
        "mode" => json!({ "enum": Mode::ALL.map(Mode::as_str) }),
        "hide" => json!({
            "$ref": "#/$defs/names",
            "description": "Names and globs that are not shown and cannot be called.",
        }),
        "all_tools" => reference("gates"),
        "categories" => {
            let rules = Category::ALL.map(|c| (c.as_str().to_owned(), reference("rule")));
            let rules: Map<_, _> = rules.into_iter().collect();
            json!({ "type": "object", "properties": rules, "additionalProperties": false })
        }
        "tools" => json!({
            "type": "object",
            "propertyNames": { "not": { "pattern": r"^\*+$" } },
            "additionalProperties": { "$ref": "#/$defs/rule" },
        }),
        "prompts" | "resources" => reference("section"),
        "server_requests" => {
            let kinds = ServerRequest::ALL.map(|k| (k.as_str().to_owned(), reference("effect")));
            let kinds: Map<_, _> = kinds.into_iter().collect();
            json!({ "type": "object", "properties": kinds, "additionalProperties": false })
        }
        "list_denied" => json!({ "type": "boolean", "default": true }),
        "approvals" => reference("approvals"),
        // `$schema`: whatever it is, it is ignored.
        _ => json!({}),
    }
}

fn section_key(key: &str) -> Value {
    match key {
        "default" => reference("effect"),
        "hide" => reference("names"),
        _ => json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/rule" } }),
    }
}

fn rule_key(key: &str) -> Value {
    match key {
        "require" | "deny_if" | "approve_if" => list("predicate"),
        "limits" => list("limit"),
        "validate_arguments" => json!({ "type": "boolean" }),
        "action" => json!({ "enum": ACTIONS }),
        "reason" => reference("sentence"),
        "rate_limit" => reference("rate_limit"),
        _ => json!({
            "$ref": "#/$defs/response",
            "description": "What is done to the answers of what the rule allows.",
        }),
    }
}

fn predicate_key(key: &str) -> Value {
    match key {
        "conditions" => list("condition"),
        _ => reference("sentence"),
    }
}

fn condition() -> Value {
    let joined = |key: &str, of: Value| {
        json!({
            "type": "object",
            "properties": { key: of },
            "required": [key],
            "additionalProperties": false,
        })
    };
    let several = json!({ "type": "array", "items": reference("condition"), "minItems": 1 });
    json!({
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "path": reference("path"),
                    "op": { "enum": Op::ALL.map(Op::as_str) },
                    "value": {},
                },
                "required": ["path", "op", "value"],
                "additionalProperties": false,
            },
            joined("any", several.clone()),
            joined("all", several),
            joined("not", reference("condition")),
        ],
    })
}

fn response_key(key: &str) -> Value {
    match key {
        "max_bytes" => json!({
            "type": "integer", "minimum": 1, "maximum": MAX_MAX_BYTES,
            "description": "The longest answer that passes, in bytes.",
        }),
        _ => json!({
            "type": "array",
            "maxItems": MAX_REDACTIONS,
            "description": "What is taken out of answers.",
            "items": { "anyOf": [
                { "enum": Sensitive::ALL.map(Sensitive::as_str) },
                reference("redaction"),
            ] },
        }),
    }
}

fn redaction_key(key: &str) -> Value {
    match key {
        "regex" => json!({ "type": "string", "minLength": 1, "maxLength": 1000 }),
        _ => json!({ "type": "string", "maxLength": MAX_WITH_CHARS }),
    }
}

fn approvals_key(key: &str) -> Value {
    match key {
        "approvers" => json!({ "enum": [1, 2], "default": 1 }),
        key => json!({
            "type": "string",
            "pattern": "^[0-9]+[smhd]$",
            "default": if key == "hold" { "50s" } else { "1h" },
        }),
    }
}

fn limit_key(key: &str) -> Value {
    match key {
        "counter" => json!({ "type": "string", "minLength": 1 }),
        "window" => reference("window"),
        "max" => json!({ "type": "number", "minimum": 0, "maximum": MAX_SCALED }),
        "scope" => json!({ "enum": Scope::ALL.map(Scope::as_str), "default": "grant" }),
        "across_servers" => json!({ "type": "boolean", "default": false }),
        "increment_from" | "key" => reference("path"),
        "algorithm" => json!({ "enum": Algorithm::ALL.map(Algorithm::as_str), "default": "fixed" }),
        _ => reference("sentence"),
    }
}
