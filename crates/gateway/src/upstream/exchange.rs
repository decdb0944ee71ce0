//! One forwarded request: what is sent, and what its answer is judged by.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::ACCEPT;
use mcp::headers::MCP_NAME;
use mcp::lists::ListKind;
use mcp::method::Method;
use mcp::version::Era;
use mcp::{era, headers};
use policy::ResponseRule;

use super::judge::Scope;
use super::wire::Way;
use crate::bridge::Run;
use crate::call::ClientName;
use crate::gateway::Gateway;
use crate::identify::Place;
use crate::path::Post;
use crate::permit;
use crate::refusal::{Asked, Refusal};
use crate::session::joined::Joined;
use crate::session::seal::Holder;
use crate::target::Target;
use crate::tasks::Named;
use crate::tenant;
use crate::view::BindingView;

/// See the module.
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) era: Era,
    pub(crate) asked: Asked,
    pub(crate) client: ClientName,
    pub(crate) session: Joined,
    pub(crate) holder: Holder,
    pub(crate) scope: Scope,
    pub(crate) body: Bytes,
    pub(crate) tasks: Named,
    /// What is done to the answer.
    pub(crate) response: Option<Arc<ResponseRule>>,
    /// The resource that is read on the per-tenant URL, whose server is told by its state alone.
    pub(crate) reads: Option<String>,
    headers: HeaderMap,
    place_is_tenant: bool,
    /// The way over a bridge, where the server speaks another era.
    pub(crate) errand: Option<Box<Run>>,
    pub(crate) is_bridged: bool,
}

impl Exchange {
    pub(crate) fn new(post: &Post<'_>, target: &Target) -> Self {
        let mut headers = headers::for_upstream(post.headers);
        headers.insert(ACCEPT, post.accepts.as_header());
        if headers.contains_key(MCP_NAME) {
            match target.mirrored(post.call.method()) {
                "" => drop(headers.remove(MCP_NAME)),
                name => drop(headers.insert(MCP_NAME, era::mirrored(name))),
            }
        }
        let place_is_tenant = matches!(post.caller.place, Place::Tenant);
        let reads = place_is_tenant && post.call.method() == Method::ResourcesRead;
        let mut exchange = Self {
            method: post.call.method(),
            era: post.call.dialect.era,
            asked: post.call.asked(),
            client: post.call.client.clone().unwrap_or_default(),
            session: post.session.clone(),
            holder: post.caller.holder(),
            scope: Scope {
                live: Arc::clone(&post.caller.live),
                standing: post.caller.standing(),
                server: target.binding.server.id,
            },
            body: target.body.clone(),
            tasks: target.tasks.clone(),
            response: permit::response_of(&target.binding, post.call.method(), &target.subject)
                .cloned(),
            headers,
            reads: reads.then(|| target.subject.clone()),
            place_is_tenant,
            errand: None,
            is_bridged: false,
        };
        let first_byte = exchange.first_byte(post.gw);
        exchange.errand = Run::of(post, target, &exchange.scope, first_byte);
        exchange.is_bridged = exchange.errand.is_some();
        exchange
    }

    /// The list that is asked for, if it is one.
    pub(crate) fn list(&self) -> Option<ListKind> {
        ListKind::of(self.method)
    }

    /// How long the server may take to begin its answer.
    pub(crate) fn first_byte(&self, gw: &Gateway) -> Duration {
        match self.method {
            Method::Initialize | Method::ServerDiscover | Method::Ping => gw.settings.list_deadline,
            _ if self.list().is_some() => gw.settings.list_deadline,
            _ => gw.settings.call_deadline,
        }
    }

    /// Whether the server is to go on when the client hangs up.
    pub(crate) fn outlives_client(&self) -> bool {
        self.era == Era::Legacy && self.method == Method::ToolsCall
    }

    /// The way to the server; on the per-tenant URL its session is opened first.
    pub(crate) async fn way(
        &self,
        gw: &Arc<Gateway>,
        binding: &BindingView,
    ) -> Result<Way, Refusal> {
        match &self.session {
            Joined::Tenant(key, row) => {
                let session = Box::pin(tenant::join(gw, *key, row, binding, &self.scope)).await?;
                let mut way = Way::opened(binding, &session).on_behalf_of(&self.scope);
                for name in ["traceparent", "tracestate", "baggage"] {
                    if let Some(value) = self.headers.get(name) {
                        way.headers.insert(name, value.clone());
                    }
                }
                Ok(way)
            }
            Joined::Direct(_) | Joined::Bridged(..) | Joined::Outside => {
                let way = Way::carrying(binding, &self.session, self.headers.clone());
                let mut way = way.on_behalf_of(&self.scope);
                if let Some(accept) = self.headers.get(ACCEPT) {
                    way.headers.insert(ACCEPT, accept.clone());
                }
                Ok(way)
            }
        }
    }

    /// Whether the session id of an answer is the client's to keep.
    pub(crate) fn opens_session(&self) -> bool {
        self.method == Method::Initialize && !self.place_is_tenant
    }
}
