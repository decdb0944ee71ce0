//! Strings: finding their end, reading their escapes, writing them.

use std::borrow::Cow;
use std::str::Chars;

/// Length of the prefix without a quote, a backslash or a control character, eight bytes a step.
pub(crate) fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return index * 8 + (special.trailing_zeros() / 8) as usize;
        }
    }
    let rest = tail.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
    words.len() * 8 + rest.unwrap_or(tail.len())
}

/// A high bit for each byte that ends a plain run. A borrow may set bits above a true hit, never
/// below, so the lowest one is exact.
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES * 0x80;
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word;
    let quotes = zero_bytes(word ^ (ONES * u64::from(b'"')));
    let backslashes = zero_bytes(word ^ (ONES * u64::from(b'\\')));
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | backslashes | controls) & HIGHS
}

// === Reading ===

/// The text of a string that the parser accepted, given without its quotes.
pub(crate) fn unescape(raw: &str, has_escapes: bool) -> Cow<'_, str> {
    if !has_escapes {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escape.chars();
        out.push(escaped_char(&mut chars));
        rest = chars.as_str();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Whether a raw string means `text`, without allocating.
pub(crate) fn means(raw: &str, has_escapes: bool, text: &str) -> bool {
    if has_escapes { Unescaped(raw.chars()).eq(text.chars()) } else { raw == text }
}

struct Unescaped<'a>(Chars<'a>);

impl Iterator for Unescaped<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self.0.next()? {
            '\\' => Some(escaped_char(&mut self.0)),
            plain => Some(plain),
        }
    }
}

/// The character of an escape sequence; the backslash is already taken.
fn escaped_char(chars: &mut Chars<'_>) -> char {
    match chars.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{C}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => unicode_char(chars),
        // Quote, backslash and slash stand for themselves; the parser let nothing else through.
        other => other.unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

fn unicode_char(chars: &mut Chars<'_>) -> char {
    let first = four_hex_digits(chars);
    let code = if (0xD800..0xDC00).contains(&first) {
        chars.next();
        chars.next();
        let second = four_hex_digits(chars);
        0x1_0000 + ((first & 0x3FF) << 10 | (second & 0x3FF))
    } else {
        first
    };
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn four_hex_digits(chars: &mut Chars<'_>) -> u32 {
    let digits = chars.by_ref().take(4);
    digits.fold(0, |code, digit| code << 4 | digit.to_digit(16).unwrap_or(0))
}

// === Writing ===

/// Appends `text` as a JSON string, quotes included, escaping only what RFC 8785 escapes.
pub fn escape_into(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_prefix(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0A => out.extend_from_slice(b"\\n"),
            0x0C => out.extend_from_slice(b"\\f"),
            0x0D => out.extend_from_slice(b"\\r"),
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = after;
    }
    out.push(b'"');
}

/// `text` as a JSON string, quotes included.
pub fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    escape_into(&mut out, text);
    // What goes in is UTF-8 and what is added is ASCII.
    String::from_utf8(out).unwrap_or_default()
}
