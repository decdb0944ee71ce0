//! What a server asks of a client, tasks of the client included: a client that was asked for a
//! sampling or an elicitation may answer with a task, and is then asked about that. The kind it
//! came from goes along in its id, so that the policy judges each question as that kind.

use std::borrow::Cow;
use std::ops::Range;

use domain::ServerId;
use json::Node;
use mcp::message::Message;
use mcp::method::Method;

use super::Task;
use crate::session::seal::{Holder, Seals};

type Edit = (Range<usize>, Cow<'static, [u8]>);

/// What a server may ask, as it is sealed into the id of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asking {
    pub(crate) tag: u8,
    pub(crate) method: Method,
    /// The kind of request that the policy judges it as.
    pub(crate) judged: Method,
}

const fn asking(tag: u8, method: Method, judged: Method) -> Asking {
    Asking { tag, method, judged }
}

const ASKING: [Asking; 10] = [
    asking(1, Method::Ping, Method::Ping),
    asking(2, Method::SamplingCreateMessage, Method::SamplingCreateMessage),
    asking(3, Method::ElicitationCreate, Method::ElicitationCreate),
    asking(4, Method::RootsList, Method::RootsList),
    asking(5, Method::TasksGet, Method::SamplingCreateMessage),
    asking(6, Method::TasksResult, Method::SamplingCreateMessage),
    asking(7, Method::TasksCancel, Method::SamplingCreateMessage),
    asking(8, Method::TasksGet, Method::ElicitationCreate),
    asking(9, Method::TasksResult, Method::ElicitationCreate),
    asking(10, Method::TasksCancel, Method::ElicitationCreate),
];

impl Asking {
    /// A question that is about no task.
    pub(crate) fn of(method: Method) -> Option<Self> {
        ASKING.into_iter().find(|asking| asking.method == method && asking.judged == method)
    }

    /// A question about a task that came of `judged`.
    pub(crate) fn about(method: Method, judged: Method) -> Option<Self> {
        ASKING.into_iter().find(|asking| asking.method == method && asking.judged == judged)
    }

    /// What was sealed.
    pub(crate) fn tagged(tag: u8) -> Option<Self> {
        ASKING.into_iter().find(|asking| asking.tag == tag)
    }
}

/// A task that a client runs for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientTask {
    /// The client's own id, as written.
    pub(crate) id_raw: String,
    /// The kind of request that it came of.
    pub(crate) kind: Method,
}

impl ClientTask {
    /// What a server presents, if it was given to it in this session.
    pub(crate) fn open(
        seals: &Seals,
        (holder, session): (Holder, &[u8]),
        server: ServerId,
        presented: &str,
    ) -> Option<Self> {
        let content = seals.open_client_task(holder, session, presented.as_bytes())?;
        let (at, rest) = content.split_first_chunk::<16>()?;
        let (tag, id) = rest.split_first()?;
        let kind = Asking::tagged(*tag)?.judged;
        let is_theirs = at == server.as_uuid().as_bytes();
        let id_raw = str::from_utf8(id).ok()?.to_owned();
        is_theirs.then_some(Self { id_raw, kind })
    }

    fn sealed(
        &self,
        seals: &Seals,
        (holder, session): (Holder, &[u8]),
        server: ServerId,
    ) -> Option<String> {
        let tag = [Asking::of(self.kind)?.tag];
        let content = [&server.as_uuid().as_bytes()[..], &tag, self.id_raw.as_bytes()].concat();
        seals.client_task(holder, session, &content)
    }
}

/// The edits that a client's answer needs before its server gets it: tasks in the terms of the
/// server. `None` if one of them cannot be said.
pub(crate) fn answered(
    seals: &Seals,
    session: (Holder, &[u8]),
    server: ServerId,
    asking: Asking,
    message: &Message<'_>,
) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    let Some(result) = message.result() else { return Some(edits) };
    let own = match asking.method {
        Method::SamplingCreateMessage | Method::ElicitationCreate => {
            result.get("task").and_then(|task| task.get("taskId"))
        }
        Method::TasksGet | Method::TasksCancel => result.get("taskId"),
        _ => None,
    };
    let sealed = |node: Node<'_>| {
        let task = ClientTask { id_raw: node.raw_str().to_owned(), kind: asking.judged };
        task.sealed(seals, session, server)
    };
    if let Some(node) = own {
        edits.push(edit(node, &sealed(node)?));
    }
    if let Some(node) = message.related_task() {
        // A task of the server's, in whose course it asked; or the client's own.
        let presented = node.as_str().unwrap_or_default();
        match Task::open(seals, session.0, &presented).filter(|task| task.server == server) {
            Some(task) => edits.push(edit(node, &task.id)),
            None => edits.push(edit(node, &sealed(node)?)),
        }
    }
    Some(edits)
}

fn edit(node: Node<'_>, text: &str) -> Edit {
    (node.span(), Cow::Owned(json::quoted(text).into_bytes()))
}
