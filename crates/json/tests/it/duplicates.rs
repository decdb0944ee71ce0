//! Repeated keys: found at any depth, however spelled, however many there are.

use std::fmt::Write as _;

use json::{Duplicate, parse};

fn duplicate(text: &str) -> Option<Duplicate> {
    parse(text.as_bytes()).unwrap().root().duplicate_key()
}

#[test]
fn equal_keys_are_found_with_their_place() {
    assert_eq!(duplicate(r#"{"a":{"a":1},"b":[{"a":2},{"a":3}]}"#), None);
    let text = r#"{"x":[0,{"y/z":{"k":1,"j":2,"\u006b":3}}]}"#;
    let expected = Duplicate {
        pointer: "/x/1/y~1z".to_owned(),
        key: "k".to_owned(),
        offset: text.find(r#""\u006b""#).unwrap(),
    };
    assert_eq!(duplicate(text), Some(expected));
    assert_eq!(duplicate(r#"{"":0,"":0}"#).map(|d| d.pointer), Some(String::new()));
    assert_eq!(duplicate("[1,\"a\",\"a\"]"), None);
}

#[test]
fn a_hundred_thousand_keys_are_checked_in_no_time() {
    let mut text = String::from("{\"first\":[],");
    for index in 0..100_000 {
        let _ = write!(text, "\"key {index}\":{index},");
    }
    let clean = format!("{text}\"last\":0}}");
    let repeated = format!("{text}\"key \\u0034\":0}}");
    let start = std::time::Instant::now();
    assert_eq!(duplicate(&clean), None);
    assert_eq!(duplicate(&repeated).map(|d| d.key), Some("key 4".to_owned()));
    // Pair by pair this would take minutes.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}
