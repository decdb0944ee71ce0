//! Rules about single source files.

use super::tree::Tree;

/// Each Rust file says what it is; no template switches escaping off.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let silent = tree
        .under("crates/", ".rs")
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| format!("{path} does not begin with `//!` and what it is"));
    let unescaped = tree
        .under("templates/", "")
        .filter(|(_, text)| switches_escaping_off(text))
        .map(|(path, _)| format!("{path} uses `|safe`: escape, or make the text a type that is"));
    silent.chain(unescaped).collect()
}

/// `|safe`, however it is spaced, or an `autoescape` block.
fn switches_escaping_off(text: &str) -> bool {
    let tight: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    tight.contains("|safe") || tight.contains("autoescape")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_do_not_hide_an_unescaped_value() {
        assert!(switches_escaping_off("<p>{{ name | safe }}</p>"));
        assert!(!switches_escaping_off("<p>{{ name }}: safe</p>"));
    }
}
