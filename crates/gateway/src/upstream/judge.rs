//! What a server sends is judged as what a client sends: lists show only what may be called, and
//! what a server asks of the client passes only if the policy lets it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Clock, ServerId};
use json::Node;
use mcp::answer;
use mcp::lists::ListKind;
use mcp::message::{self, Message, MessageKind};
use mcp::method::Method;
use mcp::version::Era;
use policy::ResponseRule;

use super::Exchange;
use super::answer::{Seen, bad_answer};
pub(crate) use super::filter::{Naming, filter};
use super::resumed::Before;
use crate::gateway::Gateway;
use crate::permit;
use crate::refusal::{self, Refusal, Ruling};
use crate::session::seal::{self, Asked, Holder};
use crate::tasks::{Asking, Named};
use crate::tenant::Carried;
use crate::view::{BindingView, Live, Standing};

/// Requests of one stream whose ids are remembered, for the server to take back.
const MAX_ASKED: usize = 256;
/// How long past its end a grant is looked at: by then it has ended by any clock.
const PAST: Duration = Duration::from_millis(5);
const DENIED: i32 = -31_001;

/// Replacements of parts of a message.
pub(super) type Edits = Vec<(Range<usize>, Cow<'static, [u8]>)>;

/// Whose answers are judged: looked up anew for each, so that a change holds at once.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) live: Arc<Live>,
    pub(crate) standing: Standing,
    pub(crate) server: ServerId,
}

impl Scope {
    /// The binding at this moment; none once the grant or the server is gone or paused.
    pub(crate) fn binding(&self, gw: &Gateway) -> Option<Arc<BindingView>> {
        self.binding_at(gw.clock.now())
    }

    /// The same, at a given moment.
    pub(crate) fn binding_at(&self, now: DateTime<Utc>) -> Option<Arc<BindingView>> {
        let view = self.live.view();
        if self.live.has_ended() || view.is_paused {
            return None;
        }
        let grant = view.grant(self.standing, now)?;
        grant.binding_to(self.server).filter(|binding| !binding.server.is_paused).cloned()
    }
}

/// Waits until a grant ends by time alone, of which nobody tells; for ever if it does not.
pub(crate) async fn expiry(live: &Live, standing: Standing, clock: &Clock) {
    let now = clock.now();
    // No view is held while nothing happens.
    let left = match live.view().grant(standing, now) {
        Some(grant) => grant.ends_at().map(|end| end.signed_duration_since(now)),
        None => return,
    };
    match left {
        Some(left) => tokio::time::sleep(left.to_std().unwrap_or_default() + PAST).await,
        None => std::future::pending().await,
    }
}

