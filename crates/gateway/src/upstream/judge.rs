//! What a server sends is judged as what a client sends: lists show only what may be called, and
//! what a server asks of the client passes only if the policy lets it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use domain::{GrantId, ServerId};
use json::Node;
use mcp::answer;
use mcp::lists::{self, Keep, ListKind};
use mcp::message::{self, Message, MessageKind};
use mcp::method::Method;
use mcp::version::Era;

use super::answer::{Seen, bad_answer};
use super::{Exchange, capabilities};
use crate::gateway::Gateway;
use crate::permit;
use crate::refusal::{Refusal, Ruling};
use crate::session::seal::{Asked, Holder};
use crate::view::{BindingView, Live};

/// Requests of one stream whose ids are remembered, for the server to take back.
const MAX_ASKED: usize = 256;
const DENIED: i32 = -31_001;

/// Whose answers are judged: looked up anew for each, so that a change holds at once.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) live: Arc<Live>,
    pub(crate) grant: GrantId,
    pub(crate) server: ServerId,
}

impl Scope {
    /// The binding at this moment; none once the grant or the server is gone or paused.
    pub(crate) fn binding(&self, gw: &Gateway) -> Option<Arc<BindingView>> {
        let view = self.live.view();
        if self.live.has_ended() || view.is_paused {
            return None;
        }
        let grant = view.grant(self.grant, gw.clock.now())?;
        grant.binding_to(self.server).filter(|binding| !binding.server.is_paused).cloned()
    }
}

/// Judges the messages of one answer or stream.
pub(crate) struct Judge {
    gw: Arc<Gateway>,
    scope: Scope,
    holder: Holder,
    session: Vec<u8>,
    era: Era,
    /// The method that is answered; none on a stream of its own.
    awaited: Option<Method>,
    /// The id of that request, as written.
    awaited_id: Option<String>,
    /// Ids of requests to the client: the server's to ours.
    asked: HashMap<String, String>,
}

/// What was made of a message.
pub(crate) struct Judged {
    pub(crate) act: Act,
    /// Set if it was the answer.
    pub(crate) seen: Option<Seen>,
}

/// What becomes of a message.
pub(crate) enum Act {
    /// Passed on, byte for byte.
    Pass,
    /// Passed on with these bytes.
    Replace(Vec<u8>),
    /// Not passed on.
    Drop,
    /// Not passed on, and the server is told so.
    Decline(Vec<u8>),
    /// The client gets this refusal instead of the answer.
    Refuse(Refusal),
}

impl From<Act> for Judged {
    fn from(act: Act) -> Self {
        Self { act, seen: None }
    }
}

impl Judge {
    /// For the answer to one request.
    pub(crate) fn of_post(gw: &Arc<Gateway>, exchange: &Exchange) -> Self {
        Self {
            gw: Arc::clone(gw),
            scope: exchange.scope.clone(),
            holder: exchange.holder,
            session: exchange.session.binding().to_vec(),
            era: exchange.era,
            awaited: Some(exchange.method),
            awaited_id: exchange.asked.id.clone(),
            asked: HashMap::new(),
        }
    }

    /// For a stream that answers nothing: a GET.
    pub(crate) fn of_stream(
        gw: &Arc<Gateway>,
        scope: Scope,
        holder: Holder,
        session: &[u8],
    ) -> Self {
        Self {
            gw: Arc::clone(gw),
            scope,
            holder,
            session: session.to_vec(),
            era: Era::Legacy,
            awaited: None,
            awaited_id: None,
            asked: HashMap::new(),
        }
    }

    /// Judges one message.
    pub(crate) async fn message(&mut self, data: &[u8]) -> Judged {
        let Ok(message) = message::parse_from_upstream(data) else {
            return Act::Refuse(bad_answer()).into();
        };
        match message.kind() {
            MessageKind::Response => self.response(&message).await,
            MessageKind::Request => self.request(&message).into(),
            MessageKind::Notification => self.notification(&message).into(),
        }
    }

    // --- answers ---

    async fn response(&self, message: &Message<'_>) -> Judged {
        let seen = Seen {
            jsonrpc: message.error().map(|error| {
                error
                    .get("code")
                    .and_then(Node::as_number)
                    .and_then(|c| c.parse().ok())
                    .unwrap_or(0)
            }),
            is_error: message.result().and_then(|result| result.get("isError")?.as_bool()),
        };
        let act = match self.list(message) {
            Some(list) => self.filtered(message, list).await,
            None => self.result(message),
        };
        Judged { act, seen: Some(seen) }
    }

    /// The list that an answer is: by what was asked; by its shape where that is not known, as
    /// when a server answers another request of the session on this one's stream.
    fn list(&self, message: &Message<'_>) -> Option<ListKind> {
        if let Some(method) = self.awaited
            && message.id_raw() == self.awaited_id.as_deref()
        {
            return ListKind::of(method);
        }
        let result = message.result()?;
        ListKind::ALL.into_iter().find(|list| result.get(list.member()).is_some())
    }

