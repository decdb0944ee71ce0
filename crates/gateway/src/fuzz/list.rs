//! A filtered list shows nothing that was dropped, to no reader, and loses nothing else.

use std::collections::HashSet;

use json::Node;
use mcp::lists::{self, Keep, ListKind};
use mcp::version::Era;
use serde_json::Value;

use super::readers::Reader;

/// For any answer of a server; the first byte says which list it should be and what is dropped.
///
/// # Panics
/// If something dropped is still to be seen, or something else changed.
pub fn list(bytes: &[u8]) {
    let Some((&choice, answer)) = bytes.split_first() else { return };
    let kind = ListKind::ALL[usize::from(choice & 0x0F) % ListKind::ALL.len()];
    let era = if choice & 0x40 == 0 { Era::Legacy } else { Era::Modern };
    let filter = |answer: &[u8]| {
        lists::filter(answer, kind, era, &mut |element| {
            if is_shown(&element.name, choice) { Keep::Keep } else { Keep::Drop }
        })
    };
    let Ok(edited) = filter(answer) else { return };
    let shown = edited.as_deref().unwrap_or(answer);
    let before = lists::parse_answer(answer).expect("it was filtered");
    let after = lists::parse_answer(shown).expect("what was filtered is JSON");
    if before.root().get("error").is_some() {
        assert_eq!(shown, answer, "errors pass as they are");
        return;
    }
    for reader in Reader::ALL {
        // One that cannot read a number so large reads nothing at all.
        if let Some(read) = reader.read(shown) {
            nothing_dropped_is_seen(reader, &read, kind, choice);
        }
    }
    nothing_else_changed(before.root(), after.root(), kind, choice);
    is_private(after.root(), era);
    assert_eq!(filter(shown), Ok(None), "filtering again changes nothing");
    renamed(answer, kind, era, choice);
}

/// Who is shown, by name: half of all.
fn is_shown(name: &str, choice: u8) -> bool {
    let sum = name.bytes().fold(choice >> 4, u8::wrapping_add);
    sum & 1 == 0
}

fn nothing_dropped_is_seen(reader: Reader, read: &Value, kind: ListKind, choice: u8) {
    let items = read["result"][reader.key(kind.member())].as_array();
    let items = items.expect("the list is there for every reader");
    let mut names = HashSet::new();
    for item in items {
        let name = item[reader.key(kind.key())].as_str().expect("each element has its name");
        assert!(is_shown(name, choice), "{reader:?} sees {name:?}");
        assert!(names.insert(name), "{reader:?} sees {name:?} twice");
    }
}

fn nothing_else_changed(before: Node<'_>, after: Node<'_>, kind: ListKind, choice: u8) {
    let raw = |node: Node<'_>, but: &[&str]| -> Vec<(String, String)> {
        let others = node.members().filter(|member| but.iter().all(|key| !member.key_is(key)));
        others.map(|m| (m.key().into_owned(), m.value.raw_str().to_owned())).collect()
    };
    assert_eq!(raw(before, &["result"]), raw(after, &["result"]));
    let [was, is] = [before, after].map(|root| root.get("result").expect("it was filtered"));
    let edited = [kind.member(), "cacheScope", "ttlMs"];
    assert_eq!(raw(was, &edited), raw(is, &edited));
    let [was, is] = [was, is].map(|result| {
        let list = result.get(kind.member()).expect("it was filtered");
        list.items().map(Node::raw_str).collect::<Vec<_>>()
    });
    // What is left stands in the same order, byte for byte, and no plain element is missing.
    let mut left = is.iter().peekable();
    let mut names = HashSet::new();
    for raw in was {
        let is_left = left.next_if_eq(&&raw).is_some();
        let plain = plain_name(raw, kind).filter(|name| is_shown(name, choice));
        if let Some(name) = plain {
            assert!(is_left || names.contains(&name), "lost: {raw}");
        }
        if is_left {
            let tape = json::parse_with(raw.as_bytes(), json::Limits { max_depth: 256 });
            let tape = tape.expect("it is part of JSON");
            names.extend(tape.root().get(kind.key()).and_then(Node::as_str).map(String::from));
        }
    }
    assert_eq!(left.next(), None, "nothing was added");
}

/// The name of an element that nobody can misread: plain keys, none repeated.
fn plain_name(raw: &str, kind: ListKind) -> Option<String> {
    let tape = json::parse_with(raw.as_bytes(), json::Limits { max_depth: 256 }).ok()?;
    let root = tape.root();
    let is_plain = |key: &str| key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let alike = root.members().filter(|m| m.key().eq_ignore_ascii_case(kind.key())).count();
    let is_plain = root.duplicate_key().is_none()
        && alike == 1
        && root.members().all(|member| is_plain(&member.key()));
    root.get(kind.key()).filter(|_| is_plain)?.as_str().map(String::from)
}

fn is_private(root: Node<'_>, era: Era) {
    let result = root.get("result").expect("it was filtered");
    let all = |key: &'static str| result.members().filter(move |member| member.key_is(key));
    assert!(all("cacheScope").all(|scope| scope.value.is_str("private")));
    let is_short = |ttl: &str| ttl.parse::<u32>().is_ok_and(|ttl| ttl <= lists::MAX_TTL_MS);
    assert!(all("ttlMs").all(|ttl| ttl.value.as_number().is_some_and(is_short)));
    if era == Era::Modern {
        assert!(all("cacheScope").next().is_some() && all("ttlMs").next().is_some());
    }
}

/// Under other names, elements are the same but for the name.
fn renamed(answer: &[u8], kind: ListKind, era: Era, choice: u8) {
    let mut count = 0;
    let out = lists::filter(answer, kind, era, &mut |element| {
        if !is_shown(&element.name, choice) {
            return Keep::Drop;
        }
        count += 1;
        Keep::Rename(format!("s\"\u{2028}__{}", element.name))
    });
    let out = out.expect("it was filtered before");
    let tape = lists::parse_answer(out.as_deref().unwrap_or(answer)).expect("it is JSON");
    let list = tape.root().get("result").and_then(|result| result.get(kind.member()));
    let names = list.into_iter().flat_map(Node::items).filter_map(|item| item.get(kind.key()));
    let names: Vec<_> = names.filter_map(Node::as_str).collect();
    assert_eq!(names.len(), count);
    assert!(names.iter().all(|name| name.starts_with("s\"\u{2028}__")));
}
