//! Key variants: `Amount` beside a rule that names `amount`, or two keys that a careless server
//! would take for one. Judged at every level of the arguments.

use std::borrow::Cow;
use std::collections::BTreeSet;

use json::{Kind, Node};
use smallvec::SmallVec;

use crate::fold::{fold, is_printable_ascii};
use crate::path::{Path, Step};

/// Up to this many keys are compared one by one.
const FEW: usize = 16;

/// The keys that the applicable rules name, level by level.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    /// Sorted by folded key.
    named: Vec<Named>,
    /// What is named below each element of a list.
    each: Option<Box<Self>>,
}

#[derive(Debug, Clone)]
struct Named {
    key: Box<str>,
    folded: Box<str>,
    rule: Box<str>,
    below: Keys,
}

/// Why keys let no call pass.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Clash<'k> {
    /// The arguments are no object.
    NotAnObject,
    /// A key that is a variant of one that a rule names.
    Variant { rule: &'k str, named: &'k str, written: String },
    /// Two keys of one object that are variants of each other.
    Twins { written: String },
    /// A key with a NUL in it, where some readers stop and which others leave out.
    Nul { written: String },
}

impl Clash<'_> {
    /// For the agent.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::NotAnObject => "The arguments must be an object.".to_owned(),
            Self::Variant { named, written, .. } => format!(
                "The key \"{written}\" could be taken for \"{named}\": write \"{named}\" exactly."
            ),
            Self::Twins { written } => format!(
                "The key \"{written}\" differs from another one only by case or folding: leave \
                 one of them out."
            ),
            Self::Nul { written } => {
                format!("The key {written:?} has a NUL in it: leave it out.")
            }
        }
    }
}

impl Keys {
    /// Adds the keys of a path, named by a rule. The first rule to name a key answers for it.
    pub(crate) fn add(&mut self, path: &Path, rule: &str) {
        if !path.is_of_arguments() {
            return;
        }
        let mut here = self;
        for step in path.steps() {
            here = match step {
                Step::Each => here.each.get_or_insert_default(),
                Step::Key(key) => here.below(key, rule),
            };
        }
    }

    fn below(&mut self, key: &str, rule: &str) -> &mut Self {
        let folded = fold(key).into_owned().into_boxed_str();
        let order = |named: &Named| (&*named.folded, &*named.key).cmp(&(&*folded, key));
        let at = match self.named.binary_search_by(order) {
            Ok(at) => at,
            Err(at) => {
                let named =
                    Named { key: key.into(), folded, rule: rule.into(), below: Self::default() };
                self.named.insert(at, named);
                at
            }
        };
        #[expect(clippy::indexing_slicing, reason = "the search has just found or filled it")]
        &mut self.named[at].below
    }

    /// What this makes of a key.
    fn sight(&self, key: &str) -> Sight<'_> {
        if self.named.is_empty() {
            return Sight::Other;
        }
        let is_simple = is_printable_ascii(key) && self.named.len() <= FEW;
        let folded = if is_simple { None } else { Some(fold(key)) };
        let alike = |named: &&Named| match &folded {
            Some(folded) => *named.folded == **folded,
            None => named.folded.eq_ignore_ascii_case(key),
        };
        let start = match &folded {
            Some(folded) => self.named.partition_point(|named| *named.folded < **folded),
            None => 0,
        };
        let mut alikes = self.named.iter().skip(start);
        let Some(first) = alikes.by_ref().find(alike) else { return Sight::Other };
        let mut all = std::iter::once(first).chain(alikes.take_while(alike));
        match all.find(|named| *named.key == *key) {
            Some(exact) => Sight::Named(&exact.below),
            None => Sight::Variant(first),
        }
    }
}

/// What a key is to those that rules name at its level.
enum Sight<'k> {
    /// One of them.
    Named(&'k Keys),
    /// A variant of one of them.
    Variant(&'k Named),
    /// None of them.
    Other,
}

/// The keys that `all_tools` and the rule name, each where it names any. They are not merged, as
/// every rule would then carry those of `all_tools`.
pub(crate) type Layers<'k> = [Option<&'k Keys>; 2];

/// The first thing that is wrong with the keys of a call's arguments.
pub(crate) fn clash<'k>(arguments: Node<'_>, layers: Layers<'k>) -> Option<Clash<'k>> {
    if arguments.is_object() { clash_in(arguments, layers) } else { Some(Clash::NotAnObject) }
}

fn clash_in<'k>(node: Node<'_>, layers: Layers<'k>) -> Option<Clash<'k>> {
    match node.kind() {
        Kind::Object => {
            let members: SmallVec<[_; FEW]> = node.members().map(|m| (m.key(), m.value)).collect();
            if let Some((written, _)) = members.iter().find(|(key, _)| key.contains('\0')) {
                return Some(Clash::Nul { written: written.clone().into_owned() });
            }
            if let Some(written) = twin(&members) {
                return Some(Clash::Twins { written: written.to_owned() });
            }
            members.iter().find_map(|(key, value)| match below(key, layers) {
                Ok(below) => clash_in(*value, below),
                Err(variant) => Some(variant),
            })
        }
        Kind::Array => {
            let each = layers.map(|keys| keys.and_then(|keys| keys.each.as_deref()));
            node.items().find_map(|item| clash_in(item, each))
        }
        _ => None,
    }
}

