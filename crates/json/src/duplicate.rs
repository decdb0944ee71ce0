//! Equal keys in one object: the classic way to show a guard one value and a server another.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::node::{Member, Node};
use crate::tape::Kind;

/// Two members of one object whose keys mean the same text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// RFC 6901 pointer to the object, from the node that was asked.
    pub pointer: String,
    /// The key, unescaped.
    pub key: String,
    /// Byte offset of the second of the two keys.
    pub offset: usize,
}

/// Up to this many members are compared pair by pair; more go through a hash set.
const FEW: usize = 16;

impl Node<'_> {
    /// The first object, here or at any depth, in which a key is repeated.
    pub fn duplicate_key(self) -> Option<Duplicate> {
        let objects = self.subtree().map(|index| self.at(index));
        for object in objects.filter(|node| node.kind() == Kind::Object) {
            if let Some(member) = repeated(object) {
                return Some(Duplicate {
                    pointer: self.path_to(object),
                    key: member.key().into_owned(),
                    offset: member.key_span().start,
                });
            }
        }
        None
    }

    /// Pointer from this node to one inside it.
    fn path_to(self, inner: Self) -> String {
        let (mut here, mut pointer) = (self, String::new());
        let target = inner.subtree().start;
        while here.subtree().start != target {
            let step = if here.kind() == Kind::Array {
                let mut items = here.items().enumerate();
                let found = items.find(|(_, item)| item.subtree().contains(&target));
                found.map(|(index, item)| (Cow::Owned(index.to_string()), item))
            } else {
                let found = here.members().find(|m| m.value.subtree().contains(&target));
                found.map(|member| (member.key(), member.value))
            };
            let Some((token, next)) = step else { break };
            pointer.push('/');
            pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
            here = next;
        }
        pointer
    }
}

fn repeated(object: Node<'_>) -> Option<Member<'_>> {
    if object.len() > FEW {
        let mut seen = HashSet::with_capacity(object.len());
        return object.members().find(|member| !seen.insert(member.key()));
    }
    let mut earlier = object.members().enumerate();
    earlier.find_map(|(count, member)| {
        let key = member.key();
        let mut before = object.members().take(count);
        before.any(|other| other.key_is(&key)).then_some(member)
    })
}