    async fn filtered(&self, message: &Message<'_>, list: ListKind) -> Act {
        match filter(&self.gw, &self.scope, message, list, self.era, Naming::Own).await {
            Ok(bytes) => edited(bytes),
            Err(refusal) => Act::Refuse(refusal),
        }
    }

    fn result(&self, message: &Message<'_>) -> Act {
        match self.awaited {
            Some(method @ (Method::Initialize | Method::ServerDiscover)) => {
                edited(capabilities::trimmed(message, method))
            }
            _ if self.era == Era::Legacy => Act::Pass,
            _ => match self.denied_input(message) {
                Some(refusal) => Act::Refuse(refusal),
                None => edited(capabilities::private(message)),
            },
        }
    }

    /// In the modern era a server asks by its result; the policy judges that like any request.
    fn denied_input(&self, message: &Message<'_>) -> Option<Refusal> {
        let result = message.result()?;
        let requests = result.get("inputRequests")?;
        let binding = self.scope.binding(&self.gw);
        let allowed = |request: Node<'_>| {
            let method = request.get("method").and_then(Node::as_str).unwrap_or_default();
            binding.as_ref().is_some_and(|b| permit::may_ask(b, Method::named(&method)))
        };
        let is_allowed = requests.is_object() && requests.members().all(|m| allowed(m.value));
        (!is_allowed).then(|| {
            Refusal::Denied(Ruling {
                rule: "/server_requests".to_owned(),
                message: "The server asked the client for something that the policy does not let \
                          it ask."
                    .to_owned(),
            })
        })
    }

    // --- what a server asks and tells ---

    fn request(&mut self, message: &Message<'_>) -> Act {
        let (Some(id), Some(tag)) = (message.id_raw(), tag_of_method(message.method())) else {
            return self.declined(message);
        };
        let allowed = self.scope.binding(&self.gw).is_some_and(|binding| {
            self.era == Era::Legacy && permit::may_ask(&binding, message.method())
        });
        if !allowed {
            return self.declined(message);
        }
        let asked = Asked { server: self.scope.server, id: id.as_bytes(), method: tag };
        let now = self.gw.clock.now();
        let sealed = self.gw.seals.request(self.holder, &self.session, asked, now);
        let Some(sealed) = sealed.map(|sealed| json::quoted(&sealed)) else {
            return self.declined(message);
        };
        if self.asked.len() < MAX_ASKED {
            self.asked.insert(id.to_owned(), sealed.clone());
        }
        replaced(message, message.root().get("id"), sealed)
    }

    fn declined(&self, message: &Message<'_>) -> Act {
        // In the modern era nobody asks inside a stream, and nobody answers.
        if self.era == Era::Modern {
            return Act::Drop;
        }
        let text = "The policy does not let this server ask that of the client.";
        Act::Decline(answer::error(message.id_raw(), DENIED, text, None))
    }

    fn notification(&self, message: &Message<'_>) -> Act {
        match message.method() {
            Method::Cancelled => {
                let id = message.param("requestId");
                match id.and_then(|id| self.asked.get(id.raw_str())) {
                    Some(sealed) => replaced(message, id, sealed.clone()),
                    None => Act::Pass,
                }
            }
            Method::ResourcesUpdated => {
                let uri = message.uri().unwrap_or_default();
                let binding = self.scope.binding(&self.gw);
                let shown = binding.as_ref().and_then(|binding| binding.policy.as_ref());
                let shown = shown.is_some_and(|policy| policy.compiled.lists_resource(&uri));
                if shown { Act::Pass } else { Act::Drop }
            }
            _ => Act::Pass,
        }
    }
}

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

fn edited(bytes: Option<Vec<u8>>) -> Act {
    bytes.map_or(Act::Pass, Act::Replace)
}

fn replaced(message: &Message<'_>, node: Option<Node<'_>>, with: String) -> Act {
    match node {
        Some(node) => {
            let edit = (node.span(), Cow::Owned(with.into_bytes()));
            Act::Replace(json::splice(message.bytes(), &[edit]))
        }
        None => Act::Drop,
    }
}

const ASKING: [(u8, Method); 4] = [
    (1, Method::Ping),
    (2, Method::SamplingCreateMessage),
    (3, Method::ElicitationCreate),
    (4, Method::RootsList),
];

/// The tag under which a method is sealed into an id.
fn tag_of_method(method: Method) -> Option<u8> {
    ASKING.iter().find(|(_, known)| *known == method).map(|(tag, _)| *tag)
}

/// The method of a tag.
pub(crate) fn method_of_tag(tag: u8) -> Option<Method> {
    ASKING.iter().find(|(known, _)| *known == tag).map(|(_, method)| *method)
}
