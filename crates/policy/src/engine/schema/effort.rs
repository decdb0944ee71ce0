//! How much work a validation can be, counted before it is begun.
//!
//! A schema comes from a server that a tenant chose. A few references to references make one that
//! takes longer than the age of the world on `{}`, and the validator has no bounds of its own. So
//! schema and arguments are walked together first, as if every branch had to be looked at.

use serde_json::{Map, Value};

use crate::patterns::sized;

/// The most steps that one validation may take: some tenths of a second.
const MAX_STEPS: usize = 1_000_000;
/// How deep schemas may lead into one another.
const MAX_DEPTH: usize = 256;
/// So many characters or members of a value are looked at in one step.
const SIZE_OF_STEP: usize = 64;
/// Bytes that a pattern of 4 KiB runs over in one step, at its slowest.
const PATTERN_BYTES_A_STEP: usize = 8;

const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Whether every reference in a schema leads to a place in it that a pointer names, which is how
/// they are followed here.
pub(super) fn is_countable(schema: &Value) -> bool {
    let is_old = schema.get("$schema").and_then(Value::as_str).is_some_and(|draft| {
        // There `id` is what moves the base of references.
        draft.contains("draft-04") || draft.contains("draft-03")
    });
    let parts = || schema.as_object().into_iter().flat_map(Map::values);
    !is_old && follows(schema, schema) && parts().all(|part| is_countable_below(schema, part))
}

fn is_countable_below(root: &Value, part: &Value) -> bool {
    // An `$id` inside would move the base of references.
    let moves_base = part.get("$id").is_some_and(Value::is_string);
    let mut parts: Box<dyn Iterator<Item = &Value>> = match part {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => return true,
    };
    !moves_base && follows(root, part) && parts.all(|inner| is_countable_below(root, inner))
}

fn follows(root: &Value, part: &Value) -> bool {
    let texts = REFERENCES.iter().filter_map(|key| part.get(key)?.as_str());
    texts.into_iter().all(|reference| target(root, reference).is_some())
}

fn target<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let pointer = reference.strip_prefix('#').filter(|pointer| !pointer.contains('%'))?;
    root.pointer(pointer)
}

/// How large the largest pattern anywhere in a schema is when compiled; 0 if there is none.
pub(super) fn largest_pattern(schema: &Value) -> usize {
    let inner: Box<dyn Iterator<Item = &Value>> = match schema {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => return 0,
    };
    let own = schema.get("pattern").and_then(Value::as_str);
    let of_keys = schema.get("patternProperties").and_then(Value::as_object);
    let of_keys = of_keys.into_iter().flat_map(Map::keys).map(String::as_str);
    // One that is none of ours is taken for as large as there can be.
    let size = |pattern| sized(pattern).map_or(usize::MAX, |pattern| pattern.size as usize);
    own.into_iter().chain(of_keys).map(size).chain(inner.map(largest_pattern)).max().unwrap_or(0)
}

/// Whether validating the value takes no more than a bounded number of steps.
pub(super) fn is_bounded(schema: &Value, value: &Value, pattern_size: usize) -> bool {
    let mut walk = Walk { root: schema, steps_left: MAX_STEPS, pattern_size };
    walk.visit(schema, value, 0).is_some()
}

struct Walk<'s> {
    root: &'s Value,
    steps_left: usize,
    pattern_size: usize,
}

