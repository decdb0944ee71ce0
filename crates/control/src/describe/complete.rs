//! Completes the description that is generated from the handlers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::example::example;
use crate::failure::Kind;
use crate::guard::Right;
use crate::routes::Route;

/// The name of the security scheme.
pub(crate) const BEARER: &str = "bearer";

/// Segments of paths and the prefix of the ids that follow them.
const IDS: [(&str, &str); 8] = [
    ("servers", "srv"),
    ("bindings", "srv"),
    ("policies", "pol"),
    ("grants", "grt"),
    ("api-keys", "key"),
    ("calls", "call"),
    ("webhooks", "whk"),
    ("deliveries", "dlv"),
];

/// Where the schemas of a description are.
const SCHEMAS: &str = "/components/schemas";

/// Fields that are a choice of words, wherever they stand.
const WORDS: [(&str, &[&str]); 3] = [
    ("role", &["viewer", "policy_manager", "admin"]),
    ("transport", &["auto", "streamable_http", "sse"]),
    ("style", &["strict", "balanced", "observe"]),
];

/// Fields that are an id, wherever they stand.
const FIELDS: [(&str, &str); 3] = [("server_id", "srv"), ("policy_id", "pol"), ("grant_id", "grt")];

/// Completes every operation of the API; the table says who may call it.
pub(crate) fn complete(mut api: Value, table: &[Route]) -> Value {
    if let Some(schemas) = api.pointer_mut(SCHEMAS).and_then(Value::as_object_mut) {
        schemas.values_mut().for_each(refine);
    }
    let schemas = api.pointer(SCHEMAS).and_then(Value::as_object).cloned().unwrap_or_default();
    let rights: BTreeMap<(String, &str), Right> = table
        .iter()
        .map(|route| ((route.method.as_str().to_lowercase(), route.path), route.right))
        .collect();
    let Some(paths) = api.get_mut("paths").and_then(Value::as_object_mut) else { return api };
    for (path, item) in paths.iter_mut() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let right = rights.get(&(method.clone(), path.as_str())).copied();
            let place = Place { method, path, right: right.unwrap_or(Right::Anyone) };
            place.complete(operation, &schemas);
        }
    }
    link(paths);
    api
}

/// One operation: what the route table knows of it.
struct Place<'a> {
    method: &'a str,
    path: &'a str,
    right: Right,
}

impl Place<'_> {
    fn complete(&self, operation: &mut Value, schemas: &Map<String, Value>) {
        let verb = operation["operationId"].as_str().unwrap_or_default().to_owned();
        operation["operationId"] = Value::from(self.id(&verb));
        self.guard(operation);
        self.parameters(operation);
        for kind in self.kinds(operation) {
            let status = kind.status().as_str().to_owned();
            if operation["responses"].get(&status).is_none() {
                put(&mut operation["responses"], &status, problem(kind));
            }
        }
        if let Some(responses) = operation["responses"].as_object_mut() {
            responses.sort_keys();
        }
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            if response.get("description").and_then(Value::as_str).unwrap_or_default().is_empty() {
                response["description"] = Value::from(said(status));
            }
            response["headers"] = headers();
            add_examples(&mut response["content"], schemas);
            if response["content"].is_null() {
                response.as_object_mut().map(|fields| fields.remove("content"));
            }
        }
        if let Some(content) = operation.pointer_mut("/requestBody/content") {
            add_examples(content, schemas);
        }
    }

    /// A name that no other operation has: the words of the path, and the verb.
    fn id(&self, verb: &str) -> String {
        let words = self.path.trim_start_matches("/api/v1/").split('/');
        let words = words.filter(|word| !word.starts_with('{'));
        let mut words: Vec<String> =
            words.map(|word| word.trim_end_matches(".json").replace('-', "_")).collect();
        if words.last().is_none_or(|last| last != verb) {
            words.push(verb.to_owned());
        }
        words.join("_")
    }

    fn guard(&self, operation: &mut Value) {
        if self.right == Right::Anyone {
            return;
        }
        operation["security"] = json!([{ BEARER: [] }]);
        if let Right::Permission { name, least } = self.right {
            let text = operation["description"].as_str().unwrap_or_default();
            let gap = if text.is_empty() { "" } else { "\n\n" };
            let text = format!("{text}{gap}Needs `{name}`: role {least} or above.");
            operation["description"] = Value::from(text);
        }
    }

    fn parameters(&self, operation: &mut Value) {
        let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in &mut parameters {
            if parameter["in"] == "path"
                && let Some(prefix) = self.prefix(parameter["name"].as_str().unwrap_or_default())
            {
                let pattern = format!("^{prefix}_[0-9a-f]{{32}}$");
                put(&mut parameter["schema"], "pattern", Value::from(pattern));
                parameter["example"] =
                    Value::from(format!("{prefix}_0199e2a0c1d27b3f8f5a6b7c8d9e0f10"));
            }
        }
        if self.takes_key() {
            parameters.push(json!({
                "name": "Idempotency-Key", "in": "header", "required": false,
                "description": "Sent again within a day with the same body, the request is answered \
                                again and not done again.",
                "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
                "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
            }));
        }
        if !parameters.is_empty() {
            operation["parameters"] = Value::from(parameters);
        }
    }

    /// The prefix of the id that a placeholder stands for.
    fn prefix(&self, name: &str) -> Option<&'static str> {
        let placeholder = format!("{{{name}}}");
        let segments: Vec<&str> = self.path.split('/').collect();
        let at = segments.iter().position(|segment| *segment == placeholder)?;
        let before = segments.get(at.checked_sub(1)?)?;
        IDS.iter().find(|(segment, _)| segment == before).map(|(_, prefix)| *prefix)
    }

    fn takes_key(&self) -> bool {
        self.method == "post" && self.right != Right::Anyone
    }

    /// The refusals that this operation knows.
    fn kinds(&self, operation: &Value) -> Vec<Kind> {
        let mut kinds = vec![Kind::TooMany, Kind::TimedOut, Kind::Internal];
        if self.right != Right::Anyone {
            kinds.extend([Kind::Unauthenticated, Kind::Forbidden, Kind::NotFound]);
        }
        if self.path.starts_with("/api/v1/auth/") && self.method == "post" {
            kinds.extend([Kind::Unauthenticated, Kind::Forbidden]);
        }
        if self.method != "get" || operation.get("parameters").is_some() {
            kinds.push(Kind::Invalid);
        }
        if operation.get("requestBody").is_some() {
            kinds.extend([Kind::Malformed, Kind::TooLarge, Kind::UnsupportedMedia]);
        }
        if self.method != "get" {
            kinds.extend([Kind::Conflict, Kind::Malformed]);
        }
        if takes_version(operation) {
            kinds.push(Kind::Stale);
        }
        // An id that is a word of another path leads there.
        if self.path.contains('{') {
            kinds.push(Kind::MethodNotAllowed);
        }
        kinds
    }
}

