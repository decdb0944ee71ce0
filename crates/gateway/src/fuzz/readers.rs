//! Readers of JSON that are more lenient than ours, as servers and clients have them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How a reader takes the keys of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// As they are; of equal ones the last counts, as in most languages.
    LastWins,
    /// Without regard to case; the last counts. Go's decoder folds like this.
    Folding,
    /// Up to the first NUL, as C strings end, without regard to case; the last counts.
    NulEnded,
    /// As if there were no NULs, without regard to case; the last counts.
    NulBlind,
}

impl Reader {
    /// Each of them.
    pub(crate) const ALL: [Self; 4] =
        [Self::LastWins, Self::Folding, Self::NulEnded, Self::NulBlind];

    /// What it reads; `None` where it refuses the bytes.
    pub(crate) fn read(self, bytes: &[u8]) -> Option<Value> {
        let value = serde_json::from_slice::<InOrder>(bytes).ok()?;
        Some(self.kept(value))
    }

    /// A key as it sees it.
    pub(crate) fn key(self, key: &str) -> String {
        match self {
            Self::LastWins => key.to_owned(),
            Self::Folding => key.chars().map(folded).collect(),
            Self::NulEnded => key.chars().take_while(|&c| c != '\0').map(folded).collect(),
            Self::NulBlind => key.chars().filter(|&c| c != '\0').map(folded).collect(),
        }
    }

    fn kept(self, value: InOrder) -> Value {
        match value {
            InOrder::Plain(value) => value,
            InOrder::Array(items) => items.into_iter().map(|item| self.kept(item)).collect(),
            InOrder::Object(members) => {
                let mut map = Map::new();
                for (key, value) in members {
                    map.insert(self.key(&key), self.kept(value));
                }
                Value::Object(map)
            }
        }
    }
}

/// Simple case folding: `ſ` is `s`, the Kelvin sign is `k`.
fn folded(c: char) -> char {
    let single = |mut cased: Box<dyn Iterator<Item = char>>| {
        let first = cased.next()?;
        cased.next().is_none().then_some(first)
    };
    let upper = single(Box::new(c.to_uppercase())).unwrap_or(c);
    single(Box::new(upper.to_lowercase())).unwrap_or(upper)
}

/// JSON with every member of every object, repeated ones too.
enum InOrder {
    Plain(Value),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AsWritten)
    }
}

struct AsWritten;

impl<'de> Visitor<'de> for AsWritten {
    type Value = InOrder;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<InOrder, E> {
        Ok(InOrder::Plain(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<InOrder, E> {
        Ok(InOrder::Plain(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<InOrder, E> {
        Ok(InOrder::Plain(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<InOrder, E> {
        Ok(InOrder::Plain(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<InOrder, E> {
        Ok(InOrder::Plain(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<InOrder, E> {
        Ok(InOrder::Plain(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<InOrder, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(InOrder::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(InOrder::Object(members))
    }
}
