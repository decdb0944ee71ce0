//! The nastiest documents: none is accepted, none takes long, and each gets all of its errors at
//! once.

use std::fmt::Write as _;

use crate::support::{listed, rule, with};

/// So much of a document, and so many of its errors, are shown.
const SHOWN_CHARS: usize = 300;
const SHOWN_LINES: usize = 14;

fn test(condition: &str) -> String {
    rule(&format!(r#"{{"deny_if":[{{"conditions":[{condition}]}}]}}"#))
}

fn limit(members: &str) -> String {
    rule(&format!(r#"{{"limits":[{{"counter":"c",{members}}}]}}"#))
}

fn of_value(op: &str, value: &str) -> String {
    test(&format!(r#"{{"path":"args.a","op":"{op}","value":{value}}}"#))
}

fn of_path(path: &str) -> String {
    test(&format!(r#"{{"path":"{path}","op":"exists","value":true}}"#))
}

fn several<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    parts.into_iter().map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join(",")
}

/// What is no JSON, or not the JSON that it seems to be.
fn not_json() -> Vec<(&'static str, String)> {
    let doc = r#"{"version":"1","default":"deny"}"#;
    vec![
        ("nothing", String::new()),
        ("blanks", " \n\t ".to_owned()),
        ("a byte order mark", format!("\u{feff}{doc}")),
        ("NaN", of_value("eq", "NaN")),
        ("minus infinity", of_value("gt", "-Infinity")),
        ("a leading zero", of_value("gt", "01")),
        ("a plus", of_value("gt", "+1")),
        ("a bare fraction", of_value("gt", ".5")),
        ("hexadecimal", of_value("gt", "0x10")),
        ("single quotes", doc.replace('"', "'")),
        ("a comment", format!("// all of it\n{doc}")),
        ("a trailing comma", doc.replace('}', ",}")),
        ("two documents", format!("{doc}{doc}")),
        ("an escape that is none", with(r#""hide":["\x41"]"#)),
        ("half of a pair", with(r#""hide":["\ud800"]"#)),
        ("a line break in a text", with("\"hide\":[\"a\nb\"]")),
        ("a document in a text", format!("{doc:?}")),
        ("a hundred thousand brackets", "[".repeat(100_000)),
    ]
}

/// What is too much.
fn too_much() -> Vec<(&'static str, String)> {
    let limit = r#"{"counter":"c","window":"day","max":1}"#;
    let numbered = |count: usize, part: &dyn Fn(usize) -> String| several((0..count).map(part));
    let pattern = |n| format!(r#"{{"path":"args.a","op":"regex","value":"^\\w{{{}}}x{n}"}}"#, 30);
    vec![
        ("300 KB of blanks", format!("{}{{}}", " ".repeat(300 * 1024))),
        ("300 KB of schema", with(&format!(r#""$schema":"{}""#, "x".repeat(300 * 1024)))),
        (
            "2 001 rules",
            with(&format!(r#""tools":{{{}}}"#, numbered(2_001, &|n| format!(r#""t{n}":{{}}"#)))),
        ),
        (
            "2 001 hidden globs",
            with(&format!(r#""hide":[{}]"#, numbered(2_001, &|n| format!(r#""*{n}""#)))),
        ),
        ("65 limits", rule(&format!(r#"{{"limits":[{}]}}"#, several(vec![limit; 65])))),
        (
            "65 limits of all tools",
            with(&format!(r#""all_tools":{{"limits":[{}]}}"#, several(vec![limit; 65]))),
        ),
        ("forty nots", test(&format!("{}{{}}{}", r#"{"not":"#.repeat(40), "}".repeat(40)))),
        ("a list in a list", with(&format!(r#""hide":{}{}"#, "[".repeat(50), "]".repeat(50)))),
        ("a thousand errors", with(&format!(r#""hide":[{}]"#, several(vec!["5"; 1_000])))),
        ("forty large patterns", test(&numbered(40, &pattern))),
        ("one huge pattern", of_value("regex", r#""(((a{100}){100}){100}){100}""#)),
        ("an endless pattern", of_value("regex", &format!("\"{}\"", "a".repeat(1_001)))),
        ("an endless name", with(&format!(r#""tools":{{"{}":{{}}}}"#, "n".repeat(1_001)))),
        (
            "an endless reason",
            rule(&format!(r#"{{"action":"deny","reason":"{}"}}"#, "r".repeat(1_001))),
        ),
        (
            "33 redactions",
            rule(&format!(
                r#"{{"response":{{"redact":[{}]}}}}"#,
                numbered(33, &|n| format!(r#"{{"regex":"a{n}","with":"x"}}"#))
            )),
        ),
        (
            "an endless replacement",
            rule(&format!(
                r#"{{"response":{{"redact":[{{"regex":"a","with":"{}"}}]}}}}"#,
                "x".repeat(201)
            )),
        ),
    ]
}

/// Numbers beyond all measure.
fn numbers() -> Vec<(&'static str, String)> {
    let written_out = format!("1{}", "0".repeat(999));
    let tiny = format!("0.{}1", "0".repeat(999));
    vec![
        ("ten to the 999th", of_value("gt", "1e999")),
        ("the same written out", of_value("lt", &written_out)),
        ("next to nothing", of_value("eq", &tiny)),
        ("35 digits", of_value("in", "[1,{\"a\":[12345678901234567890123456789012345]}]")),
        ("a maximum of it", limit(&format!(r#""window":"day","max":{written_out}"#))),
        ("a maximum below nothing", limit(r#""window":"day","max":-1e-400"#)),
        ("half a call", limit(r#""window":"day","max":0.5"#)),
        (
            "seven places of money",
            limit(r#""window":"day","max":0.0000001,"increment_from":"args.a""#),
        ),
        ("a window of nothing", limit(r#""window":0,"max":1"#)),
        ("a window of more than a month", limit(r#""window":2678401,"max":1"#)),
        ("a range of 33 bits", of_value("cidr", r#""10.0.0.0/33""#)),
        ("a length of minus one", of_value("length_lte", "-1")),
        ("answers of no byte", rule(r#"{"response":{"max_bytes":0}}"#)),
    ]
}

/// Words that look like others, or hide something.
fn words() -> Vec<(&'static str, String)> {
    let key = |key: &str| format!(r#"{{"version":"1","{key}":"deny"}}"#);
    vec![
        ("a key in other case", key("Default")),
        ("a key with a blank", key("default ")),
        ("a key in full width", key("ｄefault")),
        ("a Cyrillic а", key("def\u{430}ult")),
        ("a key with nothing to see in it", with("\"too\u{200b}ls\":{}")),
        ("a key with a NUL", with(r#""tools\u0000":{}"#)),
        ("a prototype", with(r#""__proto__":{"default":"allow"}"#)),
        ("a key twice", r#"{"version":"1","default":"deny","default":"allow"}"#.to_owned()),
        ("twice by an escape", with(r#""d\u0065fault":"allow""#)),
        (
            "a rule twice, at depth too",
            with(
                r#""tools":{"t":{},"t":{"deny_if":[{"conditions":[{"path":"args.a","path":"args.b",
            "op":"eq","value":{"k":1,"k":2}}]}]}}"#,
            ),
        ),
        ("a NUL in a name", with(r#""hide":["pay\u0000x"]"#)),
        ("stars for everything", with(r#""tools":{"*":{},"**":{},"a\\":{}}"#)),
        ("a way out in a glob", with(r#""resources":{"rules":{"file:///a/../b":{},"**":{}}}"#)),
        (
            "operators of elsewhere",
            test(&several(
                ["=~", "GT", "eq ", "__class__", "==", "&&"]
                    .map(|op| format!(r#"{{"path":"args.a","op":"{op}","value":1}}"#)),
            )),
        ),
        ("an operator that is a list", test(r#"{"path":"args.a","op":["eq"],"value":1}"#)),
        (
            "patterns of elsewhere",
            test(&several(
                ["(?<=a)b", r"(a)\\1", r"\\p{Foo}", "a{2,1}"]
                    .map(|p| format!(r#"{{"path":"args.a","op":"regex","value":"{p}"}}"#)),
            )),
        ),
        (
            "paths of elsewhere",
            test(&several(
                [
                    "$.a",
                    "args['a']",
                    "args.a[0]",
                    "args",
                    "args.",
                    "args.a..b",
                    "args.a]",
                    "state.x",
                ]
                .map(|p| format!(r#"{{"path":"{p}","op":"exists","value":true}}"#)),
            )),
        ),
        ("a path with a NUL", of_path(r"args.a\u0000")),
        ("versions of elsewhere", r#"{"version":["1"],"default":{"deny":true}}"#.to_owned()),
        ("a mode in capitals", with(r#""mode":"OBSERVE""#)),
        (
            "a category that is hidden",
            with(r#""categories":{"Read ":{},"write":{"action":"hide"}}"#),
        ),
        (
            "everything at once",
            r#"{"version":"2","defualt":"deny","mode":5,"hide":{"a":1},
            "all_tools":{"response":{},"limits":[{"counter":""}]},"tools":{"pay":{"action":"denied",
            "reason":"","rate_limit":{"max":"ten","window":"fortnight"},"validate_arguments":"yes",
            "require":[{"path":"args.a"}],"deny_if":[{"conditions":[{"any":[],"all":[]},{}]}]}},
            "prompts":{"rules":{"p":{"validate_arguments":true}}},
            "resources":{"rules":{"r":{"require":[{"conditions":[{"path":"args.x","op":"exists",
            "value":true},{"path":"tool.risk","op":"eq","value":"low"}]}]}}},
            "server_requests":{"tools":"deny","roots":"maybe"},"list_denied":"no",
            "approvals":{"expires":"1y","hold":50,"approvers":3}}"#
                .to_owned(),
        ),
    ]
}

fn all() -> Vec<(&'static str, String)> {
    [not_json(), too_much(), numbers(), words()].into_iter().flatten().collect()
}

fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= SHOWN_CHARS {
        return text.to_owned();
    }
    let half = |from: usize| text.chars().skip(from).take(SHOWN_CHARS / 2).collect::<String>();
    format!("{}… ({} bytes) …{}", half(0), text.len(), half(length - SHOWN_CHARS / 2))
}

#[test]
fn each_gets_exact_errors_all_at_once() {
    let all = all();
    assert!(all.len() >= 50, "{}", all.len());
    let mut out = String::new();
    for (name, text) in all {
        let Err(problems) = policy::parse(&text) else { panic!("accepted: {name}: {text}") };
        let listed = listed(&problems);
        let visible =
            |line: &str| shortened(line).replace('\0', "\\0").replace('\u{200b}', "\\u{200b}");
        let lines: Vec<_> = listed.lines().take(SHOWN_LINES).map(visible).collect();
        let rest = problems.len().saturating_sub(SHOWN_LINES);
        let more = if rest > 0 { format!("\n… and {rest} more") } else { String::new() };
        let text = shortened(&text).escape_debug().to_string().replace("\\\"", "\"");
        let _ = writeln!(out, "=== {name}\n{text}\n{}{more}\n", lines.join("\n"));
    }
    insta::assert_snapshot!(out);
}
