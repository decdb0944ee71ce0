//! The per-tenant URL: all servers of a grant behind one address. The gateway is the server here;
//! it answers the handshake and the lists itself, from all servers at once, and routes calls by
//! the server in their name.

mod hello;
mod lists;
mod news;
mod read;
mod sessions;

use mcp::method::Method;
use mcp::version::Era;

use crate::path::Post;
use crate::refusal::Refusal;
use crate::trail::{Phase, Trail};
use crate::upstream::Answer;

pub(crate) use news::listen;
pub(crate) use sessions::{Opened, broadcast, end, join, leave, way_back};

/// Whether the gateway answers this method itself, rather than one server.
pub(crate) const fn answers(method: Method) -> bool {
    matches!(
        method,
        Method::Initialize
            | Method::Ping
            | Method::ServerDiscover
            | Method::ToolsList
            | Method::PromptsList
            | Method::ResourcesList
            | Method::ResourcesTemplatesList
            | Method::ResourcesRead
    )
}

/// Answers such a method.
pub(crate) async fn answer(post: &Post<'_>, trail: &mut Trail) -> Result<Answer, Refusal> {
    check(post)?;
    let method = post.call.method();
    let answer = match method {
        Method::Initialize => hello::initialize(post).await,
        Method::ServerDiscover => Ok(hello::discover(post)),
        Method::Ping => Ok(hello::pong(post)),
        Method::ResourcesRead => return read::read(post, trail).await,
        _ => lists::merged(post).await,
    };
    trail.phase(Phase::Upstream);
    answer
}

/// Whether this era is spoken here: the modern one only if all servers speak it, so that a client
/// that probes falls back as a whole.
pub(crate) fn check(post: &Post<'_>) -> Result<(), Refusal> {
    let era = post.call.dialect.era;
    let bindings = &post.caller.grant.bindings;
    if era == Era::Modern && !bindings.iter().all(|binding| binding.server.speaks_modern) {
        return Err(Refusal::OtherEra);
    }
    if post.call.method().exists_in(era) { Ok(()) } else { Err(Refusal::UnknownMethod) }
}
