//! `crates/README.md` is the map: it names every crate, and every path it names exists.

use super::tree::Tree;

const MAP: &str = "crates/README.md";
/// A word in backticks that begins so is a path.
const ROOTS: [&str; 4] = ["crates/", "migrations/", "templates/", "static/"];

/// The rules about the map.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let Some(map) = tree.text(MAP) else { return vec![format!("{MAP} is missing")] };
    let unnamed = tree.crates().into_iter().filter(|name| !map.contains(&format!("`{name}`")));
    let mut found: Vec<String> =
        unnamed.map(|name| format!("{MAP} does not name the crate `{name}`")).collect();
    let wrong = paths(map).filter(|path| !tree.has(path));
    found.extend(wrong.map(|path| format!("{MAP} names `{path}`, which does not exist")));
    found
}

/// The paths that a text names, but for patterns.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| {
        ROOTS.iter().any(|root| word.starts_with(root))
            && !word.contains(['*', '{', '<', '…', ' ', '\n'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_gone_is_told() {
        let files = [
            ("crates/README.md", "`a` is in `crates/a/src/lib.rs`, its page in `templates/x.html`"),
            ("crates/a/Cargo.toml", ""),
            ("crates/a/src/lib.rs", ""),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned())).to_vec();
        let found = check(&Tree { files });
        assert_eq!(found, ["crates/README.md names `templates/x.html`, which does not exist"]);
    }
}
