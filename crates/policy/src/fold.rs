//! Folding of keys: which ones a careless server would take for one another.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

/// The form in which keys that differ only by case, width, composition, invisible characters or
/// what follows a NUL are equal. Borrowed where it is the key itself.
pub(crate) fn fold(key: &str) -> Cow<'_, str> {
    if is_printable_ascii(key) {
        let is_folded = !key.bytes().any(|byte| byte.is_ascii_uppercase());
        return if is_folded { Cow::Borrowed(key) } else { Cow::Owned(key.to_ascii_lowercase()) };
    }
    // Readers written in C see a key only up to a NUL.
    let key = key.trim_start_matches('\0').split('\0').next().unwrap_or_default();
    // Upper before lower, so that ß meets ss and the long s meets s; lower before that, because ẞ
    // has no other upper case than itself. Composed again at the end, because casing can undo a
    // composition.
    let visible = key.nfkc().filter(|c| !is_invisible(*c) && !c.is_control());
    let cased = visible.flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    Cow::Owned(cased.flat_map(char::to_lowercase).nfkc().collect())
}

/// Whether a key is folded by putting it in lower case.
pub(crate) fn is_printable_ascii(key: &str) -> bool {
    key.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Characters that show as nothing: soft hyphen, joiners, marks of direction, variation selectors.
pub(crate) fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        fold(a) == fold(b)
    }

    #[test]
    fn variants_fold_alike() {
        let pairs = [
            ("amount", "Amount"),
            ("amount", "AMOUNT"),
            ("amount", "ａｍｏｕｎｔ"),   // full width
            ("risk", "risK"),             // Kelvin sign
            ("sum", "ſum"),               // long s
            ("amount", "am\u{200b}ount"), // zero-width space
            ("caf\u{e9}", "cafe\u{301}"),
            ("stra\u{df}e", "STRASSE"),
            ("stra\u{df}e", "STRA\u{1e9e}E"),
            ("ﬁle", "file"),
            ("id", "\u{131}d"), // dotless i
            ("id", "id\0"),
            ("id", "id\0x"),
            ("id", "\0id"),
            ("id", "i\td"),
            ("id", "ID\u{85}"),
        ];
        for (a, b) in pairs {
            assert!(same(a, b), "{a} {b}");
            assert!(same(b, a), "{b} {a}");
        }
    }

    #[test]
    fn different_keys_stay_different() {
        for (a, b) in [("amount", "amounts"), ("a_b", "ab"), ("a", "а"), ("", "a")] {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn no_character_is_told_from_its_variants() {
        // Beyond these, no character has a case.
        for char in (' '..='\u{1FFFF}').filter(|c| !matches!(c, '\u{3400}'..='\u{A63F}')) {
            let text = char.to_string();
            if char.is_control() || (text.to_lowercase() == text && text.to_uppercase() == text) {
                continue;
            }
            let folded = fold(&text).into_owned();
            let variants = [
                text.to_lowercase(),
                text.to_uppercase(),
                text.nfd().collect(),
                text.nfkd().collect(),
                folded.clone(),
            ];
            for variant in variants {
                assert_eq!(fold(&variant), folded, "{} and {variant}", char.escape_unicode());
            }
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for key in ["Amount", "STRASSE", "ﬁle", "İstanbul", "Σίσυφος", "K"] {
            let once = fold(key).into_owned();
            assert_eq!(fold(&once), once, "{key}");
        }
    }
}
