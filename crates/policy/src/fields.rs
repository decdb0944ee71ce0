//! What a tool's input schema says can be looked at: its arguments as paths of the language.

use serde::Serialize;
use serde_json::Value;

use crate::path::Path;

/// As many as a person looks through.
const MAX_FIELDS: usize = 200;
const MAX_DEPTH: usize = 6;

/// An argument of a tool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// Such as `args.items[*].price`.
    pub path: String,
    /// `string`, `number` (integers too), `boolean`, `array`, `object`; `None` where the schema
    /// does not say, or says several.
    #[serde(rename = "type")]
    pub kind: Option<&'static str>,
    /// The values it can have, if the schema lists texts or numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

/// The arguments that a JSON Schema names, in its order, nested ones after what holds them. What no
/// path can name is left out.
///
/// ```
/// let fields = policy::fields(r#"{"properties":{"items":{"type":"array","items":{"properties":
///     {"price":{"type":"integer"}}}}}}"#);
/// assert_eq!(fields[1].path, "args.items[*].price");
/// ```
pub fn fields(schema: &str) -> Vec<Field> {
    let Ok(schema) = serde_json::from_str::<Value>(schema) else { return Vec::new() };
    let mut found = Found { root: &schema, fields: Vec::new() };
    found.members("args", &schema, 0);
    found.fields
}

struct Found<'s> {
    root: &'s Value,
    fields: Vec<Field>,
}

impl<'s> Found<'s> {
    fn members(&mut self, path: &str, schema: &'s Value, depth: usize) {
        for part in parts(self.root, schema) {
            for (name, property) in
                part.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                self.field(&format!("{path}.{name}"), property, depth + 1);
            }
        }
    }

    fn field(&mut self, path: &str, schema: &'s Value, depth: usize) {
        let is_known = self.fields.iter().any(|field| field.path == path);
        let is_path = Path::parse(path).is_ok_and(|parsed| parsed.steps_count() == depth);
        if is_known || !is_path || depth > MAX_DEPTH || self.fields.len() >= MAX_FIELDS {
            return;
        }
        let kind = kind(self.root, schema);
        let values = values(self.root, schema);
        self.fields.push(Field { path: path.to_owned(), kind, values });
        self.members(path, schema, depth);
        let items = parts(self.root, schema).into_iter().find_map(|part| part.get("items"));
        if let Some(items) = items.filter(|items| items.is_object()) {
            let each = format!("{path}[*]");
            let is_plain = kind_of_plain(self.root, items);
            if is_plain {
                self.field(&each, items, depth + 1);
            } else {
                self.members(&each, items, depth + 1);
            }
        }
    }
}

/// A schema and what it refers to or combines, within reason.
fn parts<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    let mut parts = vec![schema];
    let mut next = 0;
    while let Some(part) = parts.get(next).copied() {
        next += 1;
        let referred = part.get("$ref").and_then(Value::as_str);
        let referred = referred.and_then(|to| root.pointer(to.strip_prefix('#')?));
        let combined = ["allOf", "anyOf", "oneOf"].into_iter();
        let combined = combined.filter_map(|key| part.get(key)?.as_array()).flatten();
        for more in referred.into_iter().chain(combined) {
            let is_new = !parts.iter().any(|known| std::ptr::eq(*known, more));
            if is_new && parts.len() < 32 {
                parts.push(more);
            }
        }
    }
    parts
}

fn kind(root: &Value, schema: &Value) -> Option<&'static str> {
    let mut kinds = Vec::new();
    for part in parts(root, schema) {
        match part.get("type") {
            Some(Value::String(name)) => kinds.push(name.as_str()),
            Some(Value::Array(names)) => kinds.extend(names.iter().filter_map(Value::as_str)),
            _ => {}
        }
    }
    let word = |name: &str| match name {
        "string" => Some("string"),
        "number" | "integer" => Some("number"),
        "boolean" => Some("boolean"),
        "array" => Some("array"),
        "object" => Some("object"),
        _ => None,
    };
    let mut words = kinds.into_iter().filter_map(word);
    let first = words.next()?;
    words.all(|other| other == first).then_some(first)
}

fn kind_of_plain(root: &Value, schema: &Value) -> bool {
    matches!(kind(root, schema), Some("string" | "number" | "boolean"))
}

fn values(root: &Value, schema: &Value) -> Vec<Value> {
    let parts = parts(root, schema);
    let listed = parts.iter().find_map(|part| part.get("enum")?.as_array());
    let is_plain = |value: &&Value| value.is_string() || value.is_number();
    listed.into_iter().flatten().filter(is_plain).take(MAX_FIELDS).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(schema: &str) -> String {
        let word = |field: Field| {
            let values = if field.values.is_empty() {
                String::new()
            } else {
                format!(" {}", Value::from(field.values))
            };
            format!("{}:{}{values}", field.path, field.kind.unwrap_or("?"))
        };
        fields(schema).into_iter().map(word).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn nested_arguments_are_paths() {
        let schema = r##"{"type":"object","properties":{
            "b":{"type":"integer"},
            "a":{"type":["string","null"],"enum":["x","y",null]},
            "list":{"type":"array","items":{"type":"string"}},
            "rows":{"type":"array","items":{"$ref":"#/$defs/row"}},
            "both":{"anyOf":[{"type":"string"},{"type":"number"}]},
            "in":{"type":"object","properties":{"deep":{"type":"boolean"}}},
            "not a.path[":{"type":"string"}},
            "$defs":{"row":{"type":"object","properties":{
                "price":{"type":"number"},"next":{"$ref":"#/$defs/row"}}}}}"##;
        let found = listed(schema);
        assert!(
            found.starts_with(
                "args.b:number\nargs.a:string [\"x\",\"y\"]\nargs.list:array\nargs.list[*]:string\n\
             args.rows:array\nargs.rows[*].price:number\nargs.rows[*].next:object\n\
             args.rows[*].next.price:number"
            ),
            "{found}"
        );
        assert!(found.ends_with("args.both:?\nargs.in:object\nargs.in.deep:boolean"), "{found}");
        assert!(fields(schema).iter().all(|field| Path::parse(&field.path).is_ok()));
    }

    #[test]
    fn no_schema_is_too_strange() {
        for schema in ["", "5", "[]", "{}", r##"{"$ref":"#"}"##, r#"{"properties":5}"#] {
            assert!(fields(schema).is_empty(), "{schema}");
        }
        let wide: Vec<String> = (0..500).map(|n| format!("\"p{n}\":{{}}")).collect();
        assert_eq!(fields(&format!("{{\"properties\":{{{}}}}}", wide.join(","))).len(), MAX_FIELDS);
    }
}
