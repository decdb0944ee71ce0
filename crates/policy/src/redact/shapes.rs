//! What secrets, e-mail addresses, card numbers and phone numbers look like. Each pattern is
//! linear, and each look at a candidate is bounded.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::response::Sensitive;

/// What is sensitive about a candidate: a part of it, all of it, or nothing after all.
type Part = fn(&str, &Captures<'_>) -> Option<Range<usize>>;

/// How often a text is looked at anew after a hit.
const MAX_PASSES: usize = 8;

struct Shape {
    regex: Regex,
    part: Part,
}

/// Keys of services and protocols that are known by their first letters.
const TOKENS: &str = concat!(
    // Private keys, to their end or as far as they go.
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
    r"(?:(?:-{0,4}[^-])*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
    r"|[A-Za-z0-9+/=\s\\:,.]*)",
    // JSON Web Tokens.
    r"|(?-u:\b)eyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}",
    r"|(?-u:\b)(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?-u:\b)",
    r"|(?-u:\b)gh[pousr]_[0-9A-Za-z]{36,}",
    r"|(?-u:\b)github_pat_[0-9A-Za-z_]{22,}",
    r"|(?-u:\b)gl(?:pat|dt|ptt|rt|soat|cbt)-[0-9A-Za-z_.-]{20,}",
    r"|(?-u:\b)xox[abeoprs]-[0-9A-Za-z-]{10,}",
    r"|(?-u:\b)xapp-[0-9]-[0-9A-Za-z-]{10,}",
    r"|hooks\.slack\.com/(?:services|workflows|triggers)/[0-9A-Za-z/_+-]{20,}",
    r"|(?-u:\b)[rsp]k_(?:live|test)_[0-9A-Za-z]{10,}",
    r"|(?-u:\b)whsec_[0-9A-Za-z+/=]{20,}",
    r"|(?-u:\b)AIza[0-9A-Za-z_-]{35}",
    r"|(?-u:\b)GOCSPX-[0-9A-Za-z_-]{20,}",
    r"|(?-u:\b)ya29\.[0-9A-Za-z_-]{20,}",
    r"|(?-u:\b)sk-(?:[a-z]{2,10}-)?[0-9A-Za-z_-]{20,}",
    r"|(?-u:\b)npm_[0-9A-Za-z]{36}",
    r"|(?-u:\b)pypi-[0-9A-Za-z_-]{50,}",
    r"|(?-u:\b)dckr_(?:pat|oat)_[0-9A-Za-z_-]{20,}",
    r"|(?-u:\b)hf_[0-9A-Za-z]{30,}",
    r"|(?-u:\b)SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}",
    r"|(?-u:\b)(?:AC|SK)[0-9a-f]{32}(?-u:\b)",
    r"|(?-u:\b)do[opr]_v1_[0-9a-f]{64}",
    r"|(?-u:\b)lin_(?:api|oauth)_[0-9A-Za-z]{32,}",
    r"|(?-u:\b)shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    r"|(?-u:\b)hv[bsr]\.[0-9A-Za-z_-]{20,}",
    r"|(?-u:\b)ATATT3[0-9A-Za-z_=-]{20,}",
    r"|(?-u:\b)glsa_[0-9A-Za-z_]{32,}",
    r"|(?-u:\b)(?:ntn|secret)_[0-9A-Za-z]{40,}",
    r"|(?-u:\b)[0-9]{8,10}:AA[0-9A-Za-z_-]{33}",
    // Our own.
    r"|(?-u:\b)db[a-z]_[0-9A-Za-z_-]{20,}",
);
const BEARER: &str = r"(?i)(?-u:\b)(?:bearer|basic)[ \t]{1,4}([0-9a-z._~+/=-]{12,2048})";
const URL_PASSWORD: &str =
    r"(?-u:\b)[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s/:@]{0,200}:([^\s/@]{1,200})@";
const ASSIGNED: &str = concat!(
    r"(?i)(?:pass(?:word|wd|phrase)|secret|(?:api|access|private|secret|signing)[_-]?key|token|",
    r#"authorization)["']?[ \t]{0,3}(=>|[:=])[ \t]{0,3}["']?([^\s"',;&<>]{4,512})"#,
);
const EMAILS: &str = r"[\p{L}\p{N}._%+'-]+@(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}";
const CARDS: &str = r"(?-u:\b)[2-6](?:[ -]?[0-9]){12,18}(?-u:\b)";
const PHONES: &str = concat!(
    r"\+[1-9](?:[ ./-]?\(?[0-9]{1,4}\)?){2,8}",
    r"|\([0-9]{3}\) ?[0-9]{3}[ .-][0-9]{4}",
    r"|(?-u:\b)[0-9]{3}[.-][0-9]{3}[.-][0-9]{4}",
    r"|(?-u:\b)0[0-9]{2,4}[ /-][0-9]{3,4}[ -]?[0-9]{3,4}",
);

/// A name and its value in quotes, as in JSON and in its like, escaped or not.
const QUOTED: &str = concat!(
    r#"\\{0,7}["']([A-Za-z0-9_. -]{1,60}?)\\{0,7}["'][ \t]{0,3}(?:=>|[:=])[ \t]{0,3}"#,
    r#"(?:\\{0,7}"((?:[^"\\]|\\+[^"\\])+)|\\{0,7}'((?:[^'\\]|\\+[^'\\])+)|([0-9][0-9.]{3,64}))"#,
);

static SECRETS: LazyLock<[Shape; 5]> = LazyLock::new(|| {
    [
        shape(TOKENS, |_, found| group(found, 0)),
        shape(BEARER, |text, found| group(found, 1).filter(|part| is_random(at(text, part)))),
        shape(URL_PASSWORD, |_, found| group(found, 1)),
        shape(QUOTED, quoted),
        shape(ASSIGNED, assigned),
    ]
});
static EMAIL: LazyLock<[Shape; 1]> = LazyLock::new(|| [shape(EMAILS, email)]);
static CARD: LazyLock<[Shape; 1]> = LazyLock::new(|| [shape(CARDS, card)]);
static PHONE: LazyLock<[Shape; 1]> = LazyLock::new(|| [shape(PHONES, phone)]);

#[expect(clippy::expect_used, reason = "the patterns above; a test compiles each")]
fn shape(pattern: &str, part: Part) -> Shape {
    Shape { regex: Regex::new(pattern).expect("a pattern of our own"), part }
}

/// The text without what looks like that; `None` if nothing does.
pub(super) fn without(kind: Sensitive, text: &str) -> Option<String> {
    let shapes: &[Shape] = match kind {
        Sensitive::Secrets => &*SECRETS,
        Sensitive::Emails => &*EMAIL,
        Sensitive::Cards => &*CARD,
        Sensitive::Phones => &*PHONE,
    };
    let mut now: Option<String> = None;
    for shape in shapes {
        // What stood beside a hit may stand alone now.
        for _ in 0..MAX_PASSES {
            let next = shape.replaced(now.as_deref().unwrap_or(text), kind.mark());
            let Some(next) = next else { break };
            now = Some(next);
        }
    }
    now
}

impl Shape {
    fn replaced(&self, text: &str, mark: &str) -> Option<String> {
        let mut out: Option<String> = None;
        let (mut from, mut copied) = (0, 0);
        while let Some(found) = self.regex.captures_at(text, from) {
            let all = found.get_match();
            let part = (self.part)(text, &found).filter(|part| at(text, part) != mark);
            let Some(part) = part else {
                // What is no hit may have one within.
                from = after_first_char(text, all.start());
                continue;
            };
            let out = out.get_or_insert_default();
            out.push_str(at(text, &(copied..part.start)));
            out.push_str(mark);
            copied = part.end;
            from = all.end().max(part.end);
        }
        if let Some(out) = &mut out {
            out.push_str(at(text, &(copied..text.len())));
        }
        out
    }
}

fn at<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    text.get(range.clone()).unwrap_or_default()
}

