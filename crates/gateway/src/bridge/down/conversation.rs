//! One call in a hidden session, until its answer: what the server says on the way is told to a
//! stateless client, and what it asks is answered, refused, or kept for the client's answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method as HttpMethod};
use json::Node;
use mcp::answer;
use mcp::headers::LAST_EVENT_ID;
use mcp::message::{self, Message, MessageKind};
use mcp::method::Method;

use super::hidden::Hidden;
use super::request::{Heard, LEVELS, Request};
use super::{answers, held};
use crate::bridge::askable::Askable;
use crate::bridge::errand::Errand;
use crate::bridge::retell::{Messages, Said, Telling};
use crate::front::body::is_stream;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::upstream::wire::{self, Way};

/// How long a server may take to hear what wants no answer.
const REPLY_DEADLINE: Duration = Duration::from_secs(10);
/// How often in a row a stream that broke off is taken up again, and how long is waited before.
const MAX_RESUMED: u8 = 20;
const RESUME_AFTER: Duration = Duration::from_millis(500);
const DENIED: i32 = -31_001;
const NOT_FOUND: i32 = -32_601;

/// See the module.
pub(super) struct Conversation {
    pub(super) errand: Errand,
    pub(super) heard: Heard,
    pub(super) digest: [u8; 32],
    askable: Askable,
    number: u64,
    /// The token under which the server tells of progress.
    token: Option<String>,
    pub(super) session: Arc<Hidden>,
    messages: Messages,
    pub(super) cancel: Cancel,
    resumed: u8,
}

/// What the server asked of the client.
pub(super) struct Ask {
    /// The id of its request, as written.
    pub(super) id: String,
    pub(super) method: Method,
    pub(super) params: String,
}

/// What comes next in a conversation.
enum Turn {
    Said(Said),
    Asked(Ask),
}

impl Conversation {
    pub(super) fn begin(
        errand: Errand,
        request: Request,
        session: Arc<Hidden>,
        messages: Messages,
        cancel: Cancel,
    ) -> Box<Self> {
        let Request { number, askable, heard, digest, .. } = request;
        let token = heard.progress.clone();
        let resumed = 0;
        Box::new(Self {
            errand,
            heard,
            digest,
            askable,
            number,
            token,
            session,
            messages,
            cancel,
            resumed,
        })
    }

    /// Whether the server streams.
    pub(super) fn is_stream(&self) -> bool {
        self.messages.is_stream()
    }

    async fn turn(&mut self) -> Turn {
        loop {
            let data = match self.messages.next().await {
                Ok(Some(data)) => {
                    self.resumed = 0;
                    data
                }
                Ok(None) if self.resume().await => continue,
                Ok(None) => {
                    self.cancel.disarm();
                    let text = "The server's answer ended without a JSON-RPC answer.";
                    return Turn::Said(Said::Broken(Refusal::Upstream(text.to_owned())));
                }
                Err(refusal) => return Turn::Said(Said::Broken(refusal)),
            };
            let Ok(message) = message::parse_from_upstream(&data) else { continue };
            let turn = match message.kind() {
                MessageKind::Response => self.response(&message).map(Turn::Said),
                MessageKind::Request => self.request(&message).await.map(Turn::Asked),
                MessageKind::Notification => {
                    self.notification(&message).map(|word| Turn::Said(Said::Word(word)))
                }
            };
            if let Some(turn) = turn {
                return turn;
            }
        }
    }

    fn response(&mut self, message: &Message<'_>) -> Option<Said> {
        let is_ours = match message.id_raw() {
            Some(id) => id == self.number.to_string(),
            None => message.error().is_some(),
        };
        if !is_ours {
            return None;
        }
        self.cancel.disarm();
        let visit = answers::urls_to_visit(message);
        if let Some(requests) = visit.filter(|_| self.understands_url()) {
            return Some(held::nothing(self, &requests));
        }
        Some(match answers::retold(message, &self.errand.id, self.errand.method) {
            Ok((answer, status)) => Said::Answer(answer, status),
            Err(refusal) => Said::Broken(refusal),
        })
    }

