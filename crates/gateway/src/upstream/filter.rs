//! Lists, filtered by what their reader may call.

use json::Node;
use mcp::lists::{self, Keep, ListKind};
use mcp::message::Message;
use mcp::version::Era;

use super::answer::bad_answer;
use super::judge::Scope;
use crate::gateway::Gateway;
use crate::permit;
use crate::refusal::Refusal;
use crate::view::BindingView;

/// Under which names a list is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The server's own.
    Own,
    /// With the server in front.
    Prefixed,
}

/// Filters an answer to a list request by what its reader may call; `None` if nothing had to
/// change. Tools that nobody here has seen before have the server listed anew first.
pub(crate) async fn filter(
    gw: &Gateway,
    scope: &Scope,
    message: &Message<'_>,
    list: ListKind,
    era: Era,
    naming: Naming,
) -> Result<Option<Vec<u8>>, Refusal> {
    let gone = || Refusal::Upstream("The server may no longer be called.".to_owned());
    let mut binding = scope.binding(gw).ok_or_else(gone)?;
    if list == ListKind::Tools && lists_unknown(message, &binding) {
        Box::pin(gw.views.refresh(&scope.live, scope.server)).await;
        binding = scope.binding(gw).ok_or_else(gone)?;
    }
    let mut keep =
        |element: &lists::Element<'_>| match (permit::shows(&binding, list, element), naming, list)
        {
            (Keep::Keep, Naming::Prefixed, ListKind::Tools) => {
                Keep::Rename(binding.server.shown(&element.name))
            }
            (Keep::Keep, Naming::Prefixed, ListKind::Prompts) => {
                Keep::Rename(binding.server.shown_prompt(&element.name))
            }
            (verdict, _, _) => verdict,
        };
    lists::filter(message.bytes(), list, era, &mut keep).map_err(|error| {
        tracing::info!(%error, "a server's list cannot be read");
        bad_answer()
    })
}

/// Whether a list of tools has names that were not there at the last discovery.
fn lists_unknown(message: &Message<'_>, binding: &BindingView) -> bool {
    let tools = message.result().and_then(|result| result.get("tools"));
    let mut names = tools.into_iter().flat_map(Node::items).filter_map(|tool| tool.get("name"));
    names.any(|name| name.as_str().is_some_and(|name| !binding.server.knows(&name)))
}
