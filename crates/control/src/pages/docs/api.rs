//! `/docs/api`: every operation of the API, read from its OpenAPI description.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use askama::Template;
use serde_json::{Map, Value};

use crate::api::openapi;
use crate::guard::Anyone;
use crate::pages::parts::in_public;
use crate::pages::visitor::Visitor;

#[derive(Template)]
#[template(path = "docs/api.html")]
pub(crate) struct Api {
    signed_in: bool,
    reference: &'static Reference,
}

in_public!(Api);

/// `GET /docs/api`.
pub(crate) async fn api(_: Anyone, visitor: Visitor) -> Api {
    Api { signed_in: visitor.signed_in, reference: &REFERENCE }
}

static REFERENCE: LazyLock<Reference> = LazyLock::new(|| Reference::of(&openapi::description()));

/// The description, ready to show.
pub(crate) struct Reference {
    about: Vec<Run>,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

/// The operations of one tag.
struct Group {
    id: String,
    title: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: Vec<Vec<Run>>,
    parameters: Vec<Property>,
    body: Type,
    /// An example of the body; empty where there is none.
    sample: String,
    answers: Vec<Answer>,
}

struct Answer {
    status: String,
    text: String,
    kind: Type,
}

/// A named type.
struct Schema {
    id: String,
    name: String,
    description: Vec<Run>,
    properties: Vec<Property>,
}

/// A field or a parameter.
struct Property {
    name: String,
    place: String,
    kind: Type,
    required: bool,
    description: Vec<Run>,
}

/// Prose in which words between backticks are code.
struct Run {
    is_code: bool,
    text: String,
}

/// A type in words, with the place of its description, if it has one on this page.
#[derive(Default)]
struct Type {
    name: String,
    href: String,
}

impl Reference {
    fn of(api: &Value) -> Self {
        let mut groups: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
        for (path, item) in members(&api["paths"]) {
            for (method, operation) in members(item) {
                let tag = at(operation, "/tags/0").as_str().unwrap_or("other");
                let operation = Operation::of(method, path, operation);
                groups.entry(tag.to_owned()).or_default().push(operation);
            }
        }
        let schemas = members(at(api, "/components/schemas"));
        Self {
            about: runs(&text(at(api, "/info/description"))),
            groups: groups.into_iter().map(Group::from).collect(),
            schemas: schemas.map(|(name, schema)| Schema::of(name, schema)).collect(),
        }
    }
}

impl From<(String, Vec<Operation>)> for Group {
    fn from((tag, operations): (String, Vec<Operation>)) -> Self {
        let mut title = tag.replace("api", "API");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self { id: format!("group-{}", tag.replace(' ', "-")), title, operations }
    }
}

impl Operation {
    fn of(method: &str, path: &str, operation: &Value) -> Self {
        let id = format!("{method}{}", path.replace(['/', '{', '}', '.'], "-"));
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let body = at(operation, "/requestBody/content/application~1json/schema");
        let description = text(&operation["description"]);
        let paragraphs = description.split("\n\n").filter(|text| !text.is_empty());
        Self {
            id,
            sample: sample(operation),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: summary(&text(&operation["summary"])),
            description: paragraphs.map(runs).collect(),
            parameters: parameters.map(Property::of_parameter).collect(),
            body: Type::of(body),
            answers: members(&operation["responses"]).map(Answer::of).collect(),
        }
    }
}

/// The summary without the path that it repeats: "`GET /x`: what it does." gives "What it does".
fn summary(text: &str) -> String {
    let said = text.strip_prefix('`').and_then(|rest| rest.split_once("`: ")).map_or(text, |s| s.1);
    let mut said = said.trim_end_matches('.').to_owned();
    if let Some(first) = said.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    said
}

impl Answer {
    fn of((status, response): (&String, &Value)) -> Self {
        let content = members(&response["content"]).next().map(|(_, content)| &content["schema"]);
        Self {
            status: status.clone(),
            text: text(&response["description"]),
            kind: content.map(Type::of).unwrap_or_default(),
        }
    }
}

impl Schema {
    fn of(name: &str, schema: &Value) -> Self {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let property = |(name, property): (&String, &Value)| Property {
            name: name.clone(),
            place: String::new(),
            kind: Type::of(property),
            required: required.contains(&name.as_str()),
            description: runs(&text(&property["description"])),
        };
        Self {
            id: format!("schema-{name}"),
            name: name.to_owned(),
            description: runs(&text(&schema["description"])),
            properties: members(&schema["properties"]).map(property).collect(),
        }
    }
}

impl Property {
    fn of_parameter(parameter: &Value) -> Self {
        Self {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            kind: Type::of(&parameter["schema"]),
            required: parameter["required"] == true,
            description: runs(&text(&parameter["description"])),
        }
    }
}

impl Type {
    fn of(schema: &Value) -> Self {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return Self { name: name.to_owned(), href: format!("#schema-{name}") };
        }
        let choices = ["oneOf", "anyOf", "allOf"].iter().find_map(|key| schema[*key].as_array());
        if let Some(choices) = choices {
            let mut kinds: Vec<Self> = choices.iter().map(Self::of).collect();
            kinds.sort_by_key(|kind| kind.href.is_empty());
            let href = kinds.first().map(|kind| kind.href.clone()).unwrap_or_default();
            let names: Vec<String> = kinds.into_iter().map(|kind| kind.name).collect();
            return Self { name: names.join(" or "), href };
        }
        if schema["items"].is_object() {
            let items = Self::of(&schema["items"]);
            return Self { name: format!("list of {}", items.name), href: items.href };
        }
        Self { name: plain(schema), href: String::new() }
    }
}