/// Judges the messages of one answer or stream.
pub(crate) struct Judge {
    pub(super) gw: Arc<Gateway>,
    pub(super) scope: Scope,
    pub(super) holder: Holder,
    pub(super) session: Vec<u8>,
    pub(super) era: Era,
    /// The method that is answered; none on a stream of its own.
    pub(super) awaited: Option<Method>,
    /// The id of that request, as written.
    awaited_id: Option<String>,
    /// The tasks that the request named.
    pub(super) named: Named,
    /// What is done to the answer, and to what comes before it.
    pub(super) response: Option<Arc<ResponseRule>>,
    /// See [`Exchange::reads`].
    reads: Option<String>,
    /// The stream answers no request of its own.
    pub(super) is_unasked: bool,
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
            named: exchange.tasks.clone(),
            response: exchange.response.clone(),
            reads: exchange.reads.clone(),
            is_unasked: false,
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
            named: Named::default(),
            response: None,
            reads: None,
            is_unasked: true,
            asked: HashMap::new(),
        }
    }

    /// For news of the modern era that are merged with others'.
    pub(crate) fn of_news(gw: &Arc<Gateway>, scope: Scope, holder: Holder) -> Self {
        Self { era: Era::Modern, ..Self::of_stream(gw, scope, holder, &[]) }
    }

    /// Judges one message, and takes out of it what the policy wants taken out.
    pub(crate) async fn message(&mut self, data: &[u8]) -> Judged {
        let judged = self.judged(data).await;
        self.told_late(data, self.redacted(data, judged))
    }

    /// On a stream of its own nobody else tells a client that an answer does not reach it.
    fn told_late(&self, data: &[u8], judged: Judged) -> Judged {
        let refusal = match judged.act {
            Act::Refuse(refusal) if self.is_unasked && judged.seen.is_some() => refusal,
            act => return Judged { act, seen: judged.seen },
        };
        let message = message::parse_from_upstream(data).ok();
        let id = message.as_ref().and_then(Message::id_raw).map(str::to_owned);
        let is_tool_call = self.awaited == Some(Method::ToolsCall);
        let asked = refusal::Asked { id, era: self.era, is_tool_call };
        Judged { act: Act::Replace(refusal.unrecorded(&asked)), seen: judged.seen }
    }

    async fn judged(&mut self, data: &[u8]) -> Judged {
        let Ok(message) = message::parse_from_upstream(data) else {
            return Act::Refuse(bad_answer()).into();
        };
        match message.kind() {
            MessageKind::Response => {
                self.recall(&message).await;
                self.response(&message).await
            }
            MessageKind::Request => self.request(&message).await.into(),
            MessageKind::Notification => self.notification(&message).await.into(),
        }
    }

    // --- streams that are resumed ---

    /// The client may come back for the answer on a stream of its own.
    pub(crate) async fn remember(&self) {
        if let (Some(method), Some(id), true) =
            (self.awaited, &self.awaited_id, !self.session.is_empty())
        {
            let (named, response) = (self.named.clone(), self.response.clone());
            let before = Before { method, named, response };
            self.gw.resumable.remember(self.scope.standing.grant, self.digest(), id, before).await;
        }
    }

    /// On a stream of its own, an answer to what was asked before is judged by what that was.
    async fn recall(&mut self, message: &Message<'_>) {
        let (true, Some(id)) = (self.is_unasked, message.id_raw()) else { return };
        let before = self.gw.resumable.find(self.scope.standing.grant, self.digest(), id).await;
        self.awaited = before.as_ref().map(|before| before.method);
        self.awaited_id = Some(id.to_owned());
        self.response = before.as_ref().and_then(|before| before.response.clone());
        self.named = before.map(|before| before.named.clone()).unwrap_or_default();
    }

    fn digest(&self) -> [u8; 16] {
        seal::digest(self.holder, &self.session)
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
            Ok(Some(list)) => self.filtered(message, list).await,
            Ok(None) => self.result(message).await,
            Err(refusal) => Act::Refuse(refusal),
        };
        Judged { act, seen: self.is_awaited(message).then_some(seen) }
    }

    /// Whether a message is the answer that is waited for, whichever way its id is written. An
    /// error without a readable id can be no other's.
    fn is_awaited(&self, message: &Message<'_>) -> bool {
        let Some(awaited) = self.awaited_id.as_deref() else { return true };
        let Some(id) = message.root().get("id").filter(|id| !id.is_null()) else {
            return message.error().is_some();
        };
        id.raw_str() == awaited
            || json::parse(awaited.as_bytes()).is_ok_and(|awaited| {
                let canonical = |node| {
                    let mut bytes = Vec::new();
                    json::canonical_into(node, &mut bytes);
                    bytes
                };
                canonical(id) == canonical(awaited.root())
            })
    }

    /// The method that a message answers; none where that is not known, as when a server answers
    /// another request of the session on this one's stream.
    pub(super) fn answers(&self, message: &Message<'_>) -> Option<Method> {
        self.awaited.filter(|_| message.id_raw() == self.awaited_id.as_deref())
    }

    /// The list that an answer is: by what was asked, or else by its shape. The shape counts even
    /// where something else was asked: a client may use an id twice. One that could be two lists
    /// is none that can be read.
    pub(super) fn list(&self, message: &Message<'_>) -> Result<Option<ListKind>, Refusal> {
        if let Some(list) = self.answers(message).and_then(ListKind::of) {
            return Ok(Some(list));
        }
        let Some(result) = message.result() else { return Ok(None) };
        // A tool's own result is anything that the tool likes, and says so by its content.
        if !matches!(message::only(result, "content"), Ok(None)) {
            return Ok(None);
        }
        let has = |list: &ListKind| !matches!(message::only(result, list.member()), Ok(None));
        let mut lists = ListKind::ALL.into_iter().filter(has);
        match (lists.next(), lists.next()) {
            (list, None) => Ok(list),
            (_, Some(_)) => Err(bad_answer()),
        }
    }

    async fn filtered(&self, message: &Message<'_>, list: ListKind) -> Act {
        let filtered = match list {
            ListKind::Tasks => self.own_tasks(message).await,
            _ => filter(&self.gw, &self.scope, message, list, self.era, Naming::Own).await,
        };
        match filtered {
            Ok(None) => Act::Pass,
            Ok(Some(bytes)) => Act::Replace(bytes),
            Err(refusal) => Act::Refuse(refusal),
        }
    }

    async fn result(&self, message: &Message<'_>) -> Act {
        let mut edits = Edits::new();
        let Some(result) = message.result() else { return Act::Pass };
        if self.era == Era::Modern {
            if let Some(refusal) = self.denied_input(result) {
                return Act::Refuse(refusal);
            }
            make_private(result, &mut edits);
            if let Err(refusal) = self.carry_state(result, &mut edits) {
                return Act::Refuse(refusal);
            }
        }
        if let Err(refusal) = self.tasks_in_answer(message, &mut edits).await {
            return Act::Refuse(refusal);
        }
        spliced(message, &edits)
    }

    /// On the per-tenant URL, what a server asks before it gives a resource must find it again.
    fn carry_state(&self, result: Node<'_>, edits: &mut Edits) -> Result<(), Refusal> {
        let Some(uri) = &self.reads else { return Ok(()) };
        if !result.get("resultType").is_some_and(|kind| kind.is_str("input_required")) {
            return Ok(());
        }
        let whose = (self.scope.server, uri.as_str());
        let edit = Carried::seal(&self.gw.seals, self.holder, whose, result);
        edits.push(edit.ok_or(Refusal::Unavailable)?);
        Ok(())
    }

    /// In the modern era a server asks by its result; the policy judges that like any request.
    pub(super) fn denied_input(&self, result: Node<'_>) -> Option<Refusal> {
        let binding = self.scope.binding(&self.gw);
        let may = |request: Node<'_>| {
            let method = message::only(request, "method").ok().flatten().and_then(Node::as_str);
            let method = Method::named(&method.unwrap_or_default());
            binding.as_ref().is_some_and(|binding| permit::may_ask(binding, method))
        };
        let is_allowed = match message::only(result, "inputRequests") {
            Ok(None) => return None,
            // Read by all in one way, and each of them allowed.
            Ok(Some(requests)) => {
                let is_plain = requests.is_object() && requests.duplicate_key().is_none();
                is_plain && requests.members().all(|member| may(member.value))
            }
            Err(_ambiguous) => false,
        };
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

    async fn request(&mut self, message: &Message<'_>) -> Act {
        let mut edits = Edits::new();
        let asking = self.asking(message, &mut edits);
        let (Some(id), Some(asking)) = (message.id_raw(), asking) else {
            return self.declined(message);
        };
        let allowed = self.scope.binding(&self.gw).is_some_and(|binding| {
            self.era == Era::Legacy && permit::may_ask(&binding, asking.judged)
        });
        if !allowed {
            return self.declined(message);
        }
        let asked = Asked { server: self.scope.server, id: id.as_bytes(), method: asking.tag };
        let now = self.gw.clock.now();
        let sealed = self.gw.seals.request(self.holder, &self.session, asked, now);
        let (Some(sealed), Some(node)) = (sealed, message.root().get("id")) else {
            return self.declined(message);
        };
        let sealed = json::quoted(&sealed);
        if self.asked.len() < MAX_ASKED {
            self.asked.insert(id.to_owned(), sealed.clone());
        }
        edits.push((node.span(), Cow::Owned(sealed.into_bytes())));
        self.related_task(message, &mut edits).await;
        spliced(message, &edits)
    }

    fn asking(&self, message: &Message<'_>, edits: &mut Edits) -> Option<Asking> {
        Asking::of(message.method()).or_else(|| self.about_clients_task(message, edits))
    }

    pub(super) fn declined(&self, message: &Message<'_>) -> Act {
        // In the modern era nobody asks inside a stream, and nobody answers.
        if self.era == Era::Modern {
            return Act::Drop;
        }
        let text = "The policy does not let this server ask that of the client.";
        Act::Decline(answer::error(message.id_raw(), DENIED, text, None))
    }

    async fn notification(&self, message: &Message<'_>) -> Act {
        let mut edits = Edits::new();
        match message.method() {
            Method::Cancelled => {
                let id = message.param("requestId");
                let sealed = id.and_then(|id| Some((id, self.asked.get(id.raw_str())?)));
                edits.extend(
                    sealed.map(|(id, sealed)| (id.span(), sealed.clone().into_bytes().into())),
                );
            }
            Method::ResourcesUpdated => {
                let uri = message.uri().unwrap_or_default();
                let binding = self.scope.binding(&self.gw);
                let shown = binding.as_ref().and_then(|binding| binding.policy.as_ref());
                if !shown.is_some_and(|policy| policy.compiled.lists_resource(&uri)) {
                    return Act::Drop;
                }
            }
            Method::TasksStatus | Method::TasksChanged
                if !self.task_news(message, &mut edits).await =>
            {
                return Act::Drop;
            }
            // Where many subscriptions are one, the gateway acknowledged it.
            Method::SubscriptionsAcknowledged if self.is_unasked => return Act::Drop,
            Method::SubscriptionsAcknowledged => self.watched_tasks(message, &mut edits),
            _ => {}
        }
        self.related_task(message, &mut edits).await;
        spliced(message, &edits)
    }
}

/// What was answered to one grant is not kept for another.
fn make_private(result: Node<'_>, edits: &mut Edits) {
    for member in result.members().filter(|member| member.key_is("cacheScope")) {
        if !member.value.is_str("private") {
            edits.push((member.value.span(), Cow::Borrowed(b"\"private\"")));
        }
    }
}

pub(super) fn spliced(message: &Message<'_>, edits: &Edits) -> Act {
    if edits.is_empty() { Act::Pass } else { Act::Replace(json::splice(message.bytes(), edits)) }
}
