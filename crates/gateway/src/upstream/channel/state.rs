//! Who waits on a channel for what, and what nobody has taken yet.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Uri;
use mcp::message::{Message, MessageKind};
use mcp::method::Method;
use mcp::sse;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::Room;
use crate::upstream::judge::Scope;

/// Requests in flight on one channel.
const MAX_WAITING: usize = 256;
/// Messages that nobody has taken yet, on the way to one reader.
const QUEUE: usize = 32;
/// Requests remembered that nobody waits for any more.
const MAX_GIVEN_UP: usize = 64;
/// Messages kept while nobody listens.
const MAX_PENDING: usize = 32;

/// One channel: a stream that is held open, and everybody who waits for something on it.
pub(super) struct Channel {
    pub(super) endpoint: Uri,
    pub(super) closing: CancellationToken,
    /// Somebody used the channel: its scope may be known now.
    pub(super) touched: Notify,
    state: Mutex<State>,
    _room: Room,
}

struct State {
    waiting: HashMap<u64, Waiting>,
    /// Requests that nobody waits for any more, and the ids that their clients gave them: they
    /// may still be cancelled.
    given_up: VecDeque<(u64, String)>,
    last_id: u64,
    listener: Option<mpsc::Sender<Sent>>,
    pending: VecDeque<Bytes>,
    scope: Option<Scope>,
    used_at: Instant,
}

/// One request in flight.
struct Waiting {
    /// The id that its client gave it, as written.
    id_raw: String,
    progress_token: Option<String>,
    sender: mpsc::Sender<Sent>,
}

/// One message on its way to a reader.
pub(super) struct Sent {
    pub(super) message: Bytes,
    /// It ends what it was awaited for.
    pub(super) is_answer: bool,
}

