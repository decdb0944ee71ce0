//! A session with a process of its own. Messages pass as they are; only where they go is decided:
//! an answer to the request that it answers, anything else to the stream that the client keeps
//! open for it, or beside the request that is under way.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use json::Node;
use mcp::answer;
use mcp::message::{self, Message, MessageKind};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::child::{Child, Gone, Listener};
use crate::stream::{self, Sender};

/// Requests under way in one session.
const MAX_WAITING: usize = 256;
/// What a server says while nobody listens.
const MAX_KEPT: usize = 64;

/// See the module.
pub(crate) struct Session {
    child: Child,
    state: Mutex<State>,
}

struct State {
    waiting: HashMap<String, Waiting>,
    /// The stream for what answers nothing.
    unasked: Option<Sender>,
    kept: VecDeque<Bytes>,
    used_at: Instant,
    has_ended: bool,
}

struct Waiting {
    sender: Sender,
    /// The token by which progress of this request is known.
    progress: Option<String>,
}

/// Why a request is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPassed {
    /// A request with this id is under way.
    SameId,
    /// As many as may be are under way.
    Full,
    /// The process is gone.
    Ended,
}

impl From<Gone> for NotPassed {
    fn from(_: Gone) -> Self {
        Self::Ended
    }
}

impl Session {
    /// Starts the process of a session.
    pub(crate) fn start(command: &[OsString], tasks: &TaskTracker) -> io::Result<Arc<Self>> {
        Child::start(command, tasks, |child| {
            let state = State {
                waiting: HashMap::new(),
                unasked: None,
                kept: VecDeque::new(),
                used_at: Instant::now(),
                has_ended: false,
            };
            Arc::new(Self { child, state: Mutex::new(state) })
        })
    }

    /// Passes on a request; its answer, and what is said meanwhile, comes out of the stream.
    pub(crate) async fn ask(
        &self,
        request: &Message<'_>,
    ) -> Result<mpsc::Receiver<Bytes>, NotPassed> {
        let (sender, receiver) = stream::open();
        let id = request.id_raw().unwrap_or_default().to_owned();
        let progress = request.meta().and_then(|meta| meta.get("progressToken"));
        let progress = progress.map(|token| token.raw_str().to_owned());
        {
            let mut state = self.state();
            state.used_at = Instant::now();
            // A client that hung up does not wait any more.
            state.waiting.retain(|_, waiting| !waiting.sender.is_closed());
            if state.has_ended {
                return Err(NotPassed::Ended);
            }
            if state.waiting.contains_key(&id) {
                return Err(NotPassed::SameId);
            }
            if state.waiting.len() >= MAX_WAITING {
                return Err(NotPassed::Full);
            }
            state.waiting.insert(id, Waiting { sender, progress });
        }
        self.child.say(request.bytes()).await?;
        Ok(receiver)
    }

    /// Passes on what wants no answer.
    pub(crate) async fn tell(&self, message: &Message<'_>) -> Result<(), NotPassed> {
        self.state().used_at = Instant::now();
        Ok(self.child.say(message.bytes()).await?)
    }

    /// The stream on which the server speaks unasked; `None` while there is one.
    pub(crate) fn listen(&self) -> Option<mpsc::Receiver<Bytes>> {
        let mut state = self.state();
        if state.unasked.as_ref().is_some_and(|stream| !stream.is_closed()) || state.has_ended {
            return None;
        }
        let (sender, receiver) = stream::open();
        for message in state.kept.drain(..) {
            // There is room for what may be kept.
            let _sent = sender.try_send(message);
        }
        state.unasked = Some(sender);
        Some(receiver)
    }

    /// For how long nobody has used it; none while somebody waits or listens, from which time on
    /// it is counted.
    pub(crate) fn unused(&self) -> Option<Duration> {
        let mut state = self.state();
        let is_open = |sender: &Sender| !sender.is_closed();
        let is_listening = state.unasked.as_ref().is_some_and(is_open);
        let is_waiting = state.waiting.values().any(|waiting| is_open(&waiting.sender));
        if is_listening || is_waiting {
            state.used_at = Instant::now();
            return None;
        }
        Some(state.used_at.elapsed())
    }

    /// Whether its process is gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.state().has_ended
    }

    /// Tells its process to end.
    pub(crate) fn end(&self) {
        self.child.end();
    }

    /// Waits until its process has ended.
    pub(crate) async fn ended(&self) {
        self.child.ended().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Session {
    fn line(&self, line: Bytes) {
        let Ok(message) = message::parse_from_upstream(&line) else {
            tracing::warn!("a process wrote a line that is no message of MCP");
            return;
        };
        let mut state = self.state();
        if message.kind() == MessageKind::Response {
            let waiting = message.id_raw().and_then(|id| state.waiting.remove(id));
            if let Some(waiting) = waiting {
                let _gone = waiting.sender.try_send(line.clone());
            }
            return;
        }
        state.pass(&message, line.clone());
    }

    fn ended(&self) {
        let mut state = self.state();
        state.has_ended = true;
        state.unasked = None;
        for (id, waiting) in state.waiting.drain() {
            let text = "The process of the server has ended.";
            let _gone =
                waiting.sender.try_send(answer::error(Some(&id), -32_000, text, None).into());
        }
    }
}

impl State {
    /// A message that answers nothing.
    fn pass(&mut self, message: &Message<'_>, line: Bytes) {
        let token = message.param("progressToken").map(Node::raw_str);
        let asked = |waiting: &&Waiting| token.is_some() && waiting.progress.as_deref() == token;
        let beside = self.waiting.values().find(asked).map(|waiting| &waiting.sender);
        let any = || self.waiting.values().map(|waiting| &waiting.sender).find(|s| !s.is_closed());
        let open = self.unasked.as_ref().filter(|stream| !stream.is_closed());
        if let Some(sender) = beside.or(open).or_else(any) {
            if sender.try_send(line).is_err() {
                tracing::debug!("a client does not read what it is told");
            }
        } else if self.kept.len() < MAX_KEPT {
            self.kept.push_back(line);
        }
    }
}
