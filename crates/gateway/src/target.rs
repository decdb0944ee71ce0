//! Where a call goes: which server of the grant, and what its subject is called there.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use mcp::message::Message;
use mcp::method::Method;
use mcp::version::Era;

use crate::bridge::Crossing;
use crate::identify::Place;
use crate::path::Post;
use crate::refusal::{Refusal, Ruling, Thing};
use crate::tasks::{self, Named, Opened};
use crate::trail::Trail;
use crate::view::{BindingView, GrantView};

/// See the module.
pub(crate) struct Target {
    pub(crate) grant: Arc<GrantView>,
    pub(crate) binding: Arc<BindingView>,
    /// Tool, prompt or URI, in the server's own terms.
    pub(crate) subject: String,
    /// The bytes that were judged, or the same with the name spliced back to the server's own.
    pub(crate) body: Bytes,
    /// The tasks that the call names.
    pub(crate) tasks: Named,
    /// The bridge to it, if it needs one.
    pub(crate) crossing: Crossing,
}

impl Target {
    /// Resolves a call. A tool that is not listed has its server listed anew first, at most once
    /// in a while, so that a new tool can be called at once.
    pub(crate) async fn of(post: &Post<'_>) -> Result<Self, Refusal> {
        let found = Self::find(post, &post.caller.grant);
        let unlisted = match &found {
            Ok(target) => target.is_unlisted_tool(post),
            Err(_) => None,
        };
        let Some(server) = unlisted else {
            if let Ok(target) = &found {
                target.learn(post).await;
            }
            return found;
        };
        Box::pin(post.gw.views.refresh(&post.caller.live, server)).await;
        match post.caller.renewed(post.gw) {
            Some(caller) => Self::find(post, &caller.grant),
            None => found,
        }
    }

    /// Whose the tasks are that a client asks about is worth to be remembered.
    async fn learn(&self, post: &Post<'_>) {
        for task in self.tasks.all() {
            post.gw.tasks.learn(self.grant.id, task).await;
        }
    }

    fn find(post: &Post<'_>, grant: &Arc<GrantView>) -> Result<Self, Refusal> {
        let binding = match &post.caller.place {
            Place::Server(binding) => {
                grant.binding_to(binding.server.id).ok_or(Refusal::Unavailable)?
            }
            Place::Tenant => return Self::find_named(post, grant),
        };
        let opened = tasks::opened(&post.gw.seals, post.caller.holder(), post.call)?;
        let subject = post.call.subject().into_owned();
        Ok(Self::with_tasks(post, grant, binding, subject, opened))
    }

    /// A target of a call that may name tasks, and be about one.
    fn with_tasks(
        post: &Post<'_>,
        grant: &Arc<GrantView>,
        binding: &Arc<BindingView>,
        subject: String,
        opened: Opened,
    ) -> Self {
        let Opened { mut named, edits } = opened;
        let body = if edits.is_empty() {
            post.bytes.clone()
        } else {
            json::splice(post.bytes, &edits).into()
        };
        let method = post.call.method();
        let tool = named.first().filter(|_| tasks::is_about_a_task(method));
        let subject = tool.map_or(subject, |(task, _)| task.tool.clone());
        if method == Method::ToolsCall && tasks::may_become_one(post.call) {
            named.creates = Some(subject.clone());
        }
        Self { tasks: named, ..Self::new(grant, binding, subject, body) }
    }

    /// What the call is about as its header says it to the server.
    pub(crate) fn mirrored(&self, method: Method) -> &str {
        match self.tasks.first() {
            Some((task, _)) if tasks::is_about_a_task(method) => &task.id,
            _ => &self.subject,
        }
    }

