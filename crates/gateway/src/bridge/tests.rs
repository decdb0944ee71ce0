//! What crosses a bridge names the same tool and the same arguments as what was judged, whoever
//! reads it.

use mcp::message;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::askable::Askable;
use super::{down, up};

const MODERN: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;

/// Any JSON, with keys that mean something elsewhere.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = prop_oneof![
            Just("name".to_owned()),
            Just("arguments".to_owned()),
            Just("_meta".to_owned()),
            Just("Name".to_owned()),
            "[a-z\\\\\"\u{0}é]{0,4}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Parameters of a call as text, blanks and all, with others between them.
fn calls() -> impl Strategy<Value = (String, Value)> {
    let object = values().prop_map(|value| match value {
        Value::Object(_) => value,
        other => json!({"v": other}),
    });
    let key = "[x-z]{1,3}";
    let extra = prop::collection::btree_map(key, values(), 0..3);
    (".{1,8}", object, extra, "[ \n]{0,2}").prop_map(|(name, arguments, extra, blank)| {
        let mut members: Vec<(String, Value)> = extra.into_iter().collect();
        members.push(("name".to_owned(), json!(name)));
        members.insert(0, ("arguments".to_owned(), arguments));
        let params: Map<String, Value> = members.iter().cloned().collect();
        let texts: Vec<_> = members
            .iter()
            .map(|(key, value)| format!("{blank}{}{blank}:{blank}{value}", json!(key)))
            .collect();
        (texts.join(","), Value::Object(params))
    })
}

/// Read by a parser that is not ours and takes the last of two keys.
fn params_of(body: &[u8]) -> Value {
    let message: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(message["method"], "tools/call");
    assert_eq!(message["extra"], json!([1]));
    message["params"].clone()
}

fn without_meta(mut params: Value) -> Value {
    params.as_object_mut().unwrap().remove("_meta");
    params
}

proptest! {
    #[test]
    fn what_crosses_is_what_was_judged((members, params) in calls(), number in any::<u32>()) {
        for meta in [String::new(), format!(r#","_meta":{{{MODERN},"progressToken":1}}"#)] {
            let body = format!(
                r#"{{"jsonrpc":"2.0","extra":[1],"method":"tools/call","id":"c","params":{{{members}{meta}}}}}"#
            );
            // What has two readings is not judged, and never gets so far.
            let Ok(message) = message::parse(body.as_bytes()) else { continue };
            let number = u64::from(number);
            let down = down::request::encoded(&message, number, None);
            prop_assert_eq!(without_meta(params_of(&down)), params.clone());
            let again = message::parse(&down).unwrap();
            prop_assert_eq!(again.name(), message.name());
            prop_assert_eq!(
                again.arguments().map(json::Node::raw),
                message.arguments().map(json::Node::raw)
            );
            prop_assert_eq!(again.id_raw().map(str::to_owned), Some(number.to_string()));
            let up = up::request::encoded(&message, None, Askable::default(), None);
            prop_assert_eq!(without_meta(params_of(&up)), params.clone());
            let again = message::parse(&up).unwrap();
            prop_assert_eq!(again.id_raw(), message.id_raw());
            prop_assert_eq!(
                again.arguments().map(json::Node::raw),
                message.arguments().map(json::Node::raw)
            );
            let renamed = up::request::encoded(&message, None, Askable::default(), Some(r#""own""#));
            prop_assert_eq!(&params_of(&renamed)["name"], "own");
            prop_assert_eq!(&params_of(&renamed)["arguments"], &params["arguments"]);
        }
    }
}