fn after_first_char(text: &str, start: usize) -> usize {
    let length = text.get(start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
    start + length
}

fn group(found: &Captures<'_>, which: usize) -> Option<Range<usize>> {
    found.get(which).map(|part| part.range())
}

// === Secrets ===

/// Letters with digits or signs: no word that people write.
fn is_random(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// `password=…` is one whatever it is; behind a colon, prose may follow, and a placeholder is none.
fn assigned(text: &str, found: &Captures<'_>) -> Option<Range<usize>> {
    let (sign, part) = (found.get(1)?, group(found, 2)?);
    let value = at(text, &part);
    let is_placeholder = value.starts_with(['<', '$', '{', '[', '*', '(']);
    let is_meant = sign.as_str() == "=" || (value.len() >= 8 && is_random(value));
    (is_meant && !is_placeholder).then_some(part)
}

/// Behind a name in quotes, a value is meant whatever it is.
fn quoted(text: &str, found: &Captures<'_>) -> Option<Range<usize>> {
    let name = group(found, 1)?;
    let part = (2..=4).find_map(|which| group(found, which))?;
    names_a_secret(at(text, &name)).then_some(part)
}

/// Names that end so have a secret as their value.
const SECRET_ENDINGS: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "accesstoken",
    "refreshtoken",
    "authtoken",
    "idtoken",
    "sessiontoken",
    "bearertoken",
    "apitoken",
];
const SECRET_NAMES: [&str; 5] = ["token", "authorization", "credential", "cookie", "setcookie"];

/// Whether a text under that key is a secret, whatever it looks like. Sentences name nothing.
pub(super) fn names_a_secret(key: &str) -> bool {
    if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte)) {
        return false;
    }
    let plain: String =
        key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_NAMES.contains(&&*plain) || SECRET_ENDINGS.iter().any(|end| plain.ends_with(end))
}

