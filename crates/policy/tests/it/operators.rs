//! Every operator: what holds, what does not, what cannot be judged.

use crate::support::{for_t, judged, outcome, rule};

/// A policy that denies if the test of `args.v` holds.
fn denying(op: &str, value: &str) -> policy::Compiled {
    let test = format!(r#"{{"path":"args.v","op":"{op}","value":{value}}}"#);
    for_t(&rule(&format!(r#"{{"deny_if":[{{"conditions":[{test}],"on_deny":"held"}}]}}"#)))
}

/// `+` holds, `-` does not, `?` cannot be judged.
fn sign(op: &str, value: &str, argument: &str) -> char {
    let said = judged(&denying(op, value), "t", &format!(r#"{{"v":{argument}}}"#));
    match said.as_str() {
        "allowed" => '-',
        text if text.ends_with(" held") => '+',
        text if text.contains(" must be ") => '?',
        other => panic!("{other}"),
    }
}

/// An operator, its value, and arguments with the expected sign.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, char)]);

fn table(cases: &[Case<'_>]) {
    for (op, value, arguments) in cases {
        for (argument, expected) in *arguments {
            assert_eq!(sign(op, value, argument), *expected, "{op} {value} against {argument}");
        }
    }
}

#[test]
fn equality_is_typed_and_exact() {
    table(&[
        ("eq", "1", &[("1", '+'), ("1.0", '+'), ("10e-1", '+'), ("\"1\"", '-'), ("true", '-')]),
        ("eq", "\"a\"", &[("\"a\"", '+'), ("\"\\u0061\"", '+'), ("\"A\"", '-'), ("[\"a\"]", '-')]),
        ("eq", "0.1", &[("0.1", '+'), ("0.10000000000000001", '-'), ("1e-1", '+')]),
        ("eq", "true", &[("true", '+'), ("false", '-'), ("1", '-'), ("\"true\"", '-')]),
        ("eq", "[1,\"a\"]", &[("[1.0,\"a\"]", '+'), ("[\"a\",1]", '-'), ("[1]", '-')]),
        (
            "eq",
            r#"{"a":1,"b":[2]}"#,
            &[
                (r#"{"b":[2.0],"a":1}"#, '+'),
                (r#"{"a":1}"#, '-'),
                (r#"{"a":1,"b":[2],"c":3}"#, '-'),
            ],
        ),
        ("eq", "1", &[("1e999", '?'), ("123456789012345678901234567890123456", '?')]),
        ("eq", "{}", &[("{}", '+'), (r#"{"deep":[1e999]}"#, '?')]),
        ("neq", "1", &[("1.0", '-'), ("2", '+'), ("\"1\"", '+'), ("1e999", '?')]),
        ("neq", "\"prod\"", &[("\"prod\"", '-'), ("\"dev\"", '+'), ("[\"prod\"]", '+')]),
    ]);
}

#[test]
fn membership_is_equality_with_one_of_several() {
    table(&[
        ("in", r#"[1,"a",null]"#, &[("1.0", '+'), ("\"a\"", '+'), ("\"b\"", '-'), ("2", '-')]),
        ("in", "[]", &[("1", '-'), ("1e999", '?')]),
        ("in", "[[1]]", &[("[1]", '+'), ("1", '-')]),
        ("not_in", r#"["a","b"]"#, &[("\"a\"", '-'), ("\"c\"", '+'), ("5", '+'), ("1e999", '?')]),
    ]);
}

#[test]
fn order_takes_numbers_only() {
    let huge = "10000000000000000000000000000000000000001";
    table(&[
        ("gt", "10000", &[("10000", '-'), ("10000.000001", '+'), ("1e5", '+'), ("-1", '-')]),
        ("gt", "10000", &[("\"99999\"", '?'), ("[99999]", '?'), ("true", '?'), ("{}", '?')]),
        ("gt", "10000", &[("1e999", '?'), (huge, '?'), ("1e400", '+'), ("-1e400", '-')]),
        ("gte", "10", &[("10.0", '+'), ("9.9999", '-')]),
        ("lt", "0.3", &[("0.3", '-'), ("0.29999999999999999", '+'), ("\"0\"", '?')]),
        ("lte", "9007199254740993", &[("9007199254740993", '+'), ("9007199254740994", '-')]),
        ("lt", "0", &[("-0", '-'), ("-0.0000001", '+')]),
    ]);
}

#[test]
fn exists_judges_anything_that_is_there() {
    table(&[
        (
            "exists",
            "true",
            &[("1", '+'), ("\"\"", '+'), ("false", '+'), ("{}", '+'), ("null", '-')],
        ),
        ("exists", "false", &[("1", '-'), ("null", '+'), ("1e999", '-')]),
    ]);
    assert_eq!(outcome(&denying("exists", "false"), "{}"), "denied");
    assert_eq!(outcome(&denying("exists", "true"), "{}"), "allowed");
    assert_eq!(outcome(&denying("exists", "false"), "null"), "denied");
}

#[test]
fn patterns_are_unanchored_and_take_text_only() {
    table(&[
        ("regex", r#""rm\\s+-rf""#, &[("\"sudo rm  -rf /\"", '+'), ("\"rmdir\"", '-')]),
        ("regex", r#""^a.c$""#, &[("\"abc\"", '+'), ("\"xabc\"", '-'), ("\"a\\nc\"", '-')]),
        ("regex", r#""(?i)drop""#, &[("\"DROP TABLE\"", '+'), ("\"\\u0064rop\"", '+')]),
        ("regex", r#""rm""#, &[("[\"rm\",\"-rf\"]", '?'), ("5", '?'), ("{}", '?'), ("true", '?')]),
    ]);
}

#[test]
fn contains_looks_in_text_and_in_lists() {
    table(&[
        ("contains", "\"drop\"", &[("\"a drop b\"", '+'), ("\"DROP\"", '-')]),
        ("contains", "\"a\"", &[("[\"b\",\"a\"]", '+'), ("[\"ab\"]", '-'), ("[]", '-')]),
        ("contains", "1", &[("[1.0]", '+'), ("[\"1\"]", '-'), ("\"1\"", '?'), ("[1,1e999]", '?')]),
        ("contains", "\"a\"", &[("5", '?'), ("{\"a\":1}", '?'), ("true", '?')]),
    ]);
}

#[test]
fn beginnings_and_ends() {
    table(&[
        ("starts_with", "\"/srv/\"", &[("\"/srv/a\"", '+'), ("\"/etc\"", '-'), ("5", '?')]),
        ("ends_with", "\".exe\"", &[("\"a.exe\"", '+'), ("\"a.EXE\"", '-'), ("[]", '?')]),
    ]);
}

#[test]
fn globs_stop_at_slashes_and_refuse_dot_segments() {
    table(&[
        ("glob", "\"/srv/*\"", &[("\"/srv/a\"", '+'), ("\"/srv/a/b\"", '-'), ("\"/Srv/a\"", '-')]),
        ("glob", "\"/srv/**\"", &[("\"/srv/a/b\"", '+'), ("\"/etc\"", '-')]),
        ("glob", "\"/srv/**\"", &[("\"/srv/../etc\"", '?'), ("\"/srv/%2e%2E/etc\"", '?')]),
        ("glob", "\"/srv/**\"", &[("\"/srv/./a\"", '?'), ("\"\\\\srv\\\\..\\\\x\"", '?')]),
        ("glob", "\"a\"", &[("5", '?'), ("[\"a\"]", '?')]),
    ]);
}

#[test]
fn address_ranges() {
    table(&[
        ("cidr", "\"10.0.0.0/8\"", &[("\"10.1.2.3\"", '+'), ("\"11.0.0.1\"", '-')]),
        ("cidr", "\"10.0.0.0/8\"", &[("\"::ffff:10.0.0.1\"", '+'), ("\"2001:db8::1\"", '-')]),
        ("cidr", r#"["10.0.0.0/8","::1"]"#, &[("\"::1\"", '+'), ("\"10.9.9.9\"", '+')]),
        ("cidr", "\"10.0.0.0/8\"", &[("\"localhost\"", '?'), ("\"010.0.0.1\"", '?'), ("7", '?')]),
        ("cidr", "\"10.0.0.0/8\"", &[("\"0x0a000001\"", '?'), ("\"10.1\"", '?')]),
    ]);
}

#[test]
fn lengths_of_text_and_lists() {
    table(&[
        ("length_lte", "3", &[("\"abc\"", '+'), ("\"abcd\"", '-'), ("\"äöü\"", '+')]),
        ("length_lte", "2", &[("[1,2]", '+'), ("[1,2,3]", '-'), ("[]", '+')]),
        ("length_lte", "3", &[("123", '?'), ("{}", '?'), ("true", '?')]),
    ]);
}

#[test]
fn a_missing_path_makes_every_operator_false_and_not_turns_that_round() {
    let values = [
        ("eq", "1"),
        ("neq", "1"),
        ("lt", "1"),
        ("lte", "1"),
        ("gt", "1"),
        ("gte", "1"),
        ("in", "[1]"),
        ("not_in", "[1]"),
        ("exists", "true"),
        ("regex", "\"\""),
        ("contains", "\"\""),
        ("starts_with", "\"\""),
        ("ends_with", "\"\""),
        ("glob", "\"**\""),
        ("cidr", "\"0.0.0.0/0\""),
        ("length_lte", "9"),
    ];
    for (op, value) in values {
        let test = format!(r#"{{"path":"args.v","op":"{op}","value":{value}}}"#);
        let not = format!(r#"{{"not":{test}}}"#);
        for arguments in ["{}", r#"{"v":null}"#, "null"] {
            let judge = |gate: &str, test: &str| {
                let policy = rule(&format!(r#"{{"{gate}":[{{"conditions":[{test}]}}]}}"#));
                outcome(&for_t(&policy), arguments)
            };
            assert_eq!(judge("require", &test), "denied", "{op} {arguments}");
            assert_eq!(judge("deny_if", &test), "allowed", "{op} {arguments}");
            assert_eq!(judge("require", &not), "allowed", "{op} {arguments}");
            assert_eq!(judge("deny_if", &not), "denied", "{op} {arguments}");
        }
    }
}

#[test]
fn what_cannot_be_judged_passes_nowhere() {
    let test = r#"{"path":"args.v","op":"gt","value":10}"#;
    let conditions = [
        test.to_owned(),
        format!(r#"{{"not":{test}}}"#),
        format!(r#"{{"any":[{{"path":"args.other","op":"eq","value":1}},{test}]}}"#),
        format!(r#"{{"path":"args.other","op":"eq","value":2}},{test}"#),
        format!(r#"{{"not":{{"all":[{{"path":"args.other","op":"eq","value":2}},{test}]}}}}"#),
    ];
    for gate in ["require", "deny_if", "approve_if"] {
        for condition in &conditions {
            let policy = rule(&format!(r#"{{"{gate}":[{{"conditions":[{condition}]}}]}}"#));
            let said = judged(&for_t(&policy), "t", r#"{"v":"11","other":1}"#);
            let expected = format!("denied /tools/t/{gate}/0 v must be a number.");
            assert_eq!(said, expected, "{condition}");
        }
    }
}

#[test]
fn groups_join_as_their_names_say() {
    let is = |n: u8| format!(r#"{{"path":"args.v","op":"eq","value":{n}}}"#);
    let cases = [
        (format!(r#"{{"any":[{},{}]}}"#, is(1), is(2)), "++-"),
        (format!(r#"{{"all":[{},{}]}}"#, is(1), is(1)), "+--"),
        (format!(r#"{{"not":{{"any":[{},{}]}}}}"#, is(1), is(2)), "--+"),
        (format!(r#"{{"not":{{"not":{}}}}}"#, is(2)), "-+-"),
        (format!(r#"{{"not":{{"all":[{{"not":{}}},{{"not":{}}}]}}}}"#, is(1), is(3)), "+-+"),
    ];
    for (condition, expected) in cases {
        let policy = for_t(&rule(&format!(r#"{{"deny_if":[{{"conditions":[{condition}]}}]}}"#)));
        let signs: String = (1..=3)
            .map(|v| outcome(&policy, &format!("{{\"v\":{v}}}")))
            .map(|said| if said == "denied" { '+' } else { '-' })
            .collect();
        assert_eq!(signs, expected, "{condition}");
    }
}
