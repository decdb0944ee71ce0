//! The GET stream of a client whose server is stateless: what the server tells on a
//! `subscriptions/listen`, of every list and of the resources that the session watches.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method as HttpMethod, Response};
use mcp::message::{self, MessageKind};
use mcp::method::Method;
use tokio::time::Instant;

use super::note;
use super::request::{described, way};
use crate::bridge::retell::{self, Messages, Said, Telling};
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::session::store::{SessionKey, TenantSession};
use crate::upstream::judge::Scope;
use crate::upstream::reading::Reading;
use crate::upstream::wire;
use crate::view::BindingView;

/// How often it is looked whether the session watches something else, on whichever replica it was
/// said.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Opens the stream; none where the server tells nothing of changes.
pub(crate) async fn open(
    gw: &Arc<Gateway>,
    scope: &Scope,
    binding: &Arc<BindingView>,
    key: SessionKey,
    row: &TenantSession,
) -> Result<Option<Response<Reading>>, Refusal> {
    let mut listening = Listening {
        gw: Arc::clone(gw),
        scope: scope.clone(),
        key,
        row: row.clone(),
        watched: Vec::new(),
        messages: None,
        looks_at: Instant::now() + LOOK_EVERY,
    };
    listening.watched = listening.wanted(binding).await?;
    let response = listening.listen(binding).await?;
    if wire::passes(response.status()) {
        return Ok(None);
    }
    listening.messages = Some(Messages::of(gw, response).await?);
    Ok(Some(retell::streamed(listening, None)))
}

struct Listening {
    gw: Arc<Gateway>,
    scope: Scope,
    key: SessionKey,
    row: TenantSession,
    watched: Vec<String>,
    messages: Option<Messages>,
    /// When it is next looked what the session watches, and whether there still is one.
    looks_at: Instant,
}

impl Listening {
    /// The resources that the session watches, as far as they may be read.
    async fn wanted(&self, binding: &BindingView) -> Result<Vec<String>, Refusal> {
        let noted = self.gw.sessions.notes(self.key, note::WATCH).await;
        let noted = noted.map_err(|_lost| Refusal::Unavailable)?;
        let uris = noted.iter().filter_map(|(name, _)| name.strip_prefix(note::WATCH));
        let policy = binding.policy.as_ref().map(|policy| &policy.compiled);
        let may_read = |uri: &&str| policy.is_some_and(|policy| policy.lists_resource(uri));
        let mut uris: Vec<_> = uris.filter(may_read).map(str::to_owned).collect();
        uris.sort_unstable();
        Ok(uris)
    }

    async fn listen(&self, binding: &BindingView) -> Result<Response<Reading>, Refusal> {
        let uris: Vec<_> = self.watched.iter().map(|uri| json::quoted(uri)).collect();
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":"listen-{}","method":"{}","params":{{"notifications":{{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true,"resourceSubscriptions":[{}]}},"_meta":{}}}}}"#,
            self.gw.bridges.fresh_id(),
            Method::SubscriptionsListen.name(),
            uris.join(","),
            described(Some(&self.row), binding)
        );
        let way = way(binding, Method::SubscriptionsListen, HeaderMap::new());
        let deadline = self.gw.settings.list_deadline;
        let sent = way.send(&self.gw, HttpMethod::POST, body.into(), deadline).await;
        sent.map_err(|error| Refusal::Upstream(error.to_string()))
    }

    /// Listens anew if the session watches something else by now.
    async fn renew(&mut self) -> Result<(), Refusal> {
        let gone = || Refusal::Upstream("The server may no longer be called.".to_owned());
        let binding = self.scope.binding(&self.gw).ok_or_else(gone)?;
        // A session that was ended is noted nowhere.
        let row = self.gw.sessions.find(self.key).await.map_err(|_lost| Refusal::Unavailable)?;
        self.row = row.ok_or(Refusal::NoSession)?;
        let wanted = self.wanted(&binding).await?;
        if wanted != self.watched {
            self.watched = wanted;
            let response = self.listen(&binding).await?;
            self.messages = Some(Messages::of(&self.gw, response).await?);
        }
        Ok(())
    }

    async fn turn(&mut self) -> Result<Said, Refusal> {
        loop {
            let Some(messages) = &mut self.messages else { return Err(Refusal::NoSession) };
            let next = tokio::select! {
                next = messages.next() => Some(next),
                // However much the server says meanwhile.
                () = tokio::time::sleep_until(self.looks_at) => None,
            };
            let Some(next) = next else {
                self.looks_at = Instant::now() + LOOK_EVERY;
                self.renew().await?;
                continue;
            };
            let Some(data) = next? else { return Err(Refusal::NoSession) };
            let Ok(message) = message::parse_from_upstream(&data) else { continue };
            match (message.kind(), message.method()) {
                (
                    MessageKind::Notification,
                    Method::ToolsListChanged
                    | Method::PromptsListChanged
                    | Method::ResourcesListChanged
                    | Method::ResourcesUpdated,
                ) => return Ok(Said::Word(data.to_vec())),
                // The server ends the stream; the client opens another.
                (MessageKind::Response, _) => return Err(Refusal::NoSession),
                _ => {}
            }
        }
    }
}

impl Telling for Listening {
    async fn next(&mut self) -> Said {
        Box::pin(self.turn()).await.unwrap_or_else(Said::Broken)
    }
}
