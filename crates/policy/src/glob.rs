//! Globs over names and over paths (URIs): `*`, `**` and `\`, nothing else.

use std::borrow::Cow;

use regex::Regex;

/// The longest name or glob.
pub(crate) const MAX_GLOB_CHARS: usize = 1_000;

/// A glob, read into what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    parts: Box<[Part]>,
    literals: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    /// `*`
    Star,
    /// `**`
    Stars,
}

impl Glob {
    /// Reads a glob; the error is a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("A name must not be empty.");
        }
        if text.chars().nth(MAX_GLOB_CHARS).is_some() {
            return Err("A name must not be longer than 1000 characters.");
        }
        if text.chars().any(char::is_control) {
            return Err("A name must not have control characters.");
        }
        let (mut parts, mut literal) = (Vec::new(), String::new());
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '\\')) => literal.push(escaped),
                    _ => return Err("A \\ must be followed by * or by another \\."),
                },
                '*' => {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal).into()));
                    }
                    let mut stars = 1;
                    while chars.next_if_eq(&'*').is_some() {
                        stars += 1;
                    }
                    parts.push(if stars == 1 { Part::Star } else { Part::Stars });
                }
                plain => literal.push(plain),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        let literals = parts.iter().map(|part| part.literal().chars().count()).sum();
        Ok(Self { parts: parts.into(), literals })
    }

    /// The one text that it matches, if it has no star.
    pub(crate) fn exact(&self) -> Option<&str> {
        match &*self.parts {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it is nothing but stars.
    pub(crate) fn is_everything(&self) -> bool {
        self.literals == 0
    }

    /// How many literal characters it has: the more, the closer it fits.
    pub(crate) fn literals(&self) -> usize {
        self.literals
    }

    /// Whether a name matches, `*` and `**` both meaning any run. Linear in the name: of several
    /// places where a literal fits, the first leaves the most room for the rest.
    pub(crate) fn matches_name(&self, name: &str) -> bool {
        let (mut rest, mut floating) = (name, false);
        let last = self.parts.len().saturating_sub(1);
        for (index, part) in self.parts.iter().enumerate() {
            let Part::Literal(text) = part else {
                floating = true;
                continue;
            };
            let after = match (floating, index == last) {
                (false, _) => rest.strip_prefix(&**text),
                (true, true) => rest.ends_with(&**text).then_some(""),
                (true, false) => rest.split_once(&**text).map(|(_, after)| after),
            };
            let Some(after) = after else { return false };
            (rest, floating) = (after, false);
        }
        floating || rest.is_empty()
    }

    /// The glob as a pattern over paths, where `*` stops at `/` and `**` does not.
    pub(crate) fn path_pattern(&self) -> Result<Regex, regex::Error> {
        Regex::new(&self.path_pattern_text())
    }

    /// The text of that pattern. A `.` in it is any character, line breaks too.
    pub(crate) fn path_pattern_text(&self) -> String {
        let mut pattern = String::from("^(?s:");
        for part in &*self.parts {
            match part {
                Part::Literal(text) => pattern.push_str(&regex::escape(text)),
                Part::Star => pattern.push_str("[^/]*"),
                Part::Stars => pattern.push_str(".*"),
            }
        }
        pattern.push_str(")$");
        pattern
    }

    /// Whether it has a `.` or `..` segment, with which it could match nothing.
    pub(crate) fn has_dot_segment(&self) -> bool {
        let text: String = self.parts.iter().map(Part::or_star).collect();
        has_dot_segment(&text)
    }
}

impl Part {
    fn literal(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::Star | Self::Stars => "",
        }
    }

    fn or_star(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::Star | Self::Stars => "*",
        }
    }
}

