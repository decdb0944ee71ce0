//! No sentence about a document without a golden that shows it: the sentences are read from the
//! source, and looked for in the goldens.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Where errors and warnings are worded.
const SOURCES: [&str; 12] = [
    "parse/condition.rs",
    "parse/document.rs",
    "parse/limit.rs",
    "parse/reader.rs",
    "parse/response.rs",
    "parse/rule.rs",
    "cidr.rs",
    "condition.rs",
    "glob.rs",
    "path.rs",
    "patterns.rs",
    "lint",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| files(&path)).collect()
}

/// The texts in the source that are sentences, tests left out.
fn sentences(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: String = code.lines().filter(is_code).collect::<Vec<_>>().join("\n");
    let literal = Regex::new(r#""((?:[^"\\]|\\(?s:.))*)""#).unwrap();
    let joined = Regex::new(r"\\\n\s*").unwrap();
    let literals = literal.captures_iter(&code).map(|found| found[1].to_owned());
    let unescaped = |text: &str| text.replace("\\\"", "\"").replace(r"\\", r"\");
    let texts = literals.map(|text| unescaped(&joined.replace_all(&text, "")));
    let is_sentence = |text: &String| {
        let begins = text.starts_with(|c: char| c.is_uppercase() || matches!(c, '"' | '{'));
        begins && text.contains(' ') && text.ends_with(['.', '?'])
    };
    texts.filter(is_sentence).collect()
}

/// A sentence as a pattern: what is filled in may be anything.
fn pattern(sentence: &str) -> Regex {
    let whole = sentence.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let filled = Regex::new(r"\{[^{}]*\}").unwrap();
    let parts: Vec<_> = filled.split(&whole).map(regex::escape).collect();
    let pattern = parts.join(".*").replace('\u{1}', r"\{").replace('\u{2}', r"\}");
    Regex::new(&pattern).unwrap()
}

#[test]
fn every_sentence_about_a_document_is_in_a_golden() {
    let snapshots = root().join("tests/it/snapshots");
    let goldens: Vec<String> =
        files(&snapshots).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let goldens = goldens.concat();
    let sources = SOURCES.iter().flat_map(|name| files(&root().join("src").join(name)));
    let all: Vec<_> =
        sources.flat_map(|path| sentences(&fs::read_to_string(path).unwrap())).collect();
    assert!(all.len() >= 80, "only {} sentences were found in the source", all.len());
    let is_missing = |sentence: &&String| !pattern(sentence).is_match(&goldens);
    let missing: Vec<_> = all.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "in no golden: {missing:#?}");
}
