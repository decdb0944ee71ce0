//! JSON Schema, as much of it as made tools have.

use super::numbers::Number;
use crate::fuzz::tree::Tree;

pub(super) fn fits(schema: Option<&Tree>, arguments: &Tree) -> bool {
    // Nothing can be shown to fit a schema that is not there.
    let Some(schema) = schema else { return false };
    let none = Tree::Object(Vec::new());
    let arguments = if *arguments == Tree::Null { &none } else { arguments };
    survives_a_float(arguments) && fits_one(schema, arguments)
}

fn fits_one(schema: &Tree, value: &Tree) -> bool {
    let members = value.members();
    let has = |key: &str| members.iter().any(|(name, _)| name == key);
    let properties = schema.get("properties");
    let property = |key: &str| properties.and_then(|properties| properties.get(key));
    let number = Number::read(value);
    let is_of_type =
        schema.get("type").and_then(Tree::as_text).is_none_or(|kind| match (kind, value) {
            ("object", Tree::Object(_))
            | ("array", Tree::List(_))
            | ("string", Tree::Text(_))
            | ("number", Tree::Number(_)) => true,
            ("integer", Tree::Number(_)) => number.as_ref().is_some_and(Number::is_whole),
            _ => false,
        });
    let most = schema.get("maximum").and_then(Number::read);
    let is_in_bounds = match (&number, &most) {
        (Some(number), Some(most)) => number.cmp(most).is_le(),
        _ => true,
    };
    let required = schema.get("required").map(Tree::items).unwrap_or_default();
    let has_all =
        !matches!(value, Tree::Object(_)) || required.iter().filter_map(Tree::as_text).all(has);
    let is_closed = schema.get("additionalProperties") == Some(&Tree::Bool(false));
    let fits_member = |(key, inner): &(String, Tree)| match property(key) {
        Some(schema) => fits_one(schema, inner),
        None => !is_closed,
    };
    is_of_type && is_in_bounds && has_all && members.iter().all(fits_member)
}

/// A number that binary floats tell apart from its neighbours; others are refused here.
fn survives_a_float(value: &Tree) -> bool {
    match value {
        Tree::Number(text) => {
            let is_whole = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
            let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
            let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
            let is_short = digits.trim_start_matches('0').len() <= 15;
            let float: f64 = text.parse().unwrap_or(f64::INFINITY);
            let has_vanished = float == 0.0 && digits.contains(|digit| digit != '0');
            is_whole || (is_short && float.is_finite() && !has_vanished)
        }
        Tree::List(items) => items.iter().all(survives_a_float),
        Tree::Object(members) => members.iter().all(|(_, inner)| survives_a_float(inner)),
        _ => true,
    }
}
