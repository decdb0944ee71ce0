//! Collecting warnings and finding their place in a text.

use json::Node;

use super::{limits, names, rules};
use crate::document::Document;
use crate::facts::ToolFacts;
use crate::problem::{Problem, position};

/// After so many warnings the rest goes unsaid.
pub(super) const MAX_WARNINGS: usize = 200;

/// What is probably not meant in a document; more can be said where the server's tools are known.
/// Lines and columns are those of [`Document::to_json`].
pub fn warnings(document: &Document, tools: Option<&[ToolFacts]>) -> Vec<Problem> {
    located(lint(document, tools), &document.to_json())
}

/// A warning about a place of the normalised document.
pub(crate) struct Warning {
    pub(super) pointer: String,
    pub(super) detail: String,
    pub(super) suggestion: Option<String>,
}

impl Warning {
    pub(super) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into(), suggestion: None }
    }
}

pub(crate) fn lint(document: &Document, tools: Option<&[ToolFacts]>) -> Vec<Warning> {
    let mut found = Vec::new();
    rules::vacuous(document, &mut found);
    rules::missing_path_traps(document, &mut found);
    limits::weak(document, &mut found);
    limits::never_reached(document, &mut found);
    names::look_alikes(document, &mut found);
    names::shadowed(document, &mut found);
    if let Some(tools) = tools {
        names::unknown(document, tools, &mut found);
        rules::looser_than_category(document, tools, &mut found);
        rules::ungated(document, tools, &mut found);
    }
    found.truncate(MAX_WARNINGS);
    found
}

/// Gives each warning its place in a text: the deepest part of its pointer that is written there,
/// since a text with sugar does not have all that its normal form has.
pub(crate) fn located(warnings: Vec<Warning>, text: &str) -> Vec<Problem> {
    let Ok(tape) = json::parse(text.as_bytes()) else { return Vec::new() };
    let mut problems: Vec<_> = warnings
        .into_iter()
        .map(|warning| {
            let (pointer, node) = deepest(tape.root(), &warning.pointer);
            let (line, column) = position(node.span().start, text);
            let (detail, suggestion) = (warning.detail, warning.suggestion);
            Problem { pointer, line, column, detail, suggestion }
        })
        .collect();
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

fn deepest<'t>(root: Node<'t>, pointer: &str) -> (String, Node<'t>) {
    let (mut reached, mut node) = (String::new(), root);
    for token in pointer.split('/').skip(1) {
        let Some(inner) = node.pointer(&format!("/{token}")) else { break };
        reached.push('/');
        reached.push_str(token);
        node = inner;
    }
    (reached, node)
}
