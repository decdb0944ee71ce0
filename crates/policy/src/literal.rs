//! JSON values of a document: kept exactly, compared exactly, written back as they were.

use std::collections::HashSet;
use std::fmt::Write as _;

use json::{Kind, Node};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::decimal::Decimal;

/// A JSON value. Numbers keep their spelling beside their exact value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// A number that can be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    text: Box<str>,
    value: Decimal,
}

impl Number {
    pub(crate) fn value(&self) -> Decimal {
        self.value
    }
}

impl Literal {
    /// The value of a node; `Err` is the first number in it that cannot be judged.
    pub(crate) fn read(node: Node<'_>) -> Result<Self, Node<'_>> {
        Ok(match node.kind() {
            Kind::Null => Self::Null,
            Kind::Bool => Self::Bool(node.as_bool() == Some(true)),
            Kind::Number => {
                let text = node.raw_str();
                let value = Decimal::parse(text).ok_or(node)?;
                Self::Number(Number { text: text.into(), value })
            }
            Kind::String => Self::Text(node.as_str().unwrap_or_default().into_owned()),
            Kind::Array => Self::List(node.items().map(Self::read).collect::<Result<_, _>>()?),
            Kind::Object => {
                let member = |m: json::Member<'_>| m.key().into_owned();
                let members = node.members();
                let read = members.map(|m| Ok((member(m), Self::read(m.value)?)));
                Self::Object(read.collect::<Result<_, _>>()?)
            }
        })
    }

    /// A number already written in the form of JSON.
    pub(crate) fn number(text: String) -> Self {
        match Decimal::parse(&text) {
            Some(value) => Self::Number(Number { text: text.into(), value }),
            None => Self::Text(text),
        }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// One line of JSON.
    pub(crate) fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None);
        out
    }

    /// JSON as people read it: two spaces a level.
    pub(crate) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0));
        out
    }

    fn write(&self, out: &mut String, level: Option<usize>) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.text),
            Self::Text(text) => out.push_str(&json::quoted(text)),
            Self::List(items) if items.is_empty() => out.push_str("[]"),
            Self::Object(members) if members.is_empty() => out.push_str("{}"),
            Self::List(items) => {
                let inner = level.map(|level| level + 1);
                for (index, item) in items.iter().enumerate() {
                    out.push(if index == 0 { '[' } else { ',' });
                    new_line(out, inner);
                    item.write(out, inner);
                }
                new_line(out, level);
                out.push(']');
            }
            Self::Object(members) => {
                let inner = level.map(|level| level + 1);
                for (index, (key, value)) in members.iter().enumerate() {
                    out.push(if index == 0 { '{' } else { ',' });
                    new_line(out, inner);
                    out.push_str(&json::quoted(key));
                    out.push_str(if inner.is_some() { ": " } else { ":" });
                    value.write(out, inner);
                }
                new_line(out, level);
                out.push('}');
            }
        }
    }
}

// === Values ===

/// Values to be found among: a few one by one, many by hash, so that a long list costs a call no
/// more than a short one.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    one_by_one: Vec<Literal>,
    texts: HashSet<String>,
    numbers: HashSet<Decimal>,
}

impl Values {
    /// Up to this many are compared one by one.
    const FEW: usize = 8;

    pub(crate) fn new(values: &[Literal]) -> Self {
        let (mut one_by_one, mut texts, mut numbers) = (Vec::new(), HashSet::new(), HashSet::new());
        for value in values {
            match value {
                Literal::Text(text) if values.len() > Self::FEW => {
                    texts.insert(text.clone());
                }
                Literal::Number(number) if values.len() > Self::FEW => {
                    numbers.insert(number.value);
                }
                other => one_by_one.push(other.clone()),
            }
        }
        Self { one_by_one, texts, numbers }
    }

    /// Those that have to be compared each.
    pub(crate) fn one_by_one(&self) -> &[Literal] {
        &self.one_by_one
    }

    pub(crate) fn has_text(&self, text: &str) -> bool {
        self.texts.contains(text)
    }

    pub(crate) fn has_number(&self, number: Decimal) -> bool {
        self.numbers.contains(&number)
    }
}

// === Writing ===

fn new_line(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n{:width$}", "", width = level * 2);
    }
}

/// In `serde_json` a number keeps every digit (a raw value); elsewhere the text has to do.
impl Serialize for Literal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => {
                let text = String::from(number.text.as_ref());
                serde_json::value::RawValue::from_string(text)
                    .map_err(S::Error::custom)?
                    .serialize(serializer)
            }
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => items.serialize(serializer),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Literal {
        Literal::read(json::parse(text.as_bytes()).unwrap().root()).unwrap()
    }

    #[test]
    fn values_are_written_back_as_they_were() {
        let text = r#"{"b":[1.50,1e3,null,true,"a\"\n"],"a":{},"c":[]}"#;
        assert_eq!(read(text).compact(), text);
        assert_eq!(serde_json::to_string(&read(text)).unwrap(), text);
        assert_eq!(read(&read(text).pretty()), read(text));
    }

    #[test]
    fn pretty_is_two_spaces_a_level() {
        assert_eq!(read(r#"{"a":[1,{}]}"#).pretty(), "{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
    }

    #[test]
    fn a_number_beyond_judging_is_pointed_at() {
        let tape = json::parse(br#"{"a":[1,1e999]}"#).unwrap();
        assert_eq!(Literal::read(tape.root()).unwrap_err().raw_str(), "1e999");
    }
}
