//! Requests of 2026-07-28, which know no sessions, share one process. Each gets an id of our own,
//! spliced in on the way in and out again on the way back; so do the tokens of its progress and
//! subscription. Whether the server speaks the revision is asked of a process that is thrown
//! away: some servers end when they are asked anything before `initialize`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use json::Node;
use mcp::answer;
use mcp::message::{self, Message, MessageKind};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::child::{Child, Listener};
use crate::session::{NotPassed, Session};
use crate::stream::{self, Sender};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
const REVISION: &str = "2026-07-28";
const PROBE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":"probe","method":"server/discover","params":{"_meta":{"#,
    r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientCapabilities":{},"#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"drawbridge","version":"0"}}}}"#,
);
/// How long a server may take to start and to answer the probe.
const PATIENCE: Duration = Duration::from_secs(15);
/// Requests under way.
const MAX_WAITING: usize = 1_024;

/// The process that all share, once it is known whether there can be one.
pub(crate) struct Shared {
    command: Vec<OsString>,
    mode: tokio::sync::Mutex<Mode>,
}

enum Mode {
    Unknown,
    /// The server speaks only the revisions with `initialize`.
    Legacy,
    Modern(Arc<Process>),
}

impl Shared {
    pub(crate) fn new(command: Vec<OsString>) -> Self {
        Self { command, mode: tokio::sync::Mutex::new(Mode::Unknown) }
    }

    /// The process, started if need be; `None` if the server does not speak the revision.
    pub(crate) async fn process(&self, tasks: &TaskTracker) -> io::Result<Option<Arc<Process>>> {
        let mut mode = self.mode.lock().await;
        match &*mode {
            Mode::Legacy => return Ok(None),
            Mode::Modern(process) if !process.state().has_ended => {
                return Ok(Some(Arc::clone(process)));
            }
            Mode::Modern(_) => {}
            Mode::Unknown if probe(&self.command, tasks).await? => {}
            Mode::Unknown => {
                *mode = Mode::Legacy;
                return Ok(None);
            }
        }
        let process = Process::start(&self.command, tasks)?;
        *mode = Mode::Modern(Arc::clone(&process));
        Ok(Some(process))
    }

    /// Ends the process, if there is one.
    pub(crate) async fn end(&self) {
        if let Mode::Modern(process) = &*self.mode.lock().await {
            process.child.end();
        }
    }
}

/// Whether the server speaks the revision without sessions.
async fn probe(command: &[OsString], tasks: &TaskTracker) -> io::Result<bool> {
    let session = Session::start(command, tasks)?;
    let asked = async {
        let request = message::parse(PROBE.as_bytes()).ok()?;
        let mut answers = session.ask(&request).await.ok()?;
        // Whatever it says of itself before, the answer comes last.
        let mut last = None;
        while let Some(message) = answers.recv().await {
            last = Some(message);
        }
        last
    };
    let answer = tokio::time::timeout(PATIENCE, asked).await.ok().flatten();
    session.end();
    Ok(answer.is_some_and(|answer| speaks_the_revision(&answer)))
}

fn speaks_the_revision(answer: &[u8]) -> bool {
    let Ok(message) = message::parse_from_upstream(answer) else { return false };
    let versions = message.result().and_then(|result| result.get("supportedVersions"));
    versions.is_some_and(|versions| versions.items().any(|version| version.is_str(REVISION)))
}

// === Process ===

/// A process that many clients share.
pub(crate) struct Process {
    child: Child,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    waiting: HashMap<u64, Waiting>,
    has_ended: bool,
}

struct Waiting {
    sender: Sender,
    /// As the client wrote them.
    id: String,
    progress: Option<String>,
}

/// A request under way. Dropped before its answer, it is cancelled.
pub(crate) struct UnderWay {
    process: Arc<Process>,
    id: u64,
}

impl Process {
    fn start(command: &[OsString], tasks: &TaskTracker) -> io::Result<Arc<Self>> {
        Child::start(command, tasks, |child| Arc::new(Self { child, state: Mutex::default() }))
    }

