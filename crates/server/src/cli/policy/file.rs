//! A policy in a file: a document, or a document with its name and server as `export` writes it.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use policy::{Document, Imported, Others, Problem};

/// The largest file that is read.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Reads a text file.
pub(in crate::cli) fn text(path: &Path) -> Result<String> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("{shown}"))?.len();
    if size > MAX_BYTES {
        return Err(anyhow!("{shown}: {size} bytes are too many for such a file"));
    }
    std::fs::read_to_string(path).with_context(|| format!("{shown}"))
}

/// The document of a file, at the lines and columns that it has in the file.
pub(in crate::cli) fn document_text(text: &str) -> String {
    let Some((before, document)) = exported(text) else { return text.to_owned() };
    let blank = |char: char| if char == '\n' { '\n' } else { ' ' };
    let mut padded: String = before.chars().map(blank).collect();
    padded.push_str(document);
    padded
}

/// What stands before the document of an exported policy, and the document.
fn exported(text: &str) -> Option<(&str, &str)> {
    let tape = json::parse(text.as_bytes()).ok()?;
    let root = tape.root();
    root.get("name")?.as_str()?;
    let document = root.get("document").filter(|node| node.is_object())?;
    let span = document.span();
    Some((text.get(..span.start)?, text.get(span)?))
}

/// Takes over whatever a file has.
pub(super) fn import(text: &str, others: Others) -> Result<Imported, Vec<Problem>> {
    policy::import(&document_text(text), others)
}

/// The document of a file, or a sentence with everything that is wrong.
pub(super) fn document(path: &Path) -> Result<Document> {
    let text = text(path)?;
    let imported = import(&text, Others::Inherit).map_err(|problems| wrong(path, &problems))?;
    Ok(imported.document)
}

/// All problems of a file as one error.
pub(in crate::cli) fn wrong(path: &Path, problems: &[Problem]) -> anyhow::Error {
    let lines: Vec<_> =
        problems.iter().map(|p| format!("\n  {}", line(path, "error", p))).collect();
    anyhow!("{} cannot be used:{}", path.display(), lines.concat())
}

/// `policy.json:3:5: error: A window is one of … (/tools/pay/limits/0/window)`.
pub(in crate::cli) fn line(path: &Path, kind: &str, problem: &Problem) -> String {
    let Problem { pointer, line, column, detail, .. } = problem;
    let place = if pointer.is_empty() { String::new() } else { format!(" ({pointer})") };
    format!("{}:{line}:{column}: {kind}: {detail}{place}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_of_an_exported_policy_keeps_its_lines() {
        let text = "{\n  \"name\": \"P é\",\n  \"document\": {\n    \"version\": \"1\",\n    \"defualt\": 1\n  }\n}\n";
        let problems = policy::parse(&document_text(text)).unwrap_err();
        let misspelt = problems.iter().find(|p| p.pointer == "/defualt").unwrap();
        assert_eq!((misspelt.line, misspelt.column), (5, 5));
        assert_eq!(document_text("{\"version\": 1}"), "{\"version\": 1}");
        assert_eq!(document_text("version: 1"), "version: 1");
    }
}
