//! What is wrong with a document: where it stands and what to write instead.

use serde::Serialize;

/// One error or warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// JSON Pointer (RFC 6901) to the place, in the document as it was written.
    pub pointer: String,
    /// Line of that place, from 1.
    pub line: u32,
    /// Column of that place in characters, from 1.
    pub column: u32,
    /// A sentence for people.
    pub detail: String,
    /// The nearest right word, where one is near.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Problem {
    /// A problem of the text as a whole.
    pub(crate) fn at_start(detail: String) -> Self {
        Self { pointer: String::new(), line: 1, column: 1, detail, suggestion: None }
    }
}

/// The pointer of a member of what `parent` points to.
pub(crate) fn child(parent: &str, key: &str) -> String {
    let mut pointer = String::with_capacity(parent.len() + key.len() + 1);
    pointer.push_str(parent);
    pointer.push('/');
    for char in key.chars() {
        match char {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
    pointer
}

/// The pointer of an element of what `parent` points to.
pub(crate) fn item(parent: &str, index: usize) -> String {
    format!("{parent}/{index}")
}

/// Of the right words the one that is near enough to be what was meant.
pub(crate) fn nearest<'w>(
    written: &str,
    right: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    let lower = written.to_lowercase();
    let allowed = match lower.chars().count() {
        // Comparing costs the product of both lengths, and nobody means such a word.
        0 | 65.. => return None,
        1..=3 => 1,
        4..=7 => 2,
        _ => 3,
    };
    right
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.to_lowercase()), word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Of the words of the language the one that was probably meant: the nearest one, or else the one
/// that begins alike, as `denied` and `deny` do.
pub(crate) fn meant<'w>(
    written: &str,
    right: impl IntoIterator<Item = &'w str> + Clone,
) -> Option<&'w str> {
    let shared = |word: &str| {
        let pairs = word.chars().zip(written.chars());
        pairs.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
    };
    let begins_alike = |word: &&str| {
        let (shared, length) = (shared(word), word.chars().count());
        let longer = length.max(written.chars().count());
        shared >= 3 && (shared == length || shared * 2 >= longer)
    };
    nearest(written, right.clone())
        .or_else(|| right.into_iter().filter(begins_alike).max_by_key(|word| shared(word)))
}

/// Line and column of a byte offset.
pub(crate) fn position(offset: usize, text: &str) -> (u32, u32) {
    let (line, column) = json::line_column(offset, text.as_bytes());
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_slashes_and_tildes() {
        assert_eq!(child("/tools", "a/b~c"), "/tools/a~1b~0c");
        assert_eq!(item("/hide", 3), "/hide/3");
    }

    #[test]
    fn the_nearest_word_is_near() {
        let words = ["default", "hide", "tools", "list_denied"];
        assert_eq!(nearest("hidee", words), Some("hide"));
        assert_eq!(nearest("Tools", words), Some("tools"));
        assert_eq!(nearest("list_denid", words), Some("list_denied"));
        assert_eq!(nearest("xyz", words), None);
        assert_eq!(nearest("", words), None);
    }

    #[test]
    fn words_of_the_language_may_also_begin_alike() {
        assert_eq!(meant("denied", ["allow", "deny"]), Some("deny"));
        assert_eq!(meant("maximum", ["max", "window"]), Some("max"));
        assert_eq!(meant("sample", ["sampling", "roots"]), Some("sampling"));
        assert_eq!(meant("rules", ["require", "reason"]), None);
    }
}
