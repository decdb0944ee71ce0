//! What stays is untouched, what goes takes its comma along, and nothing odd gets through.

use proptest::prelude::*;

use super::*;

fn filtered(
    message: &str,
    era: Era,
    keep: impl Fn(&str) -> Keep,
) -> Result<Option<String>, BadList> {
    let out = filter(message.as_bytes(), ListKind::Tools, era, &mut |e| keep(&e.name))?;
    Ok(out.map(|bytes| String::from_utf8(bytes).unwrap()))
}

fn without<'a>(dropped: &'a [&'a str]) -> impl Fn(&str) -> Keep + 'a {
    |name| if dropped.contains(&name) { Keep::Drop } else { Keep::Keep }
}

const LIST: &str = r#"{"jsonrpc":"2.0","id":1, "result":{ "x-odd":[1.0], "tools" : [ {"name":"a","x":1e2} ,
  {"name":"b"},{ "description":"é","name":"\u0063" } ], "nextCursor":"n","_meta":{"k":"v"} }}"#;

#[test]
fn dropped_elements_take_one_comma_and_nothing_else() {
    let cases: [(&[&str], &str, &str); 5] = [
        (&["a"], "{\"name\":\"a\",\"x\":1e2} ,\n  ", ""),
        (&["b"], " ,\n  {\"name\":\"b\"}", ""),
        (&["c"], r#",{ "description":"é","name":"\u0063" }"#, ""),
        (&["a", "b"], "{\"name\":\"a\",\"x\":1e2} ,\n  {\"name\":\"b\"},", ""),
        (&["b", "c"], " ,\n  {\"name\":\"b\"},{ \"description\":\"é\",\"name\":\"\\u0063\" }", ""),
    ];
    for (dropped, gone, instead) in cases {
        let expected = LIST.replacen(gone, instead, 1);
        assert_ne!(expected, LIST);
        assert_eq!(
            filtered(LIST, Era::Legacy, without(dropped)),
            Ok(Some(expected)),
            "{dropped:?}"
        );
    }
    let empty = filtered(LIST, Era::Legacy, without(&["a", "b", "c"])).unwrap().unwrap();
    assert!(empty.contains(r#""tools" : [  ], "nextCursor":"n""#), "{empty}");
}

#[test]
fn a_list_that_stays_whole_is_not_even_copied() {
    assert_eq!(filtered(LIST, Era::Legacy, |_| Keep::Keep), Ok(None));
}

#[test]
fn names_are_changed_in_place() {
    let renamed = filtered(LIST, Era::Legacy, |name| match name {
        "a" => Keep::Drop,
        other => Keep::Rename(format!("shop__{other}")),
    });
    let expected = LIST
        .replace("{\"name\":\"a\",\"x\":1e2} ,\n  ", "")
        .replace(r#""b""#, r#""shop__b""#)
        .replace(r#""\u0063""#, r#""shop__c""#);
    assert_eq!(renamed, Ok(Some(expected)));
}

#[test]
fn elements_that_cannot_be_read_are_dropped() {
    let odd = r#"[7,null,"a",{},{"name":1},{"Name":"a"},{"name":"a","NAME":"b"},
        {"name":"a","name":"b"},{"name":"a","x":{"y":1,"y":2}},{"name":"ok"},
        {"name":"\u006fk","description":"another"}]"#;
    let message = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":{odd}}}}}"#);
    let expected = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"ok"}]}}"#;
    assert_eq!(filtered(&message, Era::Legacy, |_| Keep::Keep), Ok(Some(expected.to_owned())));
}

