//! One JSON-RPC message: the strict envelope, and what is inside without a second parse.

mod envelope;
mod look_alike;
mod malformed;

use std::borrow::Cow;

use json::{Limits, Node, Tape};

use crate::era::META_TASK;
use crate::method::Method;

pub use look_alike::{Ambiguous, only};
pub use malformed::{Malformed, MalformedKind};

/// How deep an upstream's answer may nest. Schemas go deeper than calls, and nobody judges them.
pub(crate) const ANSWER_DEPTH: Limits = Limits { max_depth: 256 };

/// Reads what a client sent. What this accepts has one meaning for every reader downstream.
///
/// ```
/// use mcp::{message, method::Method};
/// let body = br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"echo"}}"#;
/// let call = message::parse(body)?;
/// assert_eq!((call.method(), call.id_raw()), (Method::ToolsCall, Some("\"a\"")));
/// assert_eq!(call.name().as_deref(), Some("echo"));
/// # Ok::<(), message::Malformed>(())
/// ```
pub fn parse(body: &[u8]) -> Result<Message<'_>, Malformed> {
    let tape = json::parse(body).map_err(Malformed::unreadable)?;
    match envelope::check_from_client(tape.root()) {
        Ok((kind, method)) => Ok(Message { tape, kind, method }),
        Err(kind) => Err(Malformed::new(kind, envelope::id(tape.root()))),
    }
}

/// Reads what an upstream sent. Only the envelope is judged: results pass as they are.
pub fn parse_from_upstream(body: &[u8]) -> Result<Message<'_>, Malformed> {
    let tape = json::parse_with(body, ANSWER_DEPTH).map_err(Malformed::unreadable)?;
    match envelope::check_from_upstream(tape.root()) {
        Ok((kind, method)) => Ok(Message { tape, kind, method }),
        Err(kind) => Err(Malformed::new(kind, envelope::id(tape.root()))),
    }
}

/// The three kinds of JSON-RPC message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Has a method and an id; wants an answer.
    Request,
    /// Has a method and no id.
    Notification,
    /// Has a result or an error.
    Response,
}

/// A message whose envelope is sound, with the bytes it came in.
#[derive(Debug)]
pub struct Message<'a> {
    tape: Tape<'a>,
    kind: MessageKind,
    method: Method,
}

impl<'a> Message<'a> {
    /// Which kind it is.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The id exactly as written, for echoing. A response to nothing readable has none.
    pub fn id_raw(&self) -> Option<&str> {
        envelope::id(self.root())
    }

    /// The method; [`Method::Unknown`] for unknown names and for responses.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The method as the sender named it; empty for a response.
    pub fn method_name(&self) -> Cow<'_, str> {
        self.root().get("method").and_then(Node::as_str).unwrap_or_default()
    }

    /// The whole message.
    pub fn root(&self) -> Node<'_> {
        self.tape.root()
    }

    /// The bytes that were judged, and that are to be forwarded.
    pub fn bytes(&self) -> &'a [u8] {
        self.tape.source()
    }

    /// The parameters: always an object.
    pub fn params(&self) -> Option<Node<'_>> {
        self.root().get("params")
    }

    /// A member of the parameters.
    pub fn param(&self, name: &str) -> Option<Node<'_>> {
        self.params()?.get(name)
    }

    /// The tool or prompt, for methods that name one.
    pub fn name(&self) -> Option<Cow<'_, str>> {
        self.param("name").and_then(Node::as_str)
    }

    /// The resource, for methods that name one.
    pub fn uri(&self) -> Option<Cow<'_, str>> {
        self.param("uri").and_then(Node::as_str)
    }

    /// What the method is about, by [`Method::subject`]: name, URI or task.
    pub fn subject(&self) -> Option<Cow<'_, str>> {
        self.param(self.method.subject()?).and_then(Node::as_str)
    }

    /// The arguments, always an object; `None` (absent or `null`) means `{}`.
    pub fn arguments(&self) -> Option<Node<'_>> {
        self.param("arguments").filter(|arguments| arguments.is_object())
    }

    /// `params._meta`, if it is an object.
    pub fn meta(&self) -> Option<Node<'_>> {
        self.param("_meta").filter(|meta| meta.is_object())
    }

    /// The id of the task that the message belongs to, if `_meta` of its parameters or of its
    /// result names one.
    pub fn related_task(&self) -> Option<Node<'_>> {
        let body = self.params().or_else(|| self.result())?;
        body.get("_meta")?.get(META_TASK)?.get("taskId")
    }

    /// Whether the call asks to be run as a task (2025-11-25).
    pub fn is_task_augmented(&self) -> bool {
        self.param("task").is_some()
    }

    /// The result of a response.
    pub fn result(&self) -> Option<Node<'_>> {
        self.root().get("result")
    }

    /// The error of a response.
    pub fn error(&self) -> Option<Node<'_>> {
        self.root().get("error")
    }
}