    fn understands_url(&self) -> bool {
        let Ok(tape) = json::parse(br#"{"mode":"url"}"#) else { return false };
        self.may_be_asked(Method::ElicitationCreate, Some(tape.root()))
    }

    /// Whether the client can be asked this, and the policy of this moment lets it be.
    fn may_be_asked(&self, method: Method, params: Option<Node<'_>>) -> bool {
        let binding = self.errand.scope.binding(&self.errand.gw);
        let askable = binding.map(|binding| self.askable.within(&binding));
        askable.is_some_and(|askable| askable.understands(method, params))
    }

    /// Answers for the client what it need not or must not be asked.
    async fn request(&self, message: &Message<'_>) -> Option<Ask> {
        let (id, method) = (message.id_raw()?, message.method());
        if self.may_be_asked(method, message.params()) {
            let params = message.params().map_or("{}", Node::raw_str).to_owned();
            return Some(Ask { id: id.to_owned(), method, params });
        }
        let told = if method == Method::Ping {
            answer::result(id, mcp::version::Era::Legacy, "")
        } else if self.askable.understands(method, message.params()) {
            let text = "The policy does not let this server ask that of the client.";
            answer::error(Some(id), DENIED, text, None)
        } else {
            answer::error(Some(id), NOT_FOUND, "This client cannot be asked that.", None)
        };
        self.reply(told).await;
        None
    }

    /// The way to the server, as long as the grant reaches it where and as it was called.
    pub(super) fn way(&self) -> Option<Way> {
        let binding = self.errand.scope.binding(&self.errand.gw)?;
        self.session.reaches(&binding).then(|| self.session.way())
    }

    /// Sends what wants no answer.
    async fn reply(&self, message: Vec<u8>) {
        let Some(way) = self.way() else { return };
        if let Err(refusal) = wire::note(&self.errand.gw, way, message.into()).await {
            tracing::info!(?refusal, "a server did not take an answer");
        }
    }

    fn notification(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        match message.method() {
            Method::Progress => self.progress(message),
            Method::LogMessage => {
                let level = message.param("level")?;
                let level = LEVELS.iter().position(|known| level.is_str(known))?;
                (level >= self.heard.level?).then(|| message.bytes().to_vec())
            }
            // Changes are told to those who listen for them.
            _ => None,
        }
    }

    /// A client that came back with an answer may have another token than the server knows.
    fn progress(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        let token = self.heard.progress.as_ref()?;
        if self.token.as_ref() == Some(token) {
            return Some(message.bytes().to_vec());
        }
        let old = message.param("progressToken")?;
        let edit = (old.span(), Cow::Borrowed(token.as_bytes()));
        Some(json::splice(message.bytes(), &[edit]))
    }

    /// Takes up a stream that broke off, where the server gave its events ids.
    async fn resume(&mut self) -> bool {
        let Some(last) = self.messages.last_event.clone() else { return false };
        while self.resumed < MAX_RESUMED {
            self.resumed += 1;
            tokio::time::sleep(RESUME_AFTER).await;
            let Some(mut way) = self.way() else { return false };
            way.headers.remove(CONTENT_TYPE);
            way.headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
            way.headers.insert(LAST_EVENT_ID, last.clone());
            let deadline = self.errand.first_byte;
            let sent = way.send(&self.errand.gw, HttpMethod::GET, Bytes::new(), deadline).await;
            match sent {
                Ok(again) if again.status().is_success() && is_stream(again.headers()) => {
                    self.messages.resume(again.into_body());
                    return true;
                }
                Ok(again) if again.status().is_client_error() => return false,
                Ok(_) | Err(_) => {}
            }
        }
        false
    }
}

/// A conversation as its client hears it: it ends with the answer, or with a question.
pub(super) struct Told(Option<Box<Conversation>>);

impl Told {
    pub(super) fn of(conversation: Box<Conversation>) -> Self {
        Self(Some(conversation))
    }
}

impl Telling for Told {
    async fn next(&mut self) -> Said {
        let turn = match &mut self.0 {
            Some(conversation) => conversation.turn().await,
            None => Turn::Said(Said::Broken(Refusal::Unavailable)),
        };
        match (turn, self.0.take()) {
            (Turn::Asked(ask), Some(conversation)) => held::hold(conversation, ask),
            (Turn::Asked(_), None) => Said::Broken(Refusal::Unavailable),
            (Turn::Said(said), conversation) => {
                self.0 = conversation;
                said
            }
        }
    }
}

// === Hanging up ===

/// Tells the server when a call is no longer wanted: in the stateless era a client that hangs up
/// cancels.
pub(super) struct Cancel {
    gw: Arc<Gateway>,
    session: Arc<Hidden>,
    number: Option<u64>,
}

impl Cancel {
    pub(super) fn of(gw: &Arc<Gateway>, session: &Arc<Hidden>, number: u64) -> Self {
        Self { gw: Arc::clone(gw), session: Arc::clone(session), number: Some(number) }
    }

    /// There is nothing to cancel any more.
    pub(super) fn disarm(&mut self) {
        self.number = None;
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let body = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{number},"reason":"The client hung up."}}}}"#
        );
        let (gw, session) = (Arc::clone(&self.gw), Arc::clone(&self.session));
        wire::linger(&self.gw, REPLY_DEADLINE, async move {
            let _taken = wire::note(&gw, session.way(), body.into()).await;
        });
    }
}