impl Channel {
    pub(super) fn new(
        endpoint: Uri,
        closing: CancellationToken,
        scope: Option<Scope>,
        room: Room,
    ) -> Self {
        let state = State {
            waiting: HashMap::new(),
            given_up: VecDeque::new(),
            last_id: 0,
            listener: None,
            pending: VecDeque::new(),
            scope,
            used_at: Instant::now(),
        };
        Self { endpoint, closing, touched: Notify::new(), state: Mutex::new(state), _room: room }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody uses the channel, perhaps the first whose grant is known.
    pub(super) fn used(&self, scope: Option<&Scope>) {
        let mut state = self.state();
        state.used_at = Instant::now();
        if state.scope.is_none() && scope.is_some() {
            state.scope = scope.cloned();
            self.touched.notify_one();
        }
    }

    pub(super) fn scope(&self) -> Option<Scope> {
        self.state().scope.clone()
    }

    /// Whether nobody used it, waits on it or listens to it for so long.
    pub(super) fn is_idle(&self, idle: Duration) -> bool {
        let state = self.state();
        let listens = state.listener.as_ref().is_some_and(|listener| !listener.is_closed());
        state.waiting.is_empty() && !listens && state.used_at.elapsed() > idle
    }

    /// Ends it, and with it everything that waits on it.
    pub(super) fn end(&self) {
        self.closing.cancel();
        let mut state = self.state();
        state.waiting.clear();
        state.listener = None;
        state.pending.clear();
    }

    // --- readers ---

    /// The reader of what is for nobody in particular; an earlier one ends.
    pub(super) fn listen(self: &Arc<Self>) -> Fed {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut state = self.state();
        let first = state.pending.drain(..).collect();
        state.listener = Some(sender);
        Fed { first, receiver, waits: None, channel: Arc::clone(self) }
    }

    /// The reader of what a request brings, and the id under which the server gets it; none if
    /// too many are in flight.
    pub(super) fn wait(
        self: &Arc<Self>,
        id_raw: String,
        progress_token: Option<String>,
    ) -> Option<(u64, Fed)> {
        let mut state = self.state();
        if state.waiting.len() >= MAX_WAITING || self.closing.is_cancelled() {
            return None;
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        state.last_id += 1;
        let id = state.last_id;
        let listens = state.listener.as_ref().is_some_and(|listener| !listener.is_closed());
        let first = if listens { VecDeque::new() } else { state.pending.drain(..).collect() };
        state.waiting.insert(id, Waiting { id_raw, progress_token, sender });
        Some((id, Fed { first, receiver, waits: Some(id), channel: Arc::clone(self) }))
    }

    /// The id under which the server knows a client's request.
    pub(super) fn own_id(&self, id_raw: &str) -> Option<u64> {
        let state = self.state();
        let waiting = state.waiting.iter().find(|(_, waiting)| waiting.id_raw == id_raw);
        let given_up = || state.given_up.iter().rev().find(|(_, known)| known == id_raw);
        waiting.map(|(id, _)| *id).or_else(|| given_up().map(|(id, _)| *id))
    }

    // --- the server's messages ---

    /// Whom an answer is for, and the id that its client gave the request.
    pub(super) fn answered(&self, id: u64) -> Option<(String, mpsc::Sender<Sent>)> {
        let waiting = self.state().waiting.remove(&id)?;
        Some((waiting.id_raw, waiting.sender))
    }

    /// Whom a question or a piece of news is for: the request that it is about, as far as that
    /// can be told, or whoever listens.
    pub(super) fn reader_of(&self, message: &Message<'_>) -> Option<mpsc::Sender<Sent>> {
        let state = self.state();
        let token = message.param("progressToken").map(|token| token.raw_str().to_owned());
        let by_token = || {
            let token = token.as_ref()?;
            state.waiting.values().find(|waiting| waiting.progress_token.as_ref() == Some(token))
        };
        let newest = || state.waiting.iter().max_by_key(|(id, _)| **id).map(|(_, waiting)| waiting);
        let of_request = by_token().or_else(newest).map(|waiting| waiting.sender.clone());
        let listener = state.listener.clone().filter(|listener| !listener.is_closed());
        if is_for_the_session(message) { listener.or(of_request) } else { of_request.or(listener) }
    }

    /// Keeps a message until somebody listens; the oldest one gives way.
    pub(super) fn keep(&self, message: Bytes) {
        let mut state = self.state();
        if state.pending.len() >= MAX_PENDING {
            state.pending.pop_front();
        }
        state.pending.push_back(message);
    }
}

/// Whether a message concerns the session rather than a call.
fn is_for_the_session(message: &Message<'_>) -> bool {
    message.kind() == MessageKind::Notification
        && matches!(
            message.method(),
            Method::ToolsListChanged
                | Method::PromptsListChanged
                | Method::ResourcesListChanged
                | Method::ResourcesUpdated
                | Method::TasksStatus
        )
}

impl State {
    fn give_up(&mut self, id: u64) {
        // An answered one is not there any more.
        let Some(waiting) = self.waiting.remove(&id) else { return };
        if self.given_up.len() >= MAX_GIVEN_UP {
            self.given_up.pop_front();
        }
        self.given_up.push_back((id, waiting.id_raw));
    }
}

// === Fed ===

/// What one reader gets: the events of a body. A request ends with its answer.
pub(crate) struct Fed {
    first: VecDeque<Bytes>,
    receiver: mpsc::Receiver<Sent>,
    waits: Option<u64>,
    channel: Arc<Channel>,
}

impl Fed {
    /// The next message, and whether it is the answer.
    pub(super) async fn next(&mut self) -> Option<Sent> {
        if let Some(message) = self.first.pop_front() {
            return Some(Sent { message, is_answer: false });
        }
        self.receiver.recv().await
    }

    /// Puts back a message that was looked at.
    pub(super) fn put_back(&mut self, message: Bytes) {
        self.first.push_front(message);
    }

    pub(in crate::upstream) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let message = match self.first.pop_front() {
            Some(message) => message,
            None => match ready!(self.receiver.poll_recv(cx)) {
                Some(sent) => sent.message,
                None => return Poll::Ready(None),
            },
        };
        Poll::Ready(Some(sse::encode(Some("message"), None, &message)))
    }
}

impl Drop for Fed {
    /// Nobody waits any more.
    fn drop(&mut self) {
        if let Some(id) = self.waits {
            self.channel.state().give_up(id);
        }
    }
}
