//! What is refused, why, and where.

use json::{ErrorKind, Limits, parse, parse_with};

fn refused(bytes: &[u8]) -> (ErrorKind, usize) {
    let error = parse(bytes).expect_err("should be refused");
    (error.kind(), error.offset())
}

#[test]
fn each_refusal_names_its_reason_and_place() {
    use ErrorKind as E;
    let cases: &[(&[u8], E, usize)] = &[
        (b"", E::UnexpectedEnd, 0),
        (b" \n", E::UnexpectedEnd, 2),
        (b"\xEF\xBB\xBF{}", E::ByteOrderMark, 0),
        (b"\"\xFF\"", E::InvalidUtf8, 1),
        (b"\"\xED\xA0\x80\"", E::InvalidUtf8, 1),
        (b"\"\xC0\x80\"", E::InvalidUtf8, 1),
        (b"[1,]", E::TrailingComma, 2),
        (b"{\"a\":1 ,}", E::TrailingComma, 7),
        (b"[,1]", E::ExpectedValue, 1),
        (b"[1 2]", E::ExpectedCommaOrEnd, 3),
        (b"[1}", E::ExpectedCommaOrEnd, 2),
        (b"{\"a\":1]", E::ExpectedCommaOrEnd, 6),
        (b"{a:1}", E::ExpectedKey, 1),
        (b"{\"a\":1,b:2}", E::ExpectedKey, 7),
        (b"{\"a\" 1}", E::ExpectedColon, 5),
        (b"{\"a\":}", E::ExpectedValue, 5),
        (b"[1", E::UnexpectedEnd, 2),
        (b"[", E::UnexpectedEnd, 1),
        (b"{\"a\":", E::UnexpectedEnd, 5),
        (b"{} {}", E::TrailingBytes, 3),
        (b"1 x", E::TrailingBytes, 2),
        (b"nul", E::UnexpectedEnd, 3),
        (b"nulL", E::ExpectedValue, 3),
        (b"NaN", E::ExpectedValue, 0),
        (b"+1", E::ExpectedValue, 0),
        (b".5", E::ExpectedValue, 0),
        (b"01", E::BadNumber, 1),
        (b"-x", E::BadNumber, 1),
        (b"-", E::UnexpectedEnd, 1),
        (b"1.", E::UnexpectedEnd, 2),
        (b"[1.]", E::BadNumber, 3),
        (b"[1e+]", E::BadNumber, 4),
        (b"\"\x01\"", E::ControlCharacter, 1),
        (b"\"tab\there\"", E::ControlCharacter, 4),
        (b"\"open", E::UnexpectedEnd, 5),
        (b"\"\\x\"", E::BadEscape, 2),
        (b"\"\\u12g4\"", E::BadEscape, 5),
        (b"\"\\", E::UnexpectedEnd, 2),
        (b"\"\\ud800\"", E::LoneSurrogate, 1),
        (b"\"\\udc00\"", E::LoneSurrogate, 1),
        (b"\"\\ud800\\u0041\"", E::LoneSurrogate, 1),
        (b"\"\\ud800\\n\"", E::LoneSurrogate, 1),
        (b"// no\n1", E::ExpectedValue, 0),
        (b"'a'", E::ExpectedValue, 0),
        (b"[1]\0", E::TrailingBytes, 3),
        (b"\x0C1", E::ExpectedValue, 0),
    ];
    for (bytes, kind, offset) in cases {
        assert_eq!(refused(bytes), (*kind, *offset), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn whatever_the_grammar_allows_is_read() {
    for text in [
        "0",
        "-0",
        "-0.0e-0",
        "1E+2",
        "1e400",
        "\"\"",
        "[]",
        "{}",
        " \t\r\n[ ] ",
        "{\"\":{}}",
        "[[[]],{\"a\":[null,true,false]}]",
        "\"\\ud83d\\ude00\"",
        "\"\u{7f}\u{2028}\u{10ffff}\"",
    ] {
        assert!(parse(text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn nesting_ends_at_the_limit_and_never_at_the_stack() {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    assert!(parse(&nested(64)).is_ok());
    assert_eq!(refused(&nested(65)), (ErrorKind::TooDeep, 64));
    assert_eq!(refused(&vec![b'['; 1_000_000]), (ErrorKind::TooDeep, 64));

    let deep = nested(60_000);
    let tape = parse_with(&deep, Limits { max_depth: u16::MAX }).unwrap();
    let mut canonical = Vec::new();
    json::canonical_into(tape.root(), &mut canonical);
    assert_eq!(canonical, deep);
}

#[test]
fn errors_read_like_sentences() {
    let error = parse(b"{\"a\":1,}").unwrap_err();
    assert_eq!(error.to_string(), "a comma with nothing after it at byte 6");
}