/// Says of fields what their types say only in the code: the words of a choice, the form of an id.
fn refine(schema: &mut Value) {
    let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, field) in fields {
        let is_text = field["type"] == "string";
        let may_be_absent = field["type"] == json!(["string", "null"]);
        if !(is_text || may_be_absent) || field.get("enum").is_some() {
            continue;
        }
        if let Some((_, words)) = WORDS.iter().find(|(word, _)| word == name) {
            let mut words: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
            if may_be_absent {
                words.push(Value::Null);
            }
            field["enum"] = Value::from(words);
        }
        if let Some((_, prefix)) = FIELDS.iter().find(|(word, _)| word == name) {
            field["pattern"] = Value::from(format!("^{prefix}_[0-9a-f]{{32}}$"));
        }
    }
}

/// Whether an operation says that it looks at `If-Match`.
fn takes_version(operation: &Value) -> bool {
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.any(|parameter| parameter["name"] == "If-Match")
}

/// Sets a field of an object.
fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn said(status: &str) -> &'static str {
    match status {
        "201" => "Made",
        "204" => "Done; there is nothing to say",
        _ => "Done",
    }
}

/// What every answer carries.
fn headers() -> Value {
    json!({
        "RateLimit": {
            "description": "What is left of the limit, and the seconds until it is whole again.",
            "schema": { "type": "string" }, "example": "\"api\";r=1199;t=42",
        },
        "RateLimit-Policy": {
            "description": "How many requests one credential, or one address, may send in how many \
                            seconds.",
            "schema": { "type": "string" }, "example": "\"api\";q=1200;w=60",
        },
        "X-Request-Id": {
            "description": "Names the request, also in the log.",
            "schema": { "type": "string" }, "example": "req_0f1e2d3c4b5a69788796a5b4",
        },
    })
}

/// A refusal, with an example of it.
fn problem(kind: Kind) -> Value {
    json!({
        "description": kind.title(),
        "content": { "application/problem+json": {
            "schema": { "$ref": "#/components/schemas/Problem" },
            "example": kind.example(),
        } },
    })
}

/// Adds an example to each content that has none.
fn add_examples(content: &mut Value, schemas: &Map<String, Value>) {
    for (media_type, content) in content.as_object_mut().into_iter().flatten() {
        let is_json = media_type == "application/json" || media_type == "application/schema+json";
        if is_json && content.get("example").is_none() && content.get("schema").is_some() {
            content["example"] = example(&content["schema"], schemas);
        }
    }
}

/// Says of each thing that is made where it is found: its `id` is the `id` of what lies below.
fn link(paths: &mut Map<String, Value>) {
    let operations: Vec<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(_, operation)| {
                (path.clone(), operation["operationId"].as_str().unwrap_or_default().to_owned())
            })
        })
        .collect();
    for (path, item) in paths.iter_mut() {
        let below = format!("{path}/{{id}}");
        let links: Map<String, Value> = operations
            .iter()
            .filter(|(other, _)| *other == below || other.starts_with(&format!("{below}/")))
            .filter(|(other, _)| other.matches('{').count() == 1)
            .map(|(_, id)| {
                let parameters = json!({ "id": "$response.body#/id" });
                (id.clone(), json!({ "operationId": id, "parameters": parameters }))
            })
            .collect();
        if let Some(made) = item.pointer_mut("/post/responses/201")
            && !links.is_empty()
        {
            put(made, "links", Value::Object(links));
        }
    }
}
