//! Where a call goes: which server of the grant, and what its subject is called there.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use mcp::method::Method;
use mcp::version::Era;

use crate::identify::Place;
use crate::path::Post;
use crate::refusal::{Refusal, Ruling, Thing};
use crate::view::{BindingView, GrantView};

/// See the module.
pub(crate) struct Target {
    pub(crate) grant: Arc<GrantView>,
    pub(crate) binding: Arc<BindingView>,
    /// Tool, prompt or URI, in the server's own terms.
    pub(crate) subject: String,
    /// The bytes that were judged, or the same with the name spliced back to the server's own.
    pub(crate) body: Bytes,
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
        let Some(server) = unlisted else { return found };
        Box::pin(post.gw.views.refresh(&post.caller.live, server)).await;
        match post.caller.renewed(post.gw) {
            Some(caller) => Self::find(post, &caller.grant),
            None => found,
        }
    }

    fn find(post: &Post<'_>, grant: &Arc<GrantView>) -> Result<Self, Refusal> {
        let binding = match &post.caller.place {
            Place::Server(binding) => {
                grant.binding_to(binding.server.id).ok_or(Refusal::Unavailable)?
            }
            Place::Tenant => return Self::find_named(post, grant),
        };
        let subject = post.call.subject().into_owned();
        Ok(Self::new(grant, binding, subject, post.bytes.clone()))
    }

    /// On the per-tenant URL, the server is in the name.
    fn find_named(post: &Post<'_>, grant: &Arc<GrantView>) -> Result<Self, Refusal> {
        let shown = post.call.subject();
        let own = |binding: &Arc<BindingView>| binding.server.own_name(&shown).map(str::to_owned);
        let found = grant.bindings.iter().find_map(|binding| Some((binding, own(binding)?)));
        match (found, post.call.method()) {
            (Some((binding, own)), Method::ToolsCall | Method::PromptsGet) => {
                let body = renamed(post, &own);
                Ok(Self::new(grant, binding, own, body))
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
        Self { grant: Arc::clone(grant), binding: Arc::clone(binding), subject, body }
    }

    fn is_unlisted_tool(&self, post: &Post<'_>) -> Option<domain::ServerId> {
        let policy = self.binding.policy.as_ref()?;
        let unlisted =
            post.call.method() == Method::ToolsCall && !policy.compiled.lists(&self.subject);
        unlisted.then_some(self.binding.server.id)
    }

    /// Whether the server can be called at all, in the client's era.
    pub(crate) fn check(&self, post: &Post<'_>) -> Result<(), Refusal> {
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
        match post.call.dialect.era {
            Era::Modern if !server.speaks_modern => Err(Refusal::OtherEra),
            Era::Legacy if !server.speaks_legacy => Err(Refusal::Upstream(format!(
                "{} speaks only revision 2026-07-28; connect with a client that does.",
                server.name
            ))),
            Era::Modern | Era::Legacy => Ok(()),
        }
    }
}

/// The message with the server's own name in it, by one splice.
fn renamed(post: &Post<'_>, own: &str) -> Bytes {
    let Some(name) = post.call.message.param("name") else { return post.bytes.clone() };
    let edit = (name.span(), Cow::Owned(json::quoted(own).into_bytes()));
    json::splice(post.bytes, &[edit]).into()
}