#[test]
fn lists_that_cannot_be_read_are_errors() {
    for result in [
        r#""result":{"tools":{}}"#,
        r#""result":{"tools":null}"#,
        r#""result":{}"#,
        r#""result":[]"#,
        r#""result":null"#,
        r#""result":{"tools":[],"tools":[]}"#,
        r#""result":{"tools":[],"Tools":[{"name":"hidden"}]}"#,
        r#""result":{"tools":[]},"result":{"tools":[]}"#,
        r#""result":{"tools":[]},"RESULT":{}"#,
        r#""result":{"tools":[]},"error":{}"#,
        r#""method":"x""#,
    ] {
        let message = format!(r#"{{"jsonrpc":"2.0","id":1,{result}}}"#);
        let verdict = filtered(&message, Era::Legacy, |_| Keep::Keep);
        assert!(matches!(verdict, Err(BadList::Malformed { .. })), "{result}: {verdict:?}");
    }
    assert!(matches!(filtered("{", Era::Legacy, |_| Keep::Keep), Err(BadList::NotJson(_))));
}

#[test]
fn error_answers_pass() {
    let message = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#;
    assert_eq!(filtered(message, Era::Modern, |_| Keep::Drop), Ok(None));
}

#[test]
fn what_one_caller_sees_is_private_and_short_lived() {
    let list = |rest: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[]{rest}}}}}"#);
    let private = r#","cacheScope":"private""#;
    let cases = [
        (Era::Legacy, String::new(), None),
        (
            Era::Legacy,
            r#","cacheScope":"public","ttlMs":60000"#.into(),
            Some(format!("{private},\"ttlMs\":5000")),
        ),
        (Era::Modern, format!("{private},\"ttlMs\":5000"), None),
        (Era::Modern, format!("{private},\"ttlMs\":1e9"), Some(format!("{private},\"ttlMs\":0"))),
        (Era::Modern, format!("{private},\"ttlMs\":-1"), Some(format!("{private},\"ttlMs\":0"))),
        (Era::Modern, r#","ttlMs":7"#.into(), Some(format!(",\"ttlMs\":7{private}"))),
        (Era::Modern, String::new(), Some(format!("{private},\"ttlMs\":0"))),
    ];
    for (era, rest, expected) in cases {
        let out = filtered(&list(&rest), era, |_| Keep::Keep);
        assert_eq!(out, Ok(expected.map(|rest| list(&rest))), "{era:?} {rest}");
    }
}

#[test]
fn lists_are_known_by_their_shape() {
    let kind = |result: &str| {
        let message = format!(r#"{{"jsonrpc":"2.0","id":1,{result}}}"#);
        kind_by_shape(&parse_answer(message.as_bytes()).unwrap())
    };
    assert_eq!(kind(r#""result":{"_meta":{},"tools":[]}"#), Some(ListKind::Tools));
    assert_eq!(kind(r#""result":{"prompts":[]}"#), Some(ListKind::Prompts));
    assert_eq!(kind(r#""result":{"resources":0}"#), Some(ListKind::Resources));
    assert_eq!(kind(r#""result":{"resourceTemplates":[]}"#), Some(ListKind::ResourceTemplates));
    assert_eq!(kind(r#""result":{},"result":{"tools":[]}"#), Some(ListKind::Tools));
    assert_eq!(kind(r#""result":{"content":[{"tools":[]}]}"#), None);
    assert_eq!(kind(r#""error":{"tools":[]}"#), None);
}

proptest! {
    #[test]
    fn filtering_is_filtering_and_the_order_stays(
        names in prop::collection::hash_set("[a-p]", 0..12),
        dropped in prop::collection::hash_set("[a-p]", 0..8),
        blanks in "[ \\n]{0,2}",
    ) {
        let comma = format!("{blanks},{blanks}");
        let names: Vec<_> = names.into_iter().collect();
        let elements: Vec<_> = names.iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
        let whole = |elements: &[String]| {
            format!(r#"{{"id":1,"result":{{"tools":[{blanks}{}{blanks}]}}}}"#, elements.join(&comma))
        };
        let out = filtered(&whole(&elements), Era::Legacy, |name| {
            if dropped.contains(name) { Keep::Drop } else { Keep::Keep }
        });
        let out = out.unwrap().unwrap_or_else(|| whole(&elements));
        let kept: Vec<_> = names.iter().zip(&elements)
            .filter(|(name, _)| !dropped.contains(*name))
            .map(|(_, element)| element.clone())
            .collect();
        prop_assert_eq!(out, whole(&kept));
    }
}
