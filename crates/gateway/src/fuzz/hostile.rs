//! Calls as someone writes them who wants the guard to read one and the server another: repeated
//! keys, keys in other clothes, odd numbers, bytes before and after.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A body, which prints as text.
#[derive(Clone)]
pub(crate) struct Body(pub(crate) Vec<u8>);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// Bodies of calls. Many are refused, many are not.
pub(crate) fn bodies() -> impl Strategy<Value = Body> {
    (envelope(), select(BEFORE), select(AFTER))
        .prop_map(|(envelope, before, after)| Body([before, envelope.as_bytes(), after].concat()))
}

const BEFORE: &[&[u8]] = &[b"", b"", b"", b"", b"", b" \r\n\t", b"\xEF\xBB\xBF", b"\0"];
const AFTER: &[&[u8]] = &[b"", b"", b"", b"", b"", b"\n ", b"{}", b"\0", b",", b"\xFF"];

/// Numbers at and around the limit, and what some read as numbers.
const AMOUNTS: &[&str] = &[
    "1",
    "100",
    "1e2",
    "100.0",
    "0.1E+3",
    "-0",
    "99.99999999999999999999",
    "101",
    "1e3",
    "1e400",
    "100.00000000000000000001",
    "9007199254740993",
    "\"1000\"",
    "null",
    "[1000]",
    "{\"amount\":1000}",
    "true",
    "01",
    "1.",
    "+1",
    "NaN",
];
const KINDS: &[&str] = &[
    "\"eur\"",
    "\"eur\"",
    "\"eur\"",
    "\"\\u0065ur\"",
    "\"usd\"",
    "\"EUR\"",
    "null",
    "\"\\ud800\"",
];
const TOOLS: &[&str] =
    &["\"pay\"", "\"pay\"", "\"pay\"", "\"p\\u0061y\"", "\"danger\"", "\"Pay\"", "[\"pay\"]"];
const METHODS: &[&str] =
    &["\"tools/call\"", "\"tools/call\"", "\"tools\\/call\"", "\"ping\"", "\"Tools/Call\""];
const IDS: &[&str] = &["1", "\"a\"", "-9", "\"\\u0061\"", "1.0", "null", "12345678901234567890123"];

fn envelope() -> impl Strategy<Value = String> {
    let own = [
        ("jsonrpc", of(&["\"2.0\""])),
        ("id", mostly("1", IDS)),
        ("method", mostly("\"tools/call\"", METHODS)),
        ("params", params().boxed()),
    ];
    let more = extra(vec![
        ("method", of(METHODS)),
        ("id", of(IDS)),
        ("params", params().boxed()),
        ("result", of(&["{}", "null"])),
        ("x", of(AMOUNTS)),
    ]);
    object(own.into(), more)
}

fn params() -> impl Strategy<Value = String> {
    let own = [("name", mostly("\"pay\"", TOOLS)), ("arguments", arguments().boxed())];
    let more = extra(vec![
        ("name", of(TOOLS)),
        ("arguments", arguments().boxed()),
        ("task", of(&["{}", "null"])),
        ("uri", of(TOOLS)),
        ("taskId", of(TOOLS)),
        ("_meta", of(&["{}", "{\"progressToken\":1}", "[]"])),
        ("inputResponses", of(AMOUNTS)),
    ]);
    object(own.into(), more)
}

fn arguments() -> impl Strategy<Value = String> {
    let own = [("amount", mostly("10", AMOUNTS)), ("money", money().boxed())];
    let more = extra(vec![
        ("amount", of(AMOUNTS)),
        ("money", money().boxed()),
        ("kind", of(KINDS)),
        ("note", of(AMOUNTS)),
    ]);
    object(own.into(), more)
}

fn money() -> impl Strategy<Value = String> {
    let own = [("kind", mostly("\"eur\"", KINDS))];
    object(own.into(), extra(vec![("kind", of(KINDS)), ("amount", of(AMOUNTS))]))
}

// === Parts ===

type Member = (&'static str, BoxedStrategy<String>);

fn of(values: &'static [&'static str]) -> BoxedStrategy<String> {
    select(values).prop_map(str::to_owned).boxed()
}

fn mostly(usual: &'static str, values: &'static [&'static str]) -> BoxedStrategy<String> {
    prop_oneof![8 => Just(usual.to_owned()), 1 => of(values)].boxed()
}

/// Now and then one member more, under a key in other clothes.
fn extra(members: Vec<Member>) -> BoxedStrategy<Vec<String>> {
    let one = select(members).prop_flat_map(|(key, value)| {
        (clothes(key), value).prop_map(|(key, value)| format!("{key}:{value}"))
    });
    prop_oneof![4 => Just(Vec::new()), 1 => vec(one, 1..3)].boxed()
}

/// An object with these members and those, in any order.
fn object(own: Vec<Member>, more: BoxedStrategy<Vec<String>>) -> impl Strategy<Value = String> {
    let own: Vec<_> = own
        .into_iter()
        .map(|(key, value)| {
            let key = prop_oneof![12 => Just(format!("\"{key}\"")), 1 => clothes(key)];
            (key, value).prop_map(|(key, value)| format!("{key}:{value}")).boxed()
        })
        .collect();
    (own, more, select(&[",", " ,\n"][..]))
        .prop_map(|(own, more, comma)| ([own, more].concat(), comma))
        .prop_flat_map(|(members, comma)| {
            Just(members).prop_shuffle().prop_map(move |m| format!("{{{}}}", m.join(comma)))
        })
}

/// A key as JSON, as itself or as something that a reader may take for it.
fn clothes(key: &'static str) -> BoxedStrategy<String> {
    (0..key.len(), 0..9_usize)
        .prop_map(move |(at, how)| {
            let (front, back) = key.split_at(at);
            let (one, rest) = back.split_at(1);
            match how {
                0 => format!("\"{key}\""),
                1 => format!("\"{front}\\u{:04x}{rest}\"", u32::from(one.as_bytes()[0])),
                2 => format!("\"{front}{}{rest}\"", one.to_uppercase()),
                3 => format!("\"{}\"", key.to_uppercase()),
                4 => format!("\"{front}\\u0000{back}\""),
                5 => format!("\"{key}\\u0000{front}\""),
                6 => format!("\"{}\"", key.replacen('s', "\u{17f}", 1)),
                7 => format!("\"{}\"", key.replacen('k', "\\u212a", 1)),
                _ => format!("\"{front}\u{200b}{back}\""),
            }
        })
        .boxed()
}
