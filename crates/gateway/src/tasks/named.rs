//! The tasks that a client's message names: opened, and put into the server's own terms by
//! splicing. One that does not open is not there.

use std::borrow::Cow;
use std::ops::Range;

use domain::ServerId;
use json::{Kind, Node};
use mcp::era::META_CAPABILITIES;
use mcp::method::Method;
use mcp::version::Era;

use super::Task;
use crate::call::Call;
use crate::refusal::{Refusal, Thing};
use crate::session::seal::{Holder, Seals};

/// The extension of 2026-07-28.
const EXTENSION: &str = "io.modelcontextprotocol/tasks";
/// Tasks that one subscription may watch.
const MAX_WATCHED: usize = 1_000;

/// The tasks of one request, each with the id by which its client knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Named {
    tasks: Vec<(Task, String)>,
    /// The tool whose call may become a task.
    pub(crate) creates: Option<String>,
}

impl Named {
    /// What the client calls a task that it named itself.
    pub(crate) fn find(&self, id: &str) -> Option<&(Task, String)> {
        self.tasks.iter().find(|(task, _)| task.id == id)
    }

    /// The first one: what a method of tasks is about.
    pub(crate) fn first(&self) -> Option<&(Task, String)> {
        self.tasks.first()
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().map(|(task, _)| task)
    }

    /// The server that they are at, if there are any.
    pub(crate) fn server(&self) -> Option<ServerId> {
        Some(self.first()?.0.server)
    }
}

/// A message's tasks, and the edits that name them as their server does.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) named: Named,
    pub(crate) edits: Vec<(Range<usize>, Cow<'static, [u8]>)>,
}

/// Opens every task that a call's message names.
pub(crate) fn opened(seals: &Seals, holder: Holder, call: &Call<'_>) -> Result<Opened, Refusal> {
    let mut opened = Opened::default();
    let message = call.message;
    // A method that the client's era lacks is unknown, whatever it names.
    if !message.method().exists_in(call.dialect.era) {
        return Ok(opened);
    }
    let subject = if is_about_a_task(message.method()) { message.param("taskId") } else { None };
    for node in subject.into_iter().chain(message.related_task()) {
        opened.add(seals, holder, node)?;
    }
    if message.method() == Method::SubscriptionsListen
        && let Some(watched) = message.param("notifications").and_then(|of| of.get("taskIds"))
    {
        if watched.kind() != Kind::Array || watched.len() > MAX_WATCHED {
            return Err(Refusal::BadParams("\"taskIds\" must be an array of at most 1000 ids."));
        }
        for node in watched.items() {
            opened.add(seals, holder, node)?;
        }
    }
    Ok(opened)
}

/// Whether a call may be answered by a task: it asks for one, or its client says that it knows
/// what to do with one.
pub(crate) fn may_become_one(call: &Call<'_>) -> bool {
    let knows_tasks = || {
        let capabilities = call.message.meta()?.get(META_CAPABILITIES)?;
        capabilities.get("extensions")?.get(EXTENSION)
    };
    match call.dialect.era {
        Era::Legacy => call.message.is_task_augmented(),
        Era::Modern => knows_tasks().is_some(),
    }
}

/// Whether a method is one of tasks: about one of them, or all.
pub(crate) fn is_of_tasks(method: Method) -> bool {
    method == Method::TasksList || is_about_a_task(method)
}

/// Whether a method's subject is a task.
pub(crate) fn is_about_a_task(method: Method) -> bool {
    method.subject() == Some("taskId")
}

impl Opened {
    fn add(&mut self, seals: &Seals, holder: Holder, node: Node<'_>) -> Result<(), Refusal> {
        let presented = node.as_str().ok_or(Refusal::BadParams("A task's id is a string."))?;
        let task = Task::open(seals, holder, &presented)
            .filter(|task| self.named.server().is_none_or(|server| server == task.server));
        let Some(task) = task else {
            let thing = Thing::Task(presented.into_owned());
            return Err(Refusal::Hidden(thing, policy::rule::HIDDEN));
        };
        self.edits.push((node.span(), Cow::Owned(json::quoted(&task.id).into_bytes())));
        self.named.tasks.push((task, presented.into_owned()));
        Ok(())
    }
}
