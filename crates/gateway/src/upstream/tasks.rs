//! Tasks in what a server sends: named as the client knows them, and given out only while the
//! policy lets their tool be called.

use std::borrow::Cow;
use std::collections::HashMap;

use json::Node;
use mcp::lists::{self, Keep, ListKind};
use mcp::message::Message;
use mcp::method::Method;
use mcp::version::Era;

use super::answer::bad_answer;
use super::judge::{Edits, Judge};
use crate::permit;
use crate::refusal::{Refusal, Thing};
use crate::tasks::{Asking, ClientTask, Task};

impl Judge {
    /// A task of the server's, and how its client calls it; none that is not known to be its.
    async fn task(&self, id: &str) -> Option<(Task, String)> {
        if let Some(known) = self.named.find(id) {
            return Some(known.clone());
        }
        let task = self.gw.tasks.find(self.scope.standing.grant, self.scope.server, id).await?;
        let shown = task.shown(&self.gw.seals, self.holder)?;
        Some((task, shown))
    }

    // --- answers ---

    /// Names the task that an answer is, and refuses the result of one whose tool may no longer
    /// be called.
    pub(super) async fn tasks_in_answer(
        &self,
        message: &Message<'_>,
        edits: &mut Edits,
    ) -> Result<(), Refusal> {
        let answers = self.answers(message);
        if let (Some(Method::TasksGet | Method::TasksUpdate | Method::TasksResult), Some(asked)) =
            (answers, self.named.first())
        {
            self.gives_result(&asked.0, &asked.1)?;
        }
        if let Some(node) = self.task_of_answer(message, answers)? {
            let id = node.as_str().unwrap_or_default();
            let known = match &self.named.creates {
                Some(tool) if answers == Some(Method::ToolsCall) => self.created(tool, &id).await,
                _ => self.task(&id).await,
            };
            let (_, shown) = known.ok_or_else(bad_answer)?;
            edits.push(edit(node, &shown));
        }
        self.related_task(message, edits).await;
        Ok(())
    }

    /// Where an answer says which task it is: at the top or, when a legacy call became one, in
    /// `task`. Where it is not known what was asked, by shape.
    fn task_of_answer<'m>(
        &self,
        message: &'m Message<'_>,
        answers: Option<Method>,
    ) -> Result<Option<Node<'m>>, Refusal> {
        let Some(result) = message.result() else { return Ok(None) };
        let text = |node: Option<Node<'m>>| node.filter(|node| node.as_str().is_some());
        let top = text(result.get("taskId"));
        let inner = text(result.get("task").and_then(|task| task.get("taskId")));
        let is_task = result.get("resultType").is_some_and(|kind| kind.is_str("task"));
        Ok(match answers {
            Some(Method::ToolsCall) if is_task && self.named.creates.is_some() => top,
            Some(Method::ToolsCall) if self.era == Era::Legacy => {
                inner.filter(|_| self.named.creates.is_some())
            }
            // Only a call can become a task, and only one that said it may.
            Some(_) if is_task => return Err(bad_answer()),
            Some(Method::TasksGet | Method::TasksCancel | Method::TasksUpdate) => top,
            Some(_) => None,
            None => top.filter(|_| is_task || result.get("status").is_some()).or(inner),
        })
    }

    async fn created(&self, tool: &str, id: &str) -> Option<(Task, String)> {
        let task = Task { server: self.scope.server, tool: tool.to_owned(), id: id.to_owned() };
        let shown = task.shown(&self.gw.seals, self.holder)?;
        self.gw.tasks.learn(self.scope.standing.grant, &task).await;
        Some((task, shown))
    }

    fn gives_result(&self, task: &Task, shown: &str) -> Result<(), Refusal> {
        let gone = || Refusal::Hidden(Thing::Task(shown.to_owned()), policy::rule::HIDDEN);
        let binding = self.scope.binding(&self.gw).ok_or_else(gone)?;
        permit::gives_result(&binding, &task.tool, shown)
    }

    /// A server's list of tasks, without those that are not known to be this grant's.
    pub(super) async fn own_tasks(
        &self,
        message: &Message<'_>,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let tasks = message.result().and_then(|result| result.get("tasks"));
        let ids = tasks.into_iter().flat_map(Node::items).filter_map(|task| task.get("taskId"));
        let mut shown = HashMap::new();
        for id in ids.filter_map(Node::as_str) {
            if let Some((task, name)) = self.task(&id).await
                && self.gives_result(&task, &name).is_ok()
            {
                shown.insert(id.into_owned(), name);
            }
        }
        let mut keep = |element: &lists::Element<'_>| {
            shown.get(element.name.as_ref()).map_or(Keep::Drop, |name| Keep::Rename(name.clone()))
        };
        lists::filter(message.bytes(), ListKind::Tasks, self.era, &mut keep)
            .map_err(|_unreadable| bad_answer())
    }

    // --- what a server tells ---

    /// Names the task that a message belongs to. One that is not known says nothing to anybody
    /// here, and stays.
    pub(super) async fn related_task(&self, message: &Message<'_>, edits: &mut Edits) {
        let Some(node) = message.related_task() else { return };
        let id = node.as_str().unwrap_or_default();
        let session = (self.holder, self.session.as_slice());
        if let Some((_, shown)) = self.task(&id).await {
            edits.push(edit(node, &shown));
        } else if let Some(task) = ClientTask::open(&self.gw.seals, session, self.scope.server, &id)
        {
            edits.push((node.span(), Cow::Owned(task.id_raw.into_bytes())));
        }
    }

    /// News of a task; whether the client is to hear them.
    pub(super) async fn task_news(&self, message: &Message<'_>, edits: &mut Edits) -> bool {
        let (Some(params), Some(node)) = (message.params(), message.param("taskId")) else {
            return false;
        };
        let Some((task, shown)) = self.task(&node.as_str().unwrap_or_default()).await else {
            return false;
        };
        edits.push(edit(node, &shown));
        self.gives_result(&task, &shown).is_ok() && self.denied_input(params).is_none()
    }

    /// The tasks that a subscription will tell of, as the client asked for them.
    pub(super) fn watched_tasks(&self, message: &Message<'_>, edits: &mut Edits) {
        let watched = message.param("notifications").and_then(|of| of.get("taskIds"));
        let Some(watched) = watched else { return };
        let asked = watched
            .items()
            .filter_map(Node::as_str)
            .filter_map(|id| self.named.find(&id).map(|(_, shown)| json::quoted(shown)));
        let asked = format!("[{}]", asked.collect::<Vec<_>>().join(","));
        edits.push((watched.span(), Cow::Owned(asked.into_bytes())));
    }

    // --- what a server asks ---

    /// A question about a task that the client runs for this server, in this session.
    pub(super) fn about_clients_task(
        &self,
        message: &Message<'_>,
        edits: &mut Edits,
    ) -> Option<Asking> {
        let node = message.param("taskId")?;
        let session = (self.holder, self.session.as_slice());
        let presented = node.as_str()?;
        let task = ClientTask::open(&self.gw.seals, session, self.scope.server, &presented)?;
        edits.push((node.span(), Cow::Owned(task.id_raw.into_bytes())));
        Asking::about(message.method(), task.kind)
    }
}

fn edit(node: Node<'_>, text: &str) -> (std::ops::Range<usize>, Cow<'static, [u8]>) {
    (node.span(), Cow::Owned(json::quoted(text).into_bytes()))
}
