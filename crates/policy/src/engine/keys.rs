//! Key variants: `Amount` beside a rule that names `amount`, or two keys that a careless server
//! would take for one. Judged at every level of the arguments.

use std::borrow::Cow;
use std::collections::BTreeSet;

use json::{Kind, Node};

use crate::fold::fold;
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

    /// The first thing that is wrong with the keys of a call's arguments.
    pub(crate) fn clash(&self, arguments: Node<'_>) -> Option<Clash<'_>> {
        if !arguments.is_object() {
            return Some(Clash::NotAnObject);
        }
        clash(arguments, Some(self))
    }

    /// What is named below a key, or the variant that the key is.
    fn step(&self, key: &str) -> Result<Option<&Self>, Clash<'_>> {
        let folded = if key.is_ascii() && self.named.len() <= FEW { None } else { Some(fold(key)) };
        let alike = |named: &&Named| match &folded {
            Some(folded) => *named.folded == **folded,
            None => named.folded.eq_ignore_ascii_case(key),
        };
        let start = match &folded {
            Some(folded) => self.named.partition_point(|named| *named.folded < **folded),
            None => 0,
        };
        let mut alikes = self.named.iter().skip(start);
        let Some(first) = alikes.by_ref().find(alike) else { return Ok(None) };
        let mut all = std::iter::once(first).chain(alikes.take_while(alike));
        match all.find(|named| *named.key == *key) {
            Some(exact) => Ok(Some(&exact.below)),
            None => Err(Clash::Variant {
                rule: &first.rule,
                named: &first.key,
                written: key.to_owned(),
            }),
        }
    }
}

fn clash<'k>(node: Node<'_>, keys: Option<&'k Keys>) -> Option<Clash<'k>> {
    match node.kind() {
        Kind::Object => {
            if let Some(written) = twin(node) {
                return Some(Clash::Twins { written });
            }
            node.members().find_map(|member| {
                let below = match keys.map(|keys| keys.step(&member.key())) {
                    Some(Err(variant)) => return Some(variant),
                    Some(Ok(below)) => below,
                    None => None,
                };
                clash(member.value, below)
            })
        }
        Kind::Array => {
            let each = keys.and_then(|keys| keys.each.as_deref());
            node.items().find_map(|item| clash(item, each))
        }
        _ => None,
    }
}

/// A key of the object that folds to the same as an earlier one.
fn twin(object: Node<'_>) -> Option<String> {
    if object.len() > FEW || object.members().any(|member| !member.key().is_ascii()) {
        return folded_twin(object);
    }
    let earlier = |count: usize, key: &str| {
        object.members().take(count).any(|other| other.key().eq_ignore_ascii_case(key))
    };
    object
        .members()
        .enumerate()
        .find(|(index, member)| earlier(*index, &member.key()))
        .map(|(_, member)| member.key().into_owned())
}

fn folded_twin(object: Node<'_>) -> Option<String> {
    let mut seen: BTreeSet<Cow<'_, str>> = BTreeSet::new();
    object.members().map(json::Member::key).find_map(|key| {
        let is_new = seen.insert(Cow::Owned(fold(&key).into_owned()));
        (!is_new).then(|| key.into_owned())
    })
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
        keys.clash(tape.root()).map(|clash| match clash {
            Clash::Variant { rule, written, .. } => format!("{written} for {rule}"),
            Clash::Twins { written } => format!("twin {written}"),
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
        let many: Vec<_> = (0..40).map(|n| format!("\"k{n}\":1")).collect();
        assert_eq!(found(&format!("{{{},\"K7\":1}}", many.join(","))).as_deref(), Some("twin K7"));
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
