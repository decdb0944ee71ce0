//! One judged and counted call on its way over a bridge: everything it needs, owned, so that it
//! can go on when its client hangs up.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use mcp::method::Method;

use super::{Crossing, down, up};
use crate::front::body::Accepts;
use crate::gateway::Gateway;
use crate::path::Post;
use crate::refusal::Refusal;
use crate::session::seal::Holder;
use crate::target::Target;
use crate::upstream::judge::Scope;
use crate::upstream::{Failed, Sent};
use crate::view::BindingView;

/// Headers that join a call to its trace.
const TRACE: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// See the module.
pub(crate) struct Errand {
    pub(super) gw: Arc<Gateway>,
    pub(super) binding: Arc<BindingView>,
    pub(super) scope: Scope,
    pub(super) holder: Holder,
    pub(super) method: Method,
    /// The id of the client's request, as written.
    pub(super) id: String,
    pub(super) accepts: Accepts,
    pub(super) trace: HeaderMap,
    pub(super) first_byte: Duration,
}

/// An errand, and what is said at its end.
pub(crate) struct Run {
    errand: Errand,
    request: Request,
}

enum Request {
    Down(down::Request),
    Up(Box<up::Request>),
    /// What the other era has no word for.
    Refused(Refusal),
}

impl Run {
    /// The errand of a call; none where both sides speak one era.
    pub(crate) fn of(
        post: &Post<'_>,
        target: &Target,
        scope: &Scope,
        first_byte: Duration,
    ) -> Option<Box<Self>> {
        let request = match target.crossing {
            Crossing::None => return None,
            _ if is_task(post) || target.tasks.first().is_some() => {
                Request::Refused(Refusal::UnknownMethod)
            }
            Crossing::Down => Request::Down(down::Request::of(post, target)),
            Crossing::Up => Request::Up(Box::new(up::Request::of(post, target))),
        };
        let trace = post.headers.iter().filter(|(name, _)| TRACE.contains(&name.as_str()));
        let errand = Errand {
            gw: Arc::clone(post.gw),
            binding: Arc::clone(&target.binding),
            scope: scope.clone(),
            holder: post.caller.holder(),
            method: post.call.method(),
            id: post.call.message.id_raw().unwrap_or_default().to_owned(),
            accepts: post.accepts,
            trace: trace.map(|(name, value)| (name.clone(), value.clone())).collect(),
            first_byte,
        };
        Some(Box::new(Self { errand, request }))
    }

    /// Runs it: at most one call goes out.
    pub(crate) async fn run(self) -> Sent {
        match self.request {
            Request::Down(request) => down::run(self.errand, request).await,
            Request::Up(request) => up::run(self.errand, *request).await,
            Request::Refused(refusal) => Err(Failed::unsent(refusal)),
        }
    }
}

/// The tasks of the two eras have nothing in common but their name.
fn is_task(post: &Post<'_>) -> bool {
    post.call.message.is_task_augmented()
        || matches!(
            post.call.method(),
            Method::TasksGet
                | Method::TasksUpdate
                | Method::TasksCancel
                | Method::TasksResult
                | Method::TasksList
        )
}