/// A type without a name of its own: "string", "integer or null", "one of a, b".
fn plain(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(text).collect();
        return format!("one of {}", values.join(", "));
    }
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        Value::String(kind) => match schema["format"].as_str() {
            Some(format @ ("date-time" | "password")) => format!("{kind}, {format}"),
            _ => kind.clone(),
        },
        _ if schema.is_null() => String::new(),
        _ => "any JSON".to_owned(),
    }
}

/// An example of the body, as one types it.
fn sample(operation: &Value) -> String {
    let sample = at(operation, "/requestBody/content/application~1json/example");
    if sample.is_null() {
        return String::new();
    }
    serde_json::to_string_pretty(sample).unwrap_or_default()
}

fn runs(text: &str) -> Vec<Run> {
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(at, part)| Run { is_code: at % 2 == 1, text: part.to_owned() }).collect()
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl crate::pages::samples::Samples for Api {
        fn samples() -> Vec<Self> {
            vec![Self { signed_in: false, reference: &REFERENCE }]
        }
    }

    #[test]
    fn every_route_of_the_api_is_on_the_page() {
        let shown: Vec<(String, String)> = REFERENCE
            .groups
            .iter()
            .flat_map(|group| &group.operations)
            .map(|operation| (operation.method.clone(), operation.path.clone()))
            .collect();
        let routes = crate::routes::table().into_iter();
        for route in routes.filter(|route| route.surface() == crate::Surface::Api) {
            let wanted = (route.method.to_string(), route.path.to_owned());
            assert!(shown.contains(&wanted), "{wanted:?}");
        }
    }

    #[test]
    fn links_of_the_page_lead_somewhere() {
        let ids: Vec<&str> = REFERENCE.schemas.iter().map(|schema| schema.id.as_str()).collect();
        let operations = REFERENCE.groups.iter().flat_map(|group| &group.operations);
        let kinds = operations.flat_map(|operation| {
            operation.answers.iter().map(|answer| &answer.kind).chain([&operation.body])
        });
        let fields = REFERENCE.schemas.iter().flat_map(|schema| &schema.properties);
        for kind in kinds.chain(fields.map(|field| &field.kind)).filter(|k| !k.href.is_empty()) {
            assert!(ids.contains(&kind.href.trim_start_matches('#')), "{}", kind.href);
        }
    }

    #[test]
    fn summaries_do_not_repeat_the_path() {
        assert_eq!(summary("`GET /api/v1/me`: who calls."), "Who calls");
        assert_eq!(summary("Who calls"), "Who calls");
    }
}