/// What is named below a key, or what it is a variant of. Exact in one layer is exact.
fn below<'k>(key: &str, layers: Layers<'k>) -> Result<Layers<'k>, Clash<'k>> {
    let sights = layers.map(|keys| keys.map_or(Sight::Other, |keys| keys.sight(key)));
    let is_named = sights.iter().any(|sight| matches!(sight, Sight::Named(_)));
    let variant = sights.iter().find_map(|sight| match sight {
        Sight::Variant(named) if !is_named => Some(*named),
        _ => None,
    });
    if let Some(Named { key: named, rule, .. }) = variant {
        return Err(Clash::Variant { rule, named, written: key.to_owned() });
    }
    Ok(sights.map(|sight| match sight {
        Sight::Named(below) => Some(below),
        Sight::Variant(_) | Sight::Other => None,
    }))
}

/// A key that folds to the same as an earlier one.
fn twin<'m>(members: &'m [(Cow<'_, str>, Node<'_>)]) -> Option<&'m str> {
    let keys = || members.iter().map(|(key, _)| &**key);
    if members.len() <= FEW && keys().all(is_printable_ascii) {
        let is_late = |(index, key): &(usize, &str)| {
            keys().take(*index).any(|earlier| earlier.eq_ignore_ascii_case(key))
        };
        return keys().enumerate().find(is_late).map(|(_, key)| key);
    }
    let mut seen = BTreeSet::new();
    keys().find(|key| !seen.insert(fold(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(paths: &[&str]) -> Keys {
        let mut keys = Keys::default();
        for path in paths {
            keys.add(&Path::parse(path).unwrap(), path);
        }
        keys
    }

    fn variant(keys: &Keys, arguments: &str) -> Option<String> {
        let tape = json::parse(arguments.as_bytes()).unwrap();
        clash(tape.root(), [None, Some(keys)]).map(|clash| match clash {
            Clash::Variant { rule, written, .. } => format!("{written} for {rule}"),
            Clash::Twins { written } => format!("twin {written}"),
            Clash::Nul { .. } => "nul".to_owned(),
            Clash::NotAnObject => "not an object".to_owned(),
        })
    }

    #[test]
    fn variants_are_found_at_the_level_where_they_are_named() {
        let keys =
            keys(&["args.amount", "args.options.force", "args.items[*].price", "args.émile"]);
        let found = |arguments| variant(&keys, arguments);
        assert_eq!(found(r#"{"amount":1,"options":{"force":1},"items":[{"price":1}]}"#), None);
        assert_eq!(found(r#"{"Amount":1}"#).as_deref(), Some("Amount for args.amount"));
        assert_eq!(
            found(r#"{"options":{"FORCE":1}}"#).as_deref(),
            Some("FORCE for args.options.force")
        );
        assert_eq!(
            found(r#"{"items":[{"price":1},{"Price":1}]}"#).as_deref(),
            Some("Price for args.items[*].price")
        );
        assert_eq!(found(r#"{"ÉMILE":1}"#).as_deref(), Some("ÉMILE for args.émile"));
        assert_eq!(found("{\"amount\u{200b}\":1}").map(|f| f.ends_with("args.amount")), Some(true));
        for key in ["amount\\u0000", "amount\\u0000x", "am\\u0000ount", "\\u0000amount"] {
            let found = variant(&keys, &format!("{{\"{key}\":1}}"));
            assert_eq!(found.as_deref(), Some("nul"), "{key}");
        }
        // Named elsewhere, so not meant here.
        assert_eq!(found(r#"{"other":{"Amount":1},"Force":1}"#), None);
        assert_eq!(found("[]").as_deref(), Some("not an object"));
    }

    #[test]
    fn twins_are_found_at_any_depth() {
        let none = Keys::default();
        let found = |arguments: &str| variant(&none, arguments);
        assert_eq!(found(r#"{"a":1,"A":2}"#).as_deref(), Some("twin A"));
        assert_eq!(found(r#"{"x":[{"y":{"é":1,"É":2}}]}"#).as_deref(), Some("twin É"));
        assert_eq!(found(r#"{"a":{"b":1},"c":{"B":1}}"#), None);
        assert!(found(r#"{"a":1,"a\u0000":2}"#).is_some());
        let many: Vec<_> = (0..40).map(|n| format!("\"k{n}\":1")).collect();
        assert_eq!(found(&format!("{{{},\"K7\":1}}", many.join(","))).as_deref(), Some("twin K7"));
    }

    #[test]
    fn exact_in_one_layer_is_exact() {
        let (shared, own) = (keys(&["args.id", "args.o.x"]), keys(&["args.ID", "args.o.y"]));
        let found = |arguments: &str| {
            let tape = json::parse(arguments.as_bytes()).unwrap();
            clash(tape.root(), [Some(&shared), Some(&own)]).is_some()
        };
        assert!(!found(r#"{"id":1}"#) && !found(r#"{"ID":1}"#) && found(r#"{"Id":1}"#));
        assert!(!found(r#"{"o":{"x":1,"y":1}}"#));
        assert!(found(r#"{"o":{"X":1}}"#) && found(r#"{"o":{"Y":1}}"#));
    }

    #[test]
    fn many_named_keys_work_like_few() {
        let paths: Vec<_> = (0..100).map(|n| format!("args.key{n}")).collect();
        let keys = keys(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(variant(&keys, r#"{"key42":1,"other":1}"#), None);
        assert_eq!(variant(&keys, r#"{"KEY42":1}"#).as_deref(), Some("KEY42 for args.key42"));
    }

    #[test]
    fn a_policy_may_name_two_variants_and_each_is_exact() {
        let keys = keys(&["args.id", "args.ID"]);
        assert_eq!(variant(&keys, r#"{"id":1}"#), None);
        assert_eq!(variant(&keys, r#"{"ID":1}"#), None);
        assert!(variant(&keys, r#"{"Id":1}"#).is_some());
    }
}
