//! The longest functions and files: for the eye, not a rule.

use super::tree::Tree;

/// Prints the ten longest of each.
pub(super) fn print(tree: &Tree) {
    let mut functions = Vec::new();
    let mut files = Vec::new();
    for (path, text) in tree.under("crates/", ".rs") {
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
        if path.contains("/src/") {
            files.push((code.lines().count(), path.to_owned()));
            let named = measure(code).into_iter();
            functions.extend(named.map(|(lines, name)| (lines, format!("{name} in {path}"))));
        }
    }
    ten("functions", functions);
    ten("files", files);
}

fn ten(what: &str, mut all: Vec<(usize, String)>) {
    all.sort_by(|one, other| other.cmp(one));
    eprintln!("  the longest of {} {what} (lines):", all.len());
    for (lines, name) in all.iter().take(10) {
        eprintln!("  {lines:>6}  {name}");
    }
}

/// The length of each function. The code is formatted, so a body ends with the first brace at
/// the indentation of its `fn`.
fn measure(code: &str) -> Vec<(usize, &str)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let rest = lines.iter().skip(at);
        let mut count = 0;
        for one in rest {
            count += 1;
            if *one == end || (count == 1 && one.ends_with(['}', ';'])) {
                break;
            }
        }
        found.push((count, name));
    }
    found
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let only_words = before.split_whitespace().all(|word| {
        ["pub", "const", "async", "unsafe", "extern"].contains(&word) || word.starts_with("pub(")
    });
    let end = after.find(['(', '<'])?;
    let name = after.get(..end)?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (only_words && is_name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_to_their_own_brace() {
        let code = "pub(crate) fn a(\n    x: u8,\n) {\n    if x {\n    }\n}\nfn b() {}\n// fn c(\n";
        assert_eq!(measure(code), [(6, "a"), (1, "b")]);
    }
}
