//! `validate_arguments`: the arguments against the tool's own pinned input schema.

mod effort;

use json::{Kind, Node};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Number, Value};

/// Floats tell decimals of so many digits apart; longer ones cannot be judged by the validator.
const FLOAT_DIGITS: usize = 15;
/// The most memory that one pattern of a schema may take when compiled.
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// The longest part of a validator's sentence that is passed on.
const MAX_REASON_CHARS: usize = 300;

/// A tool's input schema, compiled once.
pub(crate) enum Schema {
    Ready(Box<Ready>),
    /// There is none, or it cannot be used: no arguments can be shown to fit it.
    Unusable(String),
}

pub(crate) struct Ready {
    validator: Validator,
    source: Value,
    /// Of its largest pattern.
    pattern_size: usize,
}

impl Schema {
    /// Compiles a schema. References over the network do not resolve, and patterns are linear.
    pub(crate) fn compile(text: Option<&str>) -> Self {
        let Some(text) = text else {
            return Self::Unusable("the tool has no input schema".to_owned());
        };
        let schema: Value = match serde_json::from_str(text) {
            Ok(schema) => schema,
            Err(_unreadable) => return Self::Unusable("its input schema is not JSON".to_owned()),
        };
        if !effort::is_countable(&schema) {
            let why = "its input schema has references that lead elsewhere than into itself";
            return Self::Unusable(why.to_owned());
        }
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES);
        match jsonschema::options().offline().with_pattern_options(patterns).build(&schema) {
            Ok(validator) => {
                let pattern_size = effort::largest_pattern(&schema);
                Self::Ready(Box::new(Ready { validator, source: schema, pattern_size }))
            }
            Err(error) => Self::Unusable(format!(
                "its input schema cannot be used ({})",
                shortened(&error.masked().to_string())
            )),
        }
    }

    /// Why the arguments do not fit, in words that quote none of their values.
    pub(crate) fn objection(&self, arguments: Option<Node<'_>>) -> Option<String> {
        let Ready { validator, source, pattern_size } = match self {
            Self::Ready(ready) => &**ready,
            Self::Unusable(why) => {
                return Some(format!("This call cannot be checked: {why}."));
            }
        };
        let arguments = match arguments {
            None => Value::Object(Map::new()),
            Some(node) => match value(node) {
                Some(value) => value,
                None => {
                    return Some("The arguments have a number that is too long to check.".into());
                }
            },
        };
        if !effort::is_bounded(source, &arguments, *pattern_size) {
            let words = "Checking the arguments against the tool's schema would take too long.";
            return Some(words.to_owned());
        }
        let error = validator.validate(&arguments).err()?;
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { "arguments".to_owned() } else { place };
        let reason = shortened(&error.masked().to_string());
        Some(format!("The arguments do not fit the tool's schema: {place}: {reason}."))
    }
}

fn shortened(text: &str) -> String {
    let text = text.trim_end_matches('.');
    match text.char_indices().nth(MAX_REASON_CHARS) {
        Some((cut, _)) => format!("{}…", text.split_at(cut).0),
        None => text.to_owned(),
    }
}

/// The value as the validator takes it; `None` if a number would change on the way.
fn value(node: Node<'_>) -> Option<Value> {
    Some(match node.kind() {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(node.as_bool() == Some(true)),
        Kind::Number => Value::Number(number(node.raw_str())?),
        Kind::String => Value::String(node.as_str()?.into_owned()),
        Kind::Array => Value::Array(node.items().map(value).collect::<Option<_>>()?),
        Kind::Object => Value::Object(
            node.members()
                .map(|member| Some((member.key().into_owned(), value(member.value)?)))
                .collect::<Option<_>>()?,
        ),
    })
}

fn number(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|b| *b == b'0').count();
    if digits > FLOAT_DIGITS {
        return None;
    }
    let float: f64 = text.parse().ok()?;
    // A value that underflows to zero is not zero.
    let has_vanished = float == 0.0 && digits > 0;
    if has_vanished { None } else { Number::from_f64(float) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objection(schema: &str, arguments: &str) -> Option<String> {
        let tape = json::parse(arguments.as_bytes()).unwrap();
        Schema::compile(Some(schema)).objection(Some(tape.root()))
    }

    #[test]
    fn what_does_not_fit_is_named_but_not_quoted() {
        let schema = r#"{"type":"object","properties":{"amount":{"type":"number","maximum":10}},
            "required":["amount"],"additionalProperties":false}"#;
        assert_eq!(objection(schema, r#"{"amount":10}"#), None);
        assert_eq!(objection(schema, r#"{"amount":10.0}"#), None);
        let why = objection(schema, r#"{"amount":"s3cret"}"#).unwrap();
        assert!(why.contains("/amount") && !why.contains("s3cret"), "{why}");
        assert!(objection(schema, r#"{"amount":10.5}"#).is_some());
        assert!(objection(schema, "{}").unwrap().contains("required"));
        assert!(objection(schema, r#"{"amount":1,"b":2}"#).is_some());
    }

    #[test]
    fn a_number_that_a_float_would_bend_is_refused() {
        let schema = r#"{"properties":{"a":{"maximum":10}}}"#;
        for bent in ["10.0000000000000001", "1e-400", "1e400", "123456789012345678901234567890"] {
            assert!(objection(schema, &format!("{{\"a\":{bent}}}")).is_some(), "{bent}");
        }
        for exact in ["9.99", "-1e-5", "9007199254740993e0", "0.0"] {
            let arguments = format!("{{\"b\":{exact}}}");
            let is_long = exact.len() > 16;
            assert_eq!(objection(schema, &arguments).is_some(), is_long, "{exact}");
        }
    }

    #[test]
    fn a_schema_that_cannot_be_used_lets_nothing_pass() {
        for broken in [
            "{",
            r#"{"type":"nonsense"}"#,
            r#"{"$ref":"https://example.com/schema.json"}"#,
            r#"{"pattern":"(?=x)"}"#,
        ] {
            assert!(objection(broken, "{}").is_some(), "{broken}");
        }
        assert!(Schema::compile(None).objection(None).is_some());
    }

    #[test]
    fn no_arguments_are_an_empty_object() {
        let schema = Schema::compile(Some(r#"{"type":"object","required":["a"]}"#));
        assert!(schema.objection(None).is_some());
        assert!(Schema::compile(Some(r#"{"type":"object"}"#)).objection(None).is_none());
    }
}
