//! Any text is a document or a list of errors, and a document survives being written down.

use crate::problem::Problem;
use crate::{Others, check, import};

/// For any text that somebody could publish or import.
///
/// # Panics
/// If a document changes by being written and read again, or an error points nowhere.
pub fn parse(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let checked = check(text, None);
    assert_eq!(checked.valid, checked.errors.is_empty());
    assert_eq!(checked.valid, checked.normalised.is_some());
    for problem in checked.errors.iter().chain(&checked.warnings) {
        is_in_the_text(problem, text);
    }
    match import(text, Others::Inherit) {
        Ok(imported) => {
            let document = imported.document;
            let normal = document.to_json();
            let again = crate::parse(&normal).expect("the normal form is a document");
            assert_eq!(again, document);
            assert_eq!(again.to_json(), normal);
        }
        Err(problems) => {
            assert!(!checked.valid, "an import takes every document");
            assert!(!problems.is_empty() && problems.len() <= 500);
        }
    }
}

/// Line and column of every problem are there, and its sentence is one.
fn is_in_the_text(problem: &Problem, text: &str) {
    let Problem { pointer, line, column, detail, .. } = problem;
    assert!(pointer.is_empty() || pointer.starts_with('/'), "{pointer}");
    assert!(detail.ends_with(['.', '?']), "{detail}");
    let row = text.split('\n').nth(*line as usize - 1).expect("the line is there");
    assert!(*column as usize <= row.chars().count() + 1, "{line}:{column} of {text}");
}