    /// On the per-tenant URL, the server is in the name.
    fn find_named(post: &Post<'_>, grant: &Arc<GrantView>) -> Result<Self, Refusal> {
        let shown = post.call.subject();
        let mut opened = tasks::opened(&post.gw.seals, post.caller.holder(), post.call)?;
        if let Some(server) = opened.named.server()
            && tasks::is_about_a_task(post.call.method())
        {
            let gone = || Refusal::Hidden(Thing::Task(shown.to_string()), policy::rule::HIDDEN);
            let binding = grant.binding_to(server).ok_or_else(gone)?;
            return Ok(Self::with_tasks(post, grant, binding, String::new(), opened));
        }
        let own = |binding: &Arc<BindingView>| binding.server.own_name(&shown).map(str::to_owned);
        let found = grant.bindings.iter().find_map(|binding| Some((binding, own(binding)?)));
        match (found, post.call.method()) {
            (Some((binding, own)), Method::ToolsCall | Method::PromptsGet) => {
                if opened.named.server().is_some_and(|server| server != binding.server.id) {
                    return Err(Refusal::BadParams("That task is another server's."));
                }
                opened.edits.extend(renamed(post, &own));
                Ok(Self::with_tasks(post, grant, binding, own, opened))
            }
            (None, Method::ToolsCall) => {
                Err(Refusal::Hidden(Thing::Tool(shown.into_owned()), policy::rule::UNKNOWN_TOOL))
            }
            (None, Method::PromptsGet) => {
                Err(Refusal::Hidden(Thing::Prompt(shown.into_owned()), policy::rule::HIDDEN))
            }
            _ => Err(Refusal::UnknownMethod),
        }
    }

    /// A target whose subject keeps its name.
    pub(crate) fn new(
        grant: &Arc<GrantView>,
        binding: &Arc<BindingView>,
        subject: String,
        body: Bytes,
    ) -> Self {
        let (grant, binding) = (Arc::clone(grant), Arc::clone(binding));
        let (tasks, crossing) = (Named::default(), Crossing::None);
        Self { grant, binding, subject, body, tasks, crossing }
    }

    /// The server's own name as JSON, where a message calls a tool or a prompt by another.
    pub(crate) fn own_name(&self, message: &Message<'_>) -> Option<String> {
        let is_named = matches!(message.method(), Method::ToolsCall | Method::PromptsGet);
        let is_other = is_named && message.name().is_some_and(|name| name != self.subject);
        is_other.then(|| json::quoted(&self.subject))
    }

    /// Whether the headers that mirror arguments say what the arguments say. Only once the call
    /// may be made: of a hidden tool nobody learns what it mirrors.
    pub(crate) fn check_mirrors(&self, post: &Post<'_>) -> Result<(), Refusal> {
        let mirrors = self.binding.server.mirrors(&self.subject);
        let is_modern_call =
            post.call.method() == Method::ToolsCall && post.call.dialect.era == Era::Modern;
        if !is_modern_call || mirrors.is_empty() {
            return Ok(());
        }
        mcp::mirrors::check(mirrors, post.call.message, post.headers).map_err(Refusal::Malformed)
    }

    /// A call about a task is recorded as about its tool.
    pub(crate) fn note(&self, post: &Post<'_>, trail: &mut Trail) {
        let method = post.call.method();
        if tasks::is_about_a_task(method) {
            trail.call(method.name(), Some(&self.subject));
        }
    }

    fn is_unlisted_tool(&self, post: &Post<'_>) -> Option<domain::ServerId> {
        let policy = self.binding.policy.as_ref()?;
        let unlisted =
            post.call.method() == Method::ToolsCall && !policy.compiled.lists(&self.subject);
        unlisted.then_some(self.binding.server.id)
    }

    /// Whether the server can be called at all; the way there is chosen by the client's era.
    pub(crate) fn check(&mut self, post: &Post<'_>) -> Result<(), Refusal> {
        // Where tasks were not opened there are none: no server is told of an id that was not
        // given to this grant.
        if post.call.message.related_task().is_some() && self.tasks.first().is_none() {
            return Err(Refusal::BadParams("No task is known here."));
        }
        let server = &self.binding.server;
        let paused = |what: &str| {
            let message = format!("Calls are paused for this {what}.");
            Err(Refusal::Denied(Ruling { rule: "(paused)".to_owned(), message }))
        };
        if post.caller.view.is_paused {
            return paused("organisation");
        }
        if server.is_paused {
            return paused("server");
        }
        self.crossing = Crossing::of(post.call.dialect.era, post.session, server)?;
        Ok(())
    }
}

/// The edit that puts the server's own name into a message.
fn renamed(post: &Post<'_>, own: &str) -> Option<(Range<usize>, Cow<'static, [u8]>)> {
    let name = post.call.message.param("name")?;
    Some((name.span(), Cow::Owned(json::quoted(own).into_bytes())))
}