impl<'s> Walk<'s> {
    /// Counts one schema on one value; `None` once there are no steps left.
    fn visit(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Option<()> {
        let Value::Object(keywords) = schema else { return self.spend(1) };
        if depth > MAX_DEPTH {
            return None;
        }
        let listed = keywords.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
        self.spend(1 + (1 + listed + keywords.len()) * (1 + size(value) / SIZE_OF_STEP))?;
        if let (Value::String(text), true) = (value, keywords.contains_key("pattern")) {
            self.run_pattern(text)?;
        }
        // What is left unevaluated is found by evaluating what stands beside it once more.
        let is_twice = keywords.keys().any(|keyword| keyword.starts_with("unevaluated"));
        for _ in 0..=usize::from(is_twice) {
            for (keyword, argument) in keywords {
                self.same(keyword, argument, value, depth + 1)?;
            }
        }
        for (keyword, argument) in keywords {
            self.inside(keyword, argument, value, depth + 1)?;
        }
        Some(())
    }

    /// Schemas that are applied to the same value.
    fn same(
        &mut self,
        keyword: &str,
        argument: &'s Value,
        value: &Value,
        depth: usize,
    ) -> Option<()> {
        match (keyword, argument) {
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                schemas.iter().try_for_each(|schema| self.visit(schema, value, depth))
            }
            ("dependentSchemas" | "dependencies", Value::Object(schemas)) => {
                schemas.values().try_for_each(|schema| self.visit(schema, value, depth))
            }
            ("not" | "if" | "then" | "else" | "contentSchema", schema) => {
                self.visit(schema, value, depth)
            }
            (keyword, Value::String(reference)) if REFERENCES.contains(&keyword) => {
                self.visit(target(self.root, reference)?, value, depth)
            }
            _ => Some(()),
        }
    }

    /// Schemas that are applied to what is inside the value.
    fn inside(
        &mut self,
        keyword: &str,
        argument: &'s Value,
        value: &Value,
        depth: usize,
    ) -> Option<()> {
        match (value, keyword, argument) {
            (Value::Object(members), "properties", Value::Object(schemas)) => {
                members.iter().try_for_each(|(key, inner)| match schemas.get(key) {
                    Some(schema) => self.visit(schema, inner, depth),
                    None => Some(()),
                })
            }
            (Value::Object(members), "patternProperties", Value::Object(schemas)) => {
                schemas.values().try_for_each(|schema| {
                    members.iter().try_for_each(|(key, inner)| {
                        self.run_pattern(key)?;
                        self.visit(schema, inner, depth)
                    })
                })
            }
            (Value::Object(members), "propertyNames", schema) => {
                members.keys().try_for_each(|key| {
                    self.spend(key.len() / SIZE_OF_STEP)?;
                    self.run_pattern(key)?;
                    self.visit(schema, &Value::Null, depth)
                })
            }
            (Value::Object(members), "additionalProperties" | "unevaluatedProperties", schema) => {
                members.values().try_for_each(|inner| self.visit(schema, inner, depth))
            }
            (Value::Array(items), "prefixItems" | "items", Value::Array(schemas)) => {
                let pairs = schemas.iter().zip(items);
                pairs.into_iter().try_for_each(|(schema, item)| self.visit(schema, item, depth))
            }
            (
                Value::Array(items),
                "items" | "additionalItems" | "unevaluatedItems" | "contains",
                schema,
            ) => items.iter().try_for_each(|item| self.visit(schema, item, depth)),
            _ => Some(()),
        }
    }

    fn run_pattern(&mut self, text: &str) -> Option<()> {
        self.spend(text.len().saturating_mul(self.pattern_size) / PATTERN_BYTES_A_STEP)
    }

    fn spend(&mut self, steps: usize) -> Option<()> {
        self.steps_left = self.steps_left.checked_sub(steps)?;
        Some(())
    }
}

