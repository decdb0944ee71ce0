//! The per-tenant URL: all servers of a grant behind one address. The gateway is the server here;
//! it answers the handshake and the lists itself, from all servers at once, and routes calls by
//! the server in their name.

pub(crate) mod hello;
mod lists;
mod news;
mod read;
mod sessions;

use mcp::method::Method;

use crate::path::Post;
use crate::refusal::Refusal;
use crate::trail::{Phase, Trail};
use crate::upstream::Answer;

pub(crate) use news::listen;
pub(crate) use read::Carried;
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
            | Method::SubscriptionsListen
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
        Method::SubscriptionsListen => news::subscribe(post).map(Answer::Open),
        _ => lists::merged(post).await,
    };
    trail.phase(Phase::Upstream);
    answer
}

/// Both eras are spoken here, each with its own methods.
fn check(post: &Post<'_>) -> Result<(), Refusal> {
    let is_known = post.call.method().exists_in(post.call.dialect.era);
    if is_known { Ok(()) } else { Err(Refusal::UnknownMethod) }
}
