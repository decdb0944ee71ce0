//! Filtering what a server lists, without touching a byte of what stays.
//!
//! A hidden tool must not be listed, so everything here fails closed: an element that cannot be
//! read is dropped, and a list that cannot be read is an error.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use json::{Kind, Node, Tape, splice};

use crate::message::{self, ANSWER_DEPTH};
use crate::method::Method;
use crate::version::Era;

/// The longest time a filtered list may be kept: how late a revocation is noticed.
pub const MAX_TTL_MS: u32 = 5_000;

/// The lists of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// `tools/list`
    Tools,
    /// `prompts/list`
    Prompts,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    ResourceTemplates,
    /// `tasks/list`
    Tasks,
}

impl ListKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Tools, Self::Prompts, Self::Resources, Self::ResourceTemplates, Self::Tasks];

    /// The kind that a method lists.
    pub fn of(method: Method) -> Option<Self> {
        match method {
            Method::ToolsList => Some(Self::Tools),
            Method::PromptsList => Some(Self::Prompts),
            Method::ResourcesList => Some(Self::Resources),
            Method::ResourcesTemplatesList => Some(Self::ResourceTemplates),
            Method::TasksList => Some(Self::Tasks),
            _ => None,
        }
    }

    /// The member of the result that holds the list.
    pub fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resourceTemplates",
            Self::Tasks => "tasks",
        }
    }

    /// The member of an element by which it is called.
    pub fn key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::ResourceTemplates => "uriTemplate",
            Self::Tasks => "taskId",
        }
    }
}

/// One readable element of a list.
#[derive(Debug, Clone)]
pub struct Element<'t> {
    /// What it is called by: name, URI, URI template or id, by [`ListKind::key`].
    pub name: Cow<'t, str>,
    /// The whole element.
    pub node: Node<'t>,
}

/// What becomes of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// It is not there.
    Drop,
    /// It stays as it is.
    Keep,
    /// It stays under another name.
    Rename(String),
}

/// Why a list cannot be filtered, and so must not be passed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadList {
    /// The answer is not JSON.
    #[error("the answer is not JSON: {0}")]
    NotJson(#[source] json::Error),
    /// Something in the answer is not what the protocol says.
    #[error("the answer is malformed at {pointer:?}")]
    Malformed {
        /// RFC 6901 pointer to it.
        pointer: String,
    },
}

/// Filters one JSON-RPC answer to a list request. `None` means that nothing had to change; an
/// error answer is passed as it is.
pub fn filter(
    message: &[u8],
    list: ListKind,
    era: Era,
    keep: &mut dyn FnMut(&Element<'_>) -> Keep,
) -> Result<Option<Vec<u8>>, BadList> {
    let tape = parse_answer(message)?;
    filter_parsed(&tape, list, era, keep)
}

/// Reads an upstream's answer, for [`filter_parsed`] and [`kind_by_shape`].
pub fn parse_answer(message: &[u8]) -> Result<Tape<'_>, BadList> {
    json::parse_with(message, ANSWER_DEPTH).map_err(BadList::NotJson)
}

/// [`filter`], for an answer that was parsed already.
pub fn filter_parsed(
    tape: &Tape<'_>,
    list: ListKind,
    era: Era,
    keep: &mut dyn FnMut(&Element<'_>) -> Keep,
) -> Result<Option<Vec<u8>>, BadList> {
    let Some((result, elements)) = find(tape.root(), list)? else { return Ok(None) };
    let mut edits = Edits::default();
    thin_out(elements, list, keep, &mut edits);
    make_private(result, era, &mut edits);
    Ok((!edits.is_empty()).then(|| splice(tape.source(), &edits)))
}

/// The kind of list that an answer is, by its shape alone: for replayed streams, where the
/// request is not known.
pub fn kind_by_shape(tape: &Tape<'_>) -> Option<ListKind> {
    let mut results = tape.root().members().filter(|member| member.key_is("result"));
    results.find_map(|result| {
        ListKind::ALL.into_iter().find(|list| result.value.get(list.member()).is_some())
    })
}

/// One page of a list, read.
pub(crate) struct Page<'t> {
    pub(crate) result: Node<'t>,
    pub(crate) elements: Vec<Element<'t>>,
    /// How many elements had no readable name.
    pub(crate) unreadable: usize,
}