// === E-mail addresses, card and phone numbers ===

/// The address of a repository is none, nor is the rest of one.
fn email(text: &str, found: &Captures<'_>) -> Option<Range<usize>> {
    let all = found.get_match();
    let before = text.get(..all.start()).and_then(|text| text.chars().next_back());
    let next = text.get(all.end()..).and_then(|rest| rest.chars().next());
    let is_repository = all.as_str().starts_with("git@") && matches!(next, Some(':' | '/'));
    let is_rest = before.is_some_and(char::is_alphanumeric);
    (!is_repository && !is_rest).then(|| all.range())
}

fn card(text: &str, found: &Captures<'_>) -> Option<Range<usize>> {
    let all = found.get_match();
    (stands_alone(text, &all.range()) && is_card(all.as_str())).then(|| all.range())
}

/// Digits in groups, of a length and a check digit that cards have (ISO/IEC 7812).
pub(super) fn is_card(text: &str) -> bool {
    let is_separator = |byte: &u8| matches!(byte, b' ' | b'-');
    let digits: Vec<u8> = text.bytes().filter(|byte| !is_separator(byte)).collect();
    let is_plausible = (13..=19).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && digits.first().is_some_and(|first| (b'2'..=b'6').contains(first))
        && digits.iter().any(|digit| Some(digit) != digits.first());
    is_plausible && luhn(&digits)
}

fn luhn(digits: &[u8]) -> bool {
    let value = |(place, digit): (usize, &u8)| {
        let digit = u32::from(digit - b'0');
        match (place % 2, digit) {
            (0, _) => digit,
            (_, 0..=4) => digit * 2,
            _ => digit * 2 - 9,
        }
    };
    digits.iter().rev().enumerate().map(value).sum::<u32>().is_multiple_of(10)
}

fn phone(text: &str, found: &Captures<'_>) -> Option<Range<usize>> {
    let all = found.get_match();
    // A bracket that closes none of its own is the sentence's.
    let count = |bracket| all.as_str().matches(bracket).count();
    let is_closed = count(')') <= count('(');
    let number = if is_closed { all.as_str() } else { all.as_str().trim_end_matches(')') };
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let range = all.start()..all.start() + number.len();
    ((8..=15).contains(&digits) && stands_alone(text, &range)).then_some(range)
}

/// Not a piece of something longer, such as a UUID, a version or a date.
fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '#');
    let mut before = text.get(..range.start).unwrap_or_default().chars().rev();
    let starts = match (before.next(), before.next()) {
        (Some(c), _) if c.is_alphanumeric() => false,
        // A number of its own begins with a plus, whatever is before it.
        (Some('+'), _) if at(text, range).starts_with('+') => true,
        // "tel.-" ends a word, "1-" a number.
        (Some(c), Some(b)) if joins(c) => !b.is_ascii_digit(),
        _ => true,
    };
    let mut after = text.get(range.end..).unwrap_or_default().chars();
    let ends = match (after.next(), after.next()) {
        (Some(c), _) if c.is_alphanumeric() => false,
        (Some(c), Some(d)) if joins(c) => !d.is_alphanumeric(),
        _ => true,
    };
    starts && ends
}