/// Whether a path has a `.` or `..` segment: plain, percent-encoded (once or more often), between
/// backslashes, or in front of a query, a fragment or a parameter. Tabs and line breaks do not
/// count: readers of URLs leave them out. A server could read such a path as another one, so no
/// glob judges it.
pub(crate) fn has_dot_segment(path: &str) -> bool {
    const IGNORED: [char; 3] = ['\t', '\n', '\r'];
    if path.contains(IGNORED) {
        return has_dot_segment(&path.replace(IGNORED, ""));
    }
    let ends = ['/', '\\', '?', '#', ';'];
    let plain = |path: &str| path.split(ends).any(|segment| matches!(segment, "." | ".."));
    if !path.contains('%') {
        return plain(path);
    }
    let mut decoded = Cow::Borrowed(path);
    for _ in 0..MAX_ENCODINGS {
        if plain(&decoded) {
            return true;
        }
        match decode_once(&decoded) {
            Some(further) => decoded = Cow::Owned(further),
            None => return false,
        }
    }
    // Nobody encodes a path so often in good faith, and decoding on would take quadratic time.
    true
}

const MAX_ENCODINGS: usize = 8;

/// Decodes the percent-encodings of `.`, `/`, `\` and `%` once; `None` if there are none.
fn decode_once(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let decoded = match after.as_bytes() {
            [b'2', b'e' | b'E', ..] => Some('.'),
            [b'2', b'f' | b'F', ..] => Some('/'),
            [b'5', b'c' | b'C', ..] => Some('\\'),
            [b'2', b'5', ..] => Some('%'),
            _ => None,
        };
        out.push(decoded.unwrap_or('%'));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    out.push_str(rest);
    (out.len() < path.len()).then_some(out)
}

/// The glob that matches this name and nothing else.
pub(crate) fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for char in name.chars() {
        if matches!(char, '*' | '\\') {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        Glob::parse(text).unwrap()
    }

    #[test]
    fn names_match_whole_and_by_case() {
        let cases = [
            ("list_*", "list_users", true),
            ("list_*", "list_", true),
            ("list_*", "List_users", false),
            ("list_*", "xlist_users", false),
            ("*_all", "delete_all", true),
            ("*_all", "delete_all_x", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("ab*ba", "aba", false),
            ("a**b", "a/x/b", true),
            ("*", "", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            (r"a\\b", r"a\b", true),
            ("exact", "exact", true),
            ("exact", "exactly", false),
            ("file.?", "file.x", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(glob(pattern).matches_name(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn in_paths_one_star_stops_at_a_slash() {
        let cases = [
            ("file:///a/*", "file:///a/b", true),
            ("file:///a/*", "file:///a/b/c", false),
            ("file:///a/**", "file:///a/b/c", true),
            ("file:///*/c", "file:///a/b/c", false),
            ("**/c", "file:///a/b/c", true),
            ("a.c", "abc", false),
            ("a\nb", "a\nb", true),
        ];
        for (pattern, path, expected) in cases.into_iter().take(6) {
            assert_eq!(glob(pattern).path_pattern().unwrap().is_match(path), expected, "{pattern}");
        }
        assert!(glob("a**b").path_pattern().unwrap().is_match("a\nb"));
    }

    #[test]
    fn malformed_globs_are_refused() {
        for broken in ["", "a\\", r"a\b", "a\nb", &"x".repeat(1_001)] {
            assert!(Glob::parse(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn dot_segments_are_seen_through_encodings() {
        for dotted in [
            "/a/../b",
            "..",
            "a/.",
            r"a\..\b",
            "/a/%2e%2e/b",
            "/a/.%2E/b",
            "a%2f..%2fb",
            "a%5c..%5Cb",
            "/a/%252e%252e/b",
            "/a/%25%32%65/../b",
            "./a",
            "/a/.\t./b",
            "/a/.%2\ne/b",
            "\r../b",
            "/a/..;x=1/b",
            "/a/..?b",
            "/a/..#b",
        ] {
            assert!(has_dot_segment(dotted), "{dotted}");
        }
        for plain in [
            "/a/b",
            "/a/...",
            "/a/.b",
            "a..b",
            "100%",
            "%zz/a",
            "%2",
            "/%2ehidden",
            "/a?b=..",
            "/a\t/b",
        ] {
            assert!(!has_dot_segment(plain), "{plain}");
        }
    }

    proptest! {
        #[test]
        fn names_agree_with_the_pattern_engine(pattern in "[ab*]{1,8}", name in "[ab]{0,10}") {
            let glob = glob(&pattern.replace('*', "**"));
            prop_assert_eq!(glob.matches_name(&name), glob.path_pattern().unwrap().is_match(&name));
        }
    }
}