/// The readable elements of a page; `None` if the answer is an error.
pub(crate) fn read_page<'t>(
    tape: &'t Tape<'_>,
    list: ListKind,
) -> Result<Option<Page<'t>>, BadList> {
    let Some((result, array)) = find(tape.root(), list)? else { return Ok(None) };
    let elements: Vec<_> = array.items().filter_map(|node| element(node, list)).collect();
    let unreadable = array.len() - elements.len();
    Ok(Some(Page { result, elements, unreadable }))
}

// === Finding ===

/// The result and the array in it; `None` if the answer is an error.
fn find(root: Node<'_>, list: ListKind) -> Result<Option<(Node<'_>, Node<'_>)>, BadList> {
    let malformed = |pointer: String| BadList::Malformed { pointer };
    let result = match (only(root, "result")?, only(root, "error")?) {
        (None, Some(_)) => return Ok(None),
        (Some(result), None) if result.is_object() => result,
        _ => return Err(malformed("/result".to_owned())),
    };
    let array = only(result, list.member())?.filter(|array| array.kind() == Kind::Array);
    let array = array.ok_or_else(|| malformed(format!("/result/{}", list.member())))?;
    Ok(Some((result, array)))
}

/// The one member of that name: with another one clients could see another list than the one that
/// was filtered.
fn only<'t>(object: Node<'t>, key: &str) -> Result<Option<Node<'t>>, BadList> {
    message::only(object, key)
        .map_err(|twice| BadList::Malformed { pointer: format!("/{}", twice.key) })
}

fn element(node: Node<'_>, list: ListKind) -> Option<Element<'_>> {
    let name = only(node, list.key()).ok()??.as_str()?;
    node.duplicate_key().is_none().then_some(Element { name, node })
}

// === Editing ===

type Edits<'e> = Vec<(Range<usize>, Cow<'e, [u8]>)>;

fn thin_out(
    array: Node<'_>,
    list: ListKind,
    keep: &mut dyn FnMut(&Element<'_>) -> Keep,
    edits: &mut Edits<'_>,
) {
    let mut kept_any = false;
    // Of two elements with one name the first is the one that was reviewed; a client that believes
    // the last would see another.
    let mut names = HashSet::with_capacity(array.len());
    // What is dropped takes one comma with it: the one before it, or, while nothing is kept yet,
    // the one after it.
    let mut cut_from = None;
    let mut end = 0;
    for node in array.items() {
        let span = node.span();
        let verdict = element(node, list)
            .filter(|element| names.insert(element.name.clone()))
            .map_or((Keep::Drop, None), |element| (keep(&element), element.node.get(list.key())));
        if verdict.0 == Keep::Drop {
            cut_from = cut_from.or(Some(if kept_any { end } else { span.start }));
        } else if let Some(from) = cut_from.take() {
            let until = if kept_any { end } else { span.start };
            edits.push((from..until, Cow::Borrowed(b"")));
        }
        if let (Keep::Rename(name), Some(old)) = &verdict {
            edits.push((old.span(), Cow::Owned(json::quoted(name).into_bytes())));
        }
        kept_any |= verdict.0 != Keep::Drop;
        end = span.end;
    }
    if let Some(from) = cut_from {
        edits.push((from..end, Cow::Borrowed(b"")));
    }
}

/// What was filtered for one caller must not be shown to another, nor outlive a revocation.
fn make_private(result: Node<'_>, era: Era, edits: &mut Edits<'_>) {
    let members = |key: &'static str| result.members().filter(move |member| member.key_is(key));
    for scope in members("cacheScope").filter(|scope| !scope.value.is_str("private")) {
        edits.push((scope.value.span(), Cow::Borrowed(b"\"private\"")));
    }
    for ttl in members("ttlMs") {
        let written = ttl.value.as_number().and_then(|text| text.parse::<u64>().ok());
        // What is not a plain number of milliseconds is not to be trusted at all.
        let allowed = written.map_or(0, |ttl| ttl.min(u64::from(MAX_TTL_MS)));
        if written != Some(allowed) {
            edits.push((ttl.value.span(), Cow::Owned(allowed.to_string().into_bytes())));
        }
    }
    if era == Era::Modern {
        let mut missing = String::new();
        if members("cacheScope").next().is_none() {
            missing.push_str(r#","cacheScope":"private""#);
        }
        if members("ttlMs").next().is_none() {
            missing.push_str(r#","ttlMs":0"#);
        }
        if !missing.is_empty() {
            // The list itself is a member, so a comma is always right.
            let end = result.span().end - 1;
            edits.push((end..end, Cow::Owned(missing.into_bytes())));
        }
    }
}

#[cfg(test)]
mod tests;
