//! The same verdict and the same values as `serde_json`, but for the differences named here:
//! `serde_json` keeps the last of two equal keys, and refuses numbers beyond a double.

use json::{Kind, Limits, Node, parse_with};
use proptest::prelude::*;
use serde_json::Value;

/// `serde_json` stops at 128.
const LIMITS: Limits = Limits { max_depth: 127 };

fn same(node: Node<'_>, value: &Value) -> bool {
    match value {
        Value::Null => node.is_null(),
        Value::Bool(wanted) => node.as_bool() == Some(*wanted),
        Value::String(wanted) => {
            node.as_str().is_some_and(|text| text == wanted.as_str()) && node.is_str(wanted)
        }
        Value::Number(wanted) => node
            .as_number()
            .and_then(|text| serde_json::from_str(text).ok())
            .is_some_and(|number: serde_json::Number| number == *wanted),
        Value::Array(wanted) => {
            node.kind() == Kind::Array
                && node.len() == wanted.len()
                && node.items().zip(wanted).all(|(item, wanted)| same(item, wanted))
        }
        Value::Object(wanted) => {
            node.kind() == Kind::Object
                && (node.duplicate_key().is_some() || node.len() == wanted.len())
                && wanted.iter().all(|(key, wanted)| {
                    node.members()
                        .any(|m| m.key_is(key) && m.key() == *key && same(m.value, wanted))
                })
        }
    }
}

fn agrees(bytes: &[u8]) -> Result<(), TestCaseError> {
    match (parse_with(bytes, LIMITS), serde_json::from_slice::<Value>(bytes)) {
        (Ok(tape), Ok(value)) => prop_assert!(same(tape.root(), &value), "{tape:?}"),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => {
            prop_assert!(error.to_string().contains("number out of range"), "{error}");
        }
        (Err(error), Ok(_)) => prop_assert!(false, "only we refuse: {error}"),
    }
    Ok(())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\\x00-\\x7f]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            prop::collection::vec((".{0,9}", inner), 0..24)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Bytes that look enough like JSON to get past the first character.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"\\u00e9\"",
        "\\ud83d",
        "\\ude00",
        "\\",
        "0",
        "1",
        "-",
        ".",
        "e",
        "E+",
        "9",
        "true",
        "false",
        "null",
        " ",
        "\n",
        "\u{1}",
        "é",
        "\u{feff}",
        "\"a\":",
        "[1,2]",
        "{\"a\":{}}",
        "1e5",
        "/",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn written_values_are_read_back(value in any_value()) {
        agrees(value.to_string().as_bytes())?;
        agrees(serde_json::to_string_pretty(&value).unwrap().as_bytes())?;
    }

    #[test]
    fn verdicts_agree_on_what_is_nearly_json(bytes in nearly_json()) {
        agrees(&bytes)?;
    }

    #[test]
    fn verdicts_agree_on_damaged_documents(
        value in any_value(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()
    ) {
        let mut bytes = value.to_string().into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        agrees(&bytes)?;
    }

    #[test]
    fn written_strings_are_read_back(text in any::<String>()) {
        let quoted = json::quoted(&text);
        prop_assert_eq!(&serde_json::from_str::<String>(&quoted).unwrap(), &text);
        let tape = json::parse(quoted.as_bytes()).unwrap();
        prop_assert_eq!(tape.root().as_str().unwrap(), text);
    }

    #[test]
    fn spans_are_the_values_they_claim_to_be(value in any_value()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        let tape = parse_with(text.as_bytes(), LIMITS).unwrap();
        let mut nodes = vec![tape.root()];
        while let Some(node) = nodes.pop() {
            let again = parse_with(node.raw(), LIMITS).unwrap();
            prop_assert_eq!(again.root().kind(), node.kind());
            prop_assert_eq!(again.root().len(), node.len());
            prop_assert_eq!(&text.as_bytes()[node.span()], node.raw());
            nodes.extend(node.items().chain(node.members().map(|m| m.value)));
        }
    }

    #[test]
    fn the_canonical_form_means_the_same_and_is_its_own(value in any_value()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        let canonical = |text: &[u8]| {
            let tape = parse_with(text, LIMITS).unwrap();
            let mut out = Vec::new();
            json::canonical_into(tape.root(), &mut out);
            out
        };
        let once = canonical(text.as_bytes());
        prop_assert_eq!(&canonical(&once), &once);
        let back: Value = serde_json::from_slice(&once).unwrap();
        prop_assert!(about_equal(&back, &value), "{} became {}", value, back);
    }
}

/// `serde_json` prints `1.0` where the canonical form says `1`, and reads the last bit carelessly.
fn about_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (x, y) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || (x - y).abs() <= x.abs() * 1e-15
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| about_equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| about_equal(a, b)))
        }
        _ => a == b,
    }
}
