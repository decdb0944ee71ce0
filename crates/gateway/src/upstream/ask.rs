//! Requests of the gateway's own: a handshake, a page of a list. Asked and read whole, whichever
//! way the server chooses to answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method as HttpMethod};
use http_body_util::BodyExt;
use mcp::answer;
use mcp::client::read_all;
use mcp::message::{self, MessageKind};
use mcp::method::Method;
use mcp::sse::Decoder;

use super::reading::Reading;
use super::wire::{self, Way};
use crate::front::body::is_stream;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// Bodies of errors are short.
const MAX_ERROR: usize = 64 << 10;
const METHOD_NOT_FOUND: i64 = -32_601;

/// Where to ask.
pub(crate) struct Asking<'g> {
    gw: &'g Arc<Gateway>,
    way: Way,
    deadline: Duration,
}

/// Why there is no answer, for people.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Failure {
    pub(crate) text: String,
    /// The server no longer knows the session that it was asked in.
    pub(crate) is_gone: bool,
    /// It has no such method.
    pub(crate) lacks: bool,
}

impl Failure {
    pub(crate) fn of(text: &str) -> Self {
        Self { text: text.to_owned(), is_gone: false, lacks: false }
    }
}

/// What an answer says went wrong: its code, and its words cut short.
fn error_of(answer: &[u8]) -> Option<(Option<i64>, String)> {
    let message = message::parse_from_upstream(answer).ok()?;
    let error = message.error()?;
    let code = error.get("code").and_then(json::Node::as_number).and_then(|code| code.parse().ok());
    let text = error.get("message").and_then(json::Node::as_str).unwrap_or_default();
    Some((code, text.chars().take(200).collect()))
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Upstream(text) => Self::of(&text),
            _ => Self::of("The server gave no usable answer."),
        }
    }
}

impl<'g> Asking<'g> {
    pub(crate) fn new(gw: &'g Arc<Gateway>, way: Way, deadline: Duration) -> Self {
        Self { gw, way, deadline }
    }

    /// Asks; the answer is a JSON-RPC result.
    pub(crate) async fn ask(
        &self,
        method: Method,
        params: &str,
    ) -> Result<(HeaderMap, Bytes), Failure> {
        // Its own, in a session that other requests may share.
        let id = self.gw.bridges.fresh_id();
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":"drawbridge-{id}","method":"{}","params":{params}}}"#,
            method.name()
        );
        let asked = tokio::time::timeout(self.deadline, self.exchange(body.into())).await;
        let (headers, answer) =
            asked.map_err(|_elapsed| Failure::of("The server did not answer in time."))??;
        match error_of(&answer) {
            Some((code, text)) => Err(Failure {
                lacks: code == Some(METHOD_NOT_FOUND),
                ..Failure::of(&format!("The server answered: {text}"))
            }),
            None => Ok((headers, answer)),
        }
    }

    async fn exchange(&self, body: Bytes) -> Result<(HeaderMap, Bytes), Failure> {
        let way = self.way.clone();
        let sent = way.send(self.gw, HttpMethod::POST, body, self.deadline).await;
        let response = sent.map_err(|error| Failure::of(&error.to_string()))?;
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            let body = read_all(body, MAX_ERROR).await.unwrap_or_default();
            if error_of(&body).is_some_and(|(code, _)| code == Some(METHOD_NOT_FOUND)) {
                return Ok((head.headers, body));
            }
            let is_gone = wire::may_be_forgotten(head.status);
            return Err(Failure { text: wire::complaint(head.status), is_gone, lacks: false });
        }
        let answer = if is_stream(&head.headers) {
            self.out_of_stream(body).await?
        } else {
            let read = read_all(body, self.gw.settings.max_answer_bytes).await;
            read.map_err(|error| Failure::of(&error.to_string()))?
        };
        let parsed = message::parse_from_upstream(&answer);
        match parsed.as_ref().map(message::Message::kind) {
            Ok(MessageKind::Response) => Ok((head.headers, answer)),
            _ => Err(Failure::of("The server's answer is not a JSON-RPC answer.")),
        }
    }

    /// The answer out of a stream. What the server asks meanwhile nobody is there to answer.
    async fn out_of_stream(&self, mut body: Reading) -> Result<Bytes, Failure> {
        let mut decoder = Decoder::with_limit(self.gw.settings.max_answer_bytes);
        loop {
            let event = decoder.next_event().map_err(|error| Failure::of(&error.to_string()))?;
            if let Some(event) = event {
                let Some(data) = event.data.filter(|data| !data.is_empty()) else { continue };
                let Ok(message) = message::parse_from_upstream(&data) else { continue };
                match message.kind() {
                    MessageKind::Response => return Ok(data.clone()),
                    MessageKind::Request => self.decline(message.id_raw()).await,
                    MessageKind::Notification => {}
                }
                continue;
            }
            match body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        decoder.push(&data);
                    }
                }
                Some(Err(_)) | None => {
                    return Err(Failure::of("The server's stream ended without an answer."));
                }
            }
        }
    }

    async fn decline(&self, id: Option<&str>) {
        let body = answer::error(id, -32_601, "Method not found", None);
        let way = self.way.clone().for_our_own();
        let _told = way.send(self.gw, HttpMethod::POST, body.into(), self.deadline).await;
    }
}
