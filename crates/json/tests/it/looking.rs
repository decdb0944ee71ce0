//! Reading a parsed document: kinds, spans, keys, pointers.

use std::borrow::Cow;

use json::{Kind, escape_into, parse, quoted};

const TEXT: &str = r#" {"a":[1, -2.50e3 ,"x\ny"], "b/c":{"~":true,"\u0064":null}, "":"é"} "#;

#[test]
fn values_know_their_kind_their_text_and_their_place() {
    let tape = parse(TEXT.as_bytes()).unwrap();
    let root = tape.root();
    assert_eq!((root.kind(), root.len(), root.raw_str()), (Kind::Object, 3, TEXT.trim()));
    let items: Vec<_> = root.get("a").unwrap().items().collect();
    assert_eq!(items.len(), 3);
    assert_eq!(items[0].as_number(), Some("1"));
    assert_eq!(items[1].as_number(), Some("-2.50e3"));
    assert_eq!(TEXT.get(items[1].span()), Some("-2.50e3"));
    assert_eq!(items[2].as_str(), Some(Cow::Owned("x\ny".to_owned())));
    assert!(items[2].is_str("x\ny") && !items[2].is_str("x"));
    assert!(matches!(root.get("").and_then(json::Node::as_str), Some(Cow::Borrowed("é"))));
    assert_eq!(items[0].as_str(), None);
    assert_eq!(items[2].as_number(), None);
    assert_eq!(root.as_bool(), None);
    assert!(!root.is_null() && root.get("nothing").is_none());
}

#[test]
fn keys_match_by_meaning_not_by_spelling() {
    let tape = parse(TEXT.as_bytes()).unwrap();
    let inner = tape.root().get("b/c").unwrap();
    assert!(inner.get("d").unwrap().is_null());
    assert!(inner.get("\\u0064").is_none());
    let member = inner.members().nth(1).unwrap();
    assert_eq!(member.key(), "d");
    assert_eq!(TEXT.get(member.key_span()), Some(r#""\u0064""#));
}

#[test]
fn members_and_items_are_empty_for_other_kinds() {
    let tape = parse(br#"{"o":{"k":1},"a":[1]}"#).unwrap();
    let (object, array) = (tape.root().get("o").unwrap(), tape.root().get("a").unwrap());
    assert_eq!((object.items().count(), object.members().count()), (0, 1));
    assert_eq!((array.items().count(), array.members().count()), (1, 0));
}

#[test]
fn pointers_follow_rfc_6901() {
    let tape = parse(TEXT.as_bytes()).unwrap();
    let found = |pointer: &str| tape.root().pointer(pointer).map(json::Node::raw_str);
    assert_eq!(found(""), Some(TEXT.trim()));
    assert_eq!(found("/a/1"), Some("-2.50e3"));
    assert_eq!(found("/b~1c/~0"), Some("true"));
    assert_eq!(found("/"), Some("\"é\""));
    for nothing in ["a", "/a/3", "/a/01", "/a/+1", "/a/-", "/a/", "/a/0/x", "/b/c"] {
        assert_eq!(found(nothing), None, "{nothing}");
    }
}

#[test]
fn the_debug_text_is_short() {
    let long = quoted(&"é".repeat(500));
    let tape = parse(long.as_bytes()).unwrap();
    let shown = format!("{tape:?}");
    assert!(shown.ends_with("… (1002 bytes)") && shown.chars().count() < 100, "{shown}");
}

#[test]
fn escapes_are_written_as_rfc_8785_wants_them() {
    assert_eq!(quoted("plain é"), "\"plain é\"");
    assert_eq!(
        quoted("\u{0}\u{8}\t\n\u{c}\r\u{1f}\u{7f}\"\\/"),
        "\"\\u0000\\b\\t\\n\\f\\r\\u001f\u{7f}\\\"\\\\/\""
    );
    let mut out = b"[".to_vec();
    escape_into(&mut out, "");
    assert_eq!(out, b"[\"\"");
}
