//! What an input schema tells: the arguments, by their names and types, and which deeds an
//! argument like `action` chooses between.

use std::collections::HashSet;

use policy::Category;
use serde_json::Value;

use crate::lexicon::{self, Verb};
use crate::words;

const MOST_PROPERTIES: usize = 256;
const DEEPEST: usize = 4;

/// One argument.
#[derive(Debug)]
pub(crate) struct Property {
    /// Where it is, in the policy language's own notation: `args.payment.amount`.
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) words: Vec<String>,
    pub(crate) shape: Shape,
    /// It is required, and so is every object around it.
    pub(crate) required: bool,
    pub(crate) depth: usize,
}

/// What may be put into an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Number,
    /// One of a few words, or yes or no.
    Choice,
    List,
    /// Anything that the caller writes.
    Free,
}

impl Property {
    /// Whether a caller may write any text into it, or a list of texts.
    pub(crate) fn is_free(&self) -> bool {
        matches!(self.shape, Shape::Free | Shape::List)
    }

    /// Whether its name has one of these words.
    pub(crate) fn speaks_of(&self, list: &str) -> bool {
        self.words.iter().any(|word| lexicon::is_in(word, list))
    }
}

/// The arguments of a tool.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) properties: Vec<Property>,
    /// Deeds that an argument chooses between, as they are written there.
    pub(crate) actions: Vec<(Verb, String)>,
    /// Every word of every argument's name, and its singular.
    words: HashSet<String>,
    /// All text of the schema that a model reads, a line each.
    pub(crate) text: String,
}

impl Schema {
    /// Reads a schema; one that is no JSON tells nothing.
    pub(crate) fn read(raw: Option<&str>) -> Self {
        let mut schema = Self::default();
        let Some(Ok(value)) = raw.map(serde_json::from_str::<Value>) else { return schema };
        schema.walk(&value, "args", true, 0);
        schema
    }

    /// Whether some argument's name has one of these words.
    pub(crate) fn speaks_of(&self, list: &str) -> bool {
        self.find(list).is_some()
    }

    /// The first argument whose name has one of these words.
    pub(crate) fn find<'a>(&'a self, list: &'a str) -> Option<&'a Property> {
        self.all(list).next()
    }

    /// All arguments whose names have one of these words; cheap where there is none.
    pub(crate) fn all<'a>(&'a self, list: &'a str) -> impl Iterator<Item = &'a Property> {
        let any = list.split(' ').any(|word| self.words.contains(word));
        let searched = if any { self.properties.as_slice() } else { &[] };
        searched.iter().filter(move |property| property.speaks_of(list))
    }

    fn walk(&mut self, value: &Value, path: &str, required: bool, depth: usize) {
        let Some(properties) = value.get("properties").and_then(Value::as_object) else { return };
        let needed = value.get("required").and_then(Value::as_array);
        for (name, of) in properties {
            if self.properties.len() >= MOST_PROPERTIES {
                return;
            }
            let is_needed =
                needed.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)));
            let path = format!("{path}.{name}");
            self.read_property(name, of, &path, required && is_needed, depth);
            if depth < DEEPEST {
                self.walk(of, &path, required && is_needed, depth + 1);
                if let Some(items) = of.get("items") {
                    self.walk(items, &format!("{path}[*]"), false, depth + 1);
                }
            }
        }
    }

    fn read_property(&mut self, name: &str, of: &Value, path: &str, required: bool, depth: usize) {
        let words: Vec<String> =
            words::of_name(name).into_iter().map(|word| word.lower.into_owned()).collect();
        for word in &words {
            self.words.insert(lexicon::singular(word).to_owned());
            self.words.insert(word.clone());
        }
        let one_of = of.get("enum").and_then(Value::as_array).into_iter().flatten();
        let choices: Vec<&str> = one_of.chain(of.get("const")).filter_map(Value::as_str).collect();
        let chooses =
            |word: &String| lexicon::is_in(word, "action operation op mode command method");
        if !choices.is_empty() && words.iter().any(chooses) {
            self.actions.extend(choices.iter().filter_map(|choice| chosen(choice)));
        }
        for text in ["description", "title"] {
            if let Some(text) = of.get(text).and_then(Value::as_str) {
                self.text.push_str(text);
                self.text.push('\n');
            }
        }
        self.properties.push(Property {
            path: path.to_owned(),
            name: name.to_owned(),
            words,
            shape: shape(of, &choices),
            required,
            depth,
        });
    }
}

fn shape(of: &Value, choices: &[&str]) -> Shape {
    let is = |wanted: &str| match of.get("type") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(wanted)),
        _ => false,
    };
    if is("number") || is("integer") {
        Shape::Number
    } else if !choices.is_empty() || is("boolean") {
        Shape::Choice
    } else if is("array") {
        Shape::List
    } else {
        Shape::Free
    }
}

/// The deed of one choice: `delete`, `force-delete`, `POST`.
fn chosen(choice: &str) -> Option<(Verb, String)> {
    let words = words::of_name(choice);
    let verbs = words.iter().filter_map(|word| lexicon::verb(&word.lower));
    let worst = verbs.max_by_key(|verb| verb.category)?;
    (worst.category > Category::Read).then(|| (worst, choice.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_arguments_have_paths_and_know_whether_they_are_required() {
        let schema = Schema::read(Some(
            r#"{"properties":{"payment":{"properties":{"amount":{"type":"number"}},"required":["amount"]},
                "action":{"enum":["list","force-delete"]}},"required":["payment"]}"#,
        ));
        let amount = schema.find("amount").unwrap();
        assert_eq!(
            (amount.path.as_str(), amount.required, amount.shape),
            ("args.payment.amount", true, Shape::Number)
        );
        assert_eq!(schema.actions.len(), 1);
        assert_eq!(schema.actions[0].1, "force-delete");
        assert!(Schema::read(Some("[not json")).properties.is_empty());
        assert!(Schema::read(Some("7")).properties.is_empty());
    }
}
