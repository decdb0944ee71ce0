//! Every page of a server's tools, and what identifies a definition.

use std::borrow::Cow;
use std::collections::HashSet;

use json::{Node, canonical_into};
use sha2::{Digest, Sha256};

use super::Limits;
use super::error::DiscoverError;
use super::wire::Wire;
use crate::lists::{Element, ListKind, parse_answer, read_page};
use crate::method::Method;

const METHOD_NOT_FOUND: i64 = -32601;

/// A tool as its server defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolDefinition {
    /// By what it is called.
    pub name: String,
    /// Its name for people.
    pub title: Option<String>,
    /// What it says it does.
    pub description: Option<String>,
    /// The JSON Schema of its arguments, as written; `{}` if it has none.
    pub input_schema_raw: String,
    /// Its annotations, as written.
    pub annotations_raw: Option<String>,
    /// The whole definition, as written.
    pub raw: String,
    /// SHA-256 of the definition's canonical form: changes when the definition does, and not
    /// when only its spelling does.
    pub fingerprint: [u8; 32],
}

impl ToolDefinition {
    /// Reads a definition: the element of a `tools/list` answer that has this name.
    pub fn new(element: &Element<'_>) -> Self {
        let node = element.node;
        let annotations = node.get("annotations").filter(|node| node.is_object());
        let schema = node.get("inputSchema").filter(|node| node.is_object());
        let text = |node: Option<Node<'_>>| node.and_then(Node::as_str).map(Cow::into_owned);
        Self {
            name: element.name.clone().into_owned(),
            title: text(node.get("title"))
                .or_else(|| text(annotations.and_then(|node| node.get("title")))),
            description: text(node.get("description")),
            input_schema_raw: schema.map_or("{}", Node::raw_str).to_owned(),
            annotations_raw: annotations.map(|node| node.raw_str().to_owned()),
            raw: node.raw_str().to_owned(),
            fingerprint: fingerprint(node),
        }
    }
}

/// SHA-256 over the canonical form of a value.
fn fingerprint(node: Node<'_>) -> [u8; 32] {
    let mut canonical = Vec::with_capacity(node.raw().len());
    canonical_into(node, &mut canonical);
    Sha256::digest(&canonical).into()
}

/// All pages together.
#[derive(Default)]
pub(super) struct ToolList {
    pub(super) tools: Vec<ToolDefinition>,
    pub(super) unreadable: usize,
}

/// Lists the tools, page by page. A server that has no such method has no tools; nor has one
/// that does not claim any and refuses to list them.
pub(super) async fn list(
    wire: &mut Wire<'_>,
    are_claimed: bool,
    limits: Limits,
) -> Result<ToolList, DiscoverError> {
    let mut list = ToolList::default();
    let mut names = HashSet::new();
    let mut cursors = HashSet::new();
    let mut members = String::new();
    for _ in 0..limits.max_pages {
        let answer = match wire.ask(Method::ToolsList, &members).await {
            Err(DiscoverError::Rejected { code, .. })
                if cursors.is_empty() && (code == METHOD_NOT_FOUND || !are_claimed) =>
            {
                return Ok(list);
            }
            other => other?,
        };
        let Some(cursor) = add_page(&answer, &mut list, &mut names)? else { return Ok(list) };
        if list.tools.len() > limits.max_tools {
            return Err(DiscoverError::TooLarge);
        }
        members = format!(r#""cursor":{cursor}"#);
        if !cursors.insert(cursor) {
            return Err(DiscoverError::EndlessList);
        }
    }
    Err(DiscoverError::EndlessList)
}

/// Adds a page, and gives the cursor of the next one as it was written.
fn add_page(
    answer: &[u8],
    list: &mut ToolList,
    names: &mut HashSet<String>,
) -> Result<Option<String>, DiscoverError> {
    let tape = parse_answer(answer)?;
    let missing = || DiscoverError::BadList { pointer: "/result/tools".to_owned() };
    let page = read_page(&tape, ListKind::Tools)?.ok_or_else(missing)?;
    list.unreadable += page.unreadable;
    for element in &page.elements {
        // Of two tools with one name nobody could say which is meant: the first it is.
        if names.insert(element.name.clone().into_owned()) {
            list.tools.push(ToolDefinition::new(element));
        } else {
            list.unreadable += 1;
        }
    }
    match page.result.get("nextCursor") {
        None => Ok(None),
        Some(cursor) if cursor.is_null() => Ok(None),
        Some(cursor) if cursor.as_str().is_some() => Ok(Some(cursor.raw_str().to_owned())),
        Some(_) => Err(DiscoverError::BadList { pointer: "/result/nextCursor".to_owned() }),
    }
}
