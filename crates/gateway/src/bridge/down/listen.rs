//! `subscriptions/listen` at a server with sessions: a session for this stream alone, whose GET
//! stream and `resources/subscribe` bring the changes that the client wants to hear of.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method as HttpMethod};
use json::Node;
use mcp::answer;
use mcp::message::{self, Message, MessageKind};
use mcp::method::Method;
use mcp::version::Era;

use super::hidden::Hidden;
use super::request::{Request, Wanted};
use crate::bridge::errand::Errand;
use crate::bridge::retell::{self, Messages, Said, Telling};
use crate::bridge::splices::{self, Fate};
use crate::front::body::is_stream;
use crate::upstream::ask::Asking;
use crate::upstream::wire;
use crate::upstream::{Failed, Sent};

const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
/// Resources that one stream watches at most.
const MAX_URIS: usize = 256;
const DEADLINE: Duration = Duration::from_secs(10);

/// Opens the stream.
pub(super) async fn open(errand: Errand, request: Request) -> Sent {
    let session = Hidden::open_own(&errand.gw, &errand.binding, &errand.scope).await;
    let session = session.map_err(Failed::unsent)?;
    let messages = changes(&errand, &session).await;
    let mut honoured = Wanted::default();
    if messages.is_some() {
        honoured = honour(&errand, &session, &request.wanted).await;
    }
    let first = acknowledged(&errand.id, &honoured);
    let listening = Listening { errand, session, messages, honoured };
    Ok(retell::streamed(listening, Some(first)))
}

/// The server's own stream; many servers have none.
async fn changes(errand: &Errand, session: &Hidden) -> Option<Messages> {
    let mut way = session.way();
    way.headers.remove(CONTENT_TYPE);
    way.headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let sent = way.send(&errand.gw, HttpMethod::GET, Bytes::new(), errand.first_byte).await;
    let response = sent.ok().filter(|r| r.status().is_success() && is_stream(r.headers()))?;
    Messages::of(&errand.gw, response).await.ok()
}

/// What of it the server can tell.
async fn honour(errand: &Errand, session: &Hidden, wanted: &Wanted) -> Wanted {
    let (tools, prompts, resources, subscribe) = {
        let hello = json::parse(session.hello()).ok();
        let can = |pointer: &str| {
            let found = hello.as_ref().and_then(|hello| hello.root().pointer(pointer));
            found.and_then(Node::as_bool).unwrap_or_default()
        };
        (
            can("/result/capabilities/tools/listChanged"),
            can("/result/capabilities/prompts/listChanged"),
            can("/result/capabilities/resources/listChanged"),
            can("/result/capabilities/resources/subscribe"),
        )
    };
    let mut honoured = Wanted {
        tools: wanted.tools && tools,
        prompts: wanted.prompts && prompts,
        resources: wanted.resources && resources,
        uris: Vec::new(),
    };
    if subscribe {
        // What is not taken in time is not honoured.
        let watching = watch(errand, session, &wanted.uris, &mut honoured.uris);
        let _in_time = tokio::time::timeout(DEADLINE, watching).await;
    }
    honoured
}

async fn watch(errand: &Errand, session: &Hidden, wanted: &[String], taken: &mut Vec<String>) {
    let asking = Asking::new(&errand.gw, session.way(), DEADLINE);
    for uri in wanted.iter().take(MAX_URIS) {
        let params = format!(r#"{{"uri":{}}}"#, json::quoted(uri));
        if asking.ask(Method::ResourcesSubscribe, &params).await.is_ok() {
            taken.push(uri.clone());
        }
    }
}

fn acknowledged(id: &str, honoured: &Wanted) -> Vec<u8> {
    let flags = [
        ("toolsListChanged", honoured.tools),
        ("promptsListChanged", honoured.prompts),
        ("resourcesListChanged", honoured.resources),
    ];
    let flags = flags.iter().filter(|(_, is_so)| *is_so);
    let mut members: Vec<_> = flags.map(|(key, _)| format!(r#""{key}":true"#)).collect();
    if !honoured.uris.is_empty() {
        let uris: Vec<_> = honoured.uris.iter().map(|uri| json::quoted(uri)).collect();
        members.push(format!(r#""resourceSubscriptions":[{}]"#, uris.join(",")));
    }
    format!(
        r#"{{"jsonrpc":"2.0","method":"{}","params":{{"_meta":{{"{META_SUBSCRIPTION}":{id}}},"notifications":{{{}}}}}}}"#,
        Method::SubscriptionsAcknowledged.name(),
        members.join(",")
    )
    .into_bytes()
}

struct Listening {
    errand: Errand,
    session: Arc<Hidden>,
    messages: Option<Messages>,
    honoured: Wanted,
}

impl Listening {
    fn is_wanted(&self, message: &Message<'_>) -> bool {
        match message.method() {
            Method::ToolsListChanged => self.honoured.tools,
            Method::PromptsListChanged => self.honoured.prompts,
            Method::ResourcesListChanged => self.honoured.resources,
            Method::ResourcesUpdated => {
                let uri = message.uri().unwrap_or_default();
                self.honoured.uris.iter().any(|wanted| *wanted == uri)
            }
            _ => false,
        }
    }

    /// The notification, saying which stream it belongs to.
    fn marked(&self, message: &Message<'_>) -> Vec<u8> {
        let (source, id) = (message.bytes(), &self.errand.id);
        let mark = [(META_SUBSCRIPTION, id.clone())];
        let meta = message.meta();
        let with_mark = splices::object(
            source,
            meta,
            |member| Fate::left_out_if(member.key_is(META_SUBSCRIPTION)),
            &mark,
        );
        let params = splices::object(
            source,
            message.params(),
            |member| Fate::left_out_if(member.key_is("_meta")),
            &[("_meta", with_mark)],
        );
        json::splice(source, &[splices::params(message.root(), params)])
    }

    /// Nobody is there to be asked.
    async fn refuse(&self, message: &Message<'_>) {
        let Some(id) = message.id_raw() else { return };
        let told = match message.method() {
            Method::Ping => answer::result(id, Era::Legacy, ""),
            _ => answer::error(Some(id), -32_601, "This client cannot be asked that.", None),
        };
        let _taken = wire::note(&self.errand.gw, self.session.way(), told.into()).await;
    }

    fn ended(&self) -> Said {
        let id = &self.errand.id;
        let members = format!(r#""_meta":{{"{META_SUBSCRIPTION}":{id}}}"#);
        Said::answer(answer::result(id, Era::Modern, &members))
    }
}

impl Telling for Listening {
    async fn next(&mut self) -> Said {
        loop {
            let data = match &mut self.messages {
                Some(messages) => messages.next().await,
                // Silence is all that there is to hear.
                None => std::future::pending().await,
            };
            let Ok(Some(data)) = data else { return self.ended() };
            let Ok(message) = message::parse_from_upstream(&data) else { continue };
            match message.kind() {
                MessageKind::Notification if self.is_wanted(&message) => {
                    return Said::Word(self.marked(&message));
                }
                MessageKind::Request => self.refuse(&message).await,
                MessageKind::Notification | MessageKind::Response => {}
            }
        }
    }
}