/// Characters of a text, members of an object, items of a list.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, json};

    use super::*;

    /// Each definition twice refers to the next.
    fn doubling(levels: usize, extra: &str) -> Value {
        let level = |n: usize| {
            let next = format!(r##"{{"$ref":"#/$defs/d{}"}}"##, n + 1);
            format!(r#""d{n}":{{"allOf":[{next},{next}]{extra}}}"#)
        };
        let levels_text: Vec<_> = (0..levels).map(level).collect();
        let text = format!(
            r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d{levels}":{{}}}}}}"##,
            levels_text.join(",")
        );
        from_str(&text).unwrap()
    }

    /// Ends at all, which following each reference would not.
    #[test]
    fn schemas_that_multiply_are_given_up() {
        let nested = json!({"x": {"x": {"x": {"x": {"x": {"x": {}}}}}}});
        assert!(!is_bounded(&doubling(60, ""), &json!({}), 0));
        assert!(!is_bounded(
            &doubling(6, r##","properties":{"x":{"$ref":"#/$defs/d0"}}"##),
            &nested,
            0
        ));
        assert!(!is_bounded(&json!({"$ref": "#"}), &json!({}), 0));
        let looks_twice = (0..60)
            .fold(json!({}), |inner, _| json!({"allOf": [inner], "unevaluatedProperties": false}));
        assert!(!is_bounded(&looks_twice, &json!({}), 0));
        let strict = json!({"additionalProperties": {"enum": vec![1; 10_000]}});
        let many: Map<_, _> = (0..1_000).map(|n| (n.to_string(), json!(n))).collect();
        assert!(!is_bounded(&strict, &Value::Object(many), 0));
    }

    #[test]
    fn a_pattern_costs_by_its_size() {
        let of = |pattern: &str| json!({"properties": {"a": {"pattern": pattern}}});
        let (small, large) = (of("^[a-z]+$"), of("1[01]{5000}x"));
        let sizes = [small, large].map(|schema| (largest_pattern(&schema), schema));
        let [(small_size, small), (large_size, large)] = sizes;
        assert!(small_size > 0 && small_size * 16 < large_size, "{small_size} {large_size}");
        let text = json!({"a": "01".repeat(50_000)});
        assert!(is_bounded(&small, &text, small_size));
        assert!(!is_bounded(&large, &text, large_size));
        let names = json!({"patternProperties": {"1[01]{5000}x": {}}});
        let key = json!({"01".repeat(50_000): 1});
        assert!(!is_bounded(&names, &key, largest_pattern(&names)));
        let names = json!({"propertyNames": {"pattern": "1[01]{5000}x"}});
        assert!(!is_bounded(&names, &key, largest_pattern(&names)));
        assert_eq!(largest_pattern(&json!({"properties": {"pattern": {"type": "string"}}})), 0);
    }

    #[test]
    fn honest_schemas_have_room() {
        assert!(is_bounded(&doubling(5, ""), &json!({}), 0));
        let any = json!({"anyOf": [{"type": "string"}, {"items": {"$ref": "#"}},
            {"additionalProperties": {"$ref": "#"}}]});
        let deep = (0..30).fold(json!("x"), |inner, _| json!({"a": [inner]}));
        assert!(is_bounded(&any, &deep, 0));
        let list = json!({"properties": {"ids": {"items": {"type": "integer"}}}});
        assert!(is_bounded(&list, &json!({"ids": vec![7; 10_000]}), 0));
    }

    #[test]
    fn references_must_be_pointers_into_the_schema() {
        for odd in [
            json!({"$ref": "#here", "$defs": {"a": {"$anchor": "here"}}}),
            json!({"$ref": "#/$defs/none"}),
            json!({"$ref": "https://example.com/x"}),
            json!({"properties": {"a": {"$id": "other", "$ref": "#/$defs/x"}}, "$defs": {"x": {}}}),
            json!({"$schema": "http://json-schema.org/draft-04/schema#"}),
            json!({"allOf": [{"items": {"$dynamicRef": "#node"}}]}),
        ] {
            assert!(!is_countable(&odd), "{odd}");
        }
        let usual = json!({"$id": "https://example.com/t", "properties": {"$id": {"type": "string"},
            "a": {"$ref": "#/$defs/x~1y"}, "b": {"$ref": "#"}}, "$defs": {"x/y": {}}});
        assert!(is_countable(&usual));
        assert!(is_countable(&json!(true)));
    }
}
