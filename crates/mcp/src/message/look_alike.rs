//! Keys that are not a known key but that some reader takes for one.
//!
//! Go's decoders fold case, `ſ` and the Kelvin sign; C strings end at NUL. A gateway that reads
//! `name` and forwards `Name` beside it has judged a different call than the one that runs.

use json::Node;

/// Whether `key` equals one of the known keys but for case, Unicode folding, width or characters
/// that nobody sees. A known key itself is not a look-alike.
pub(crate) fn is_look_alike(key: &str, known: &[&str]) -> bool {
    if known.contains(&key) {
        return false;
    }
    if key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return known.iter().any(|known| known.eq_ignore_ascii_case(key));
    }
    // Readers that stop at NUL see only what is before it.
    let before_nul = key.split('\0').next().unwrap_or_default();
    let (whole, cut) = (folded(key), folded(before_nul));
    known.iter().any(|known| known.eq_ignore_ascii_case(&whole) || known.eq_ignore_ascii_case(&cut))
}

/// The one member of that name; none that is repeated, or has a look-alike beside it: readers would
/// disagree about which one counts.
pub fn only<'t>(object: Node<'t>, key: &str) -> Result<Option<Node<'t>>, Ambiguous> {
    let mut found = None;
    for member in object.members() {
        let is_it = member.key_is(key);
        if is_look_alike(&member.key(), &[key]) || (is_it && found.is_some()) {
            return Err(Ambiguous { key: member.key().into_owned() });
        }
        if is_it {
            found = Some(member.value);
        }
    }
    Ok(found)
}

/// A key that stands beside one that some reader takes for the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {key:?} is there twice for some readers")]
pub struct Ambiguous {
    /// As it is written.
    pub key: String,
}

fn folded(key: &str) -> String {
    let visible = key.chars().filter(|&c| !is_invisible(c)).map(narrow);
    // Up and down again: ſ → S → s, K → k, ı → I → i, ﬁ → FI → fi; İ leaves a combining dot.
    let cased = visible.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    cased.filter(|&c| c != '\u{307}').collect()
}

/// Full-width letters and signs have a plain form.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
        || matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_are_told_from_known_and_from_other_keys() {
        let known = &["params", "task", "uri", "taskId"];
        for key in [
            "Params",
            "PARAMS",
            "param\u{17f}",
            "tas\u{212a}",
            "ur\u{131}",
            "UR\u{130}",
            "params\0",
            "\0params",
            "params\0x",
            "pa\u{200b}rams",
            "ｐａｒａｍｓ",
            "\u{feff}uri",
            "taskid",
            "uri\t",
        ] {
            assert!(is_look_alike(key, known), "{key:?}");
        }
        for key in ["params", "taskId", "param", "paramss", "", "url", "pärams", "x\0params"] {
            assert!(!is_look_alike(key, known), "{key:?}");
        }
    }
}