    /// Passes on a request under an id of our own.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        request: &Message<'_>,
    ) -> Result<(mpsc::Receiver<Bytes>, UnderWay), NotPassed> {
        let (sender, receiver) = stream::open();
        let token = request.meta().and_then(|meta| meta.get("progressToken"));
        let waiting = Waiting {
            sender,
            id: request.id_raw().unwrap_or_default().to_owned(),
            progress: token.map(|token| token.raw_str().to_owned()),
        };
        let id = self.state().wait(waiting)?;
        let under_way = UnderWay { process: Arc::clone(self), id };
        let ours = [request.root().get("id"), token].into_iter().flatten();
        let body = replaced(request.bytes(), ours, &id.to_string());
        self.child.say(&body).await?;
        Ok((receiver, under_way))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.process.state().waiting.remove(&self.id).is_some() {
            let cancelled = format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{}}}}}"#,
                self.id
            );
            self.process.child.try_say(cancelled.as_bytes());
        }
    }
}

impl State {
    fn wait(&mut self, waiting: Waiting) -> Result<u64, NotPassed> {
        if self.has_ended {
            return Err(NotPassed::Ended);
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(NotPassed::Full);
        }
        self.last_id += 1;
        self.waiting.insert(self.last_id, waiting);
        Ok(self.last_id)
    }
}

impl Listener for Process {
    fn line(&self, line: Bytes) {
        let Ok(message) = message::parse_from_upstream(&line) else {
            tracing::warn!("a process wrote a line that is no message of MCP");
            return;
        };
        let mut state = self.state();
        match message.kind() {
            MessageKind::Response => {
                let id = message.root().get("id");
                let Some(waiting) = id.and_then(number).and_then(|id| state.waiting.remove(&id))
                else {
                    return;
                };
                let subscription =
                    message.result().and_then(|result| result.get("_meta")?.get(SUBSCRIPTION));
                let ours = [id, subscription].into_iter().flatten();
                let _gone = waiting.sender.try_send(replaced(&line, ours, &waiting.id).into());
            }
            MessageKind::Notification => state.notify(&message, &line),
            // The revision knows no requests of servers.
            MessageKind::Request => {}
        }
    }

    fn ended(&self) {
        let mut state = self.state();
        state.has_ended = true;
        for (_, waiting) in state.waiting.drain() {
            let text = "The process of the server has ended.";
            let told = answer::error(Some(&waiting.id), -32_000, text, None);
            let _gone = waiting.sender.try_send(told.into());
        }
    }
}

impl State {
    /// A notification goes to the client whose request it names, with that client's own words for
    /// it. One that names none is told only where there is no doubt.
    fn notify(&self, message: &Message<'_>, line: &Bytes) {
        let subscription = message.meta().and_then(|meta| meta.get(SUBSCRIPTION));
        let by_id = subscription.or_else(|| message.param("requestId"));
        let by_token = message.param("progressToken");
        let find = |node: Option<Node<'_>>| self.waiting.get(&number(node?)?);
        let told = match (find(by_id), find(by_token)) {
            (Some(waiting), _) => (waiting, replaced(line, by_id, &waiting.id).into()),
            (None, Some(waiting)) => {
                let Some(token) = &waiting.progress else { return };
                (waiting, replaced(line, by_token, token).into())
            }
            (None, None) => {
                let mut all = self.waiting.values();
                let (Some(only), None) = (all.next(), all.next()) else { return };
                (only, line.clone())
            }
        };
        let (waiting, line): (&Waiting, Bytes) = told;
        if waiting.sender.try_send(line).is_err() {
            tracing::debug!("a client does not read what it is told");
        }
    }
}

/// One of our own ids, as servers give it back.
fn number(node: Node<'_>) -> Option<u64> {
    node.as_number().and_then(|number| number.parse().ok())
}

fn replaced<'n>(bytes: &[u8], nodes: impl IntoIterator<Item = Node<'n>>, with: &str) -> Vec<u8> {
    let edit = |node: Node<'_>| (node.span(), Cow::Borrowed(with.as_bytes()));
    let edits: Vec<_> = nodes.into_iter().map(edit).collect();
    json::splice(bytes, &edits)
}
