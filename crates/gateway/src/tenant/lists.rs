//! Lists of all servers as one. A server that is down or slow is missing, and named; the others
//! answer.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http::HeaderMap;
use json::Node;
use mcp::era::META_CAPABILITIES;
use mcp::headers::MCP_NAME;
use mcp::lists::ListKind;
use mcp::message;
use mcp::version::Era;

use super::hello::ours;
use crate::bridge::askable::Askable;
use crate::bridge::down::hidden::Hidden;
use crate::bridge::{Crossing, up};
use crate::path::Post;
use crate::refusal::Refusal;
use crate::session::joined::Joined;
use crate::upstream::Answer;
use crate::upstream::ask::{Asking, Failure};
use crate::upstream::judge::{Naming, Scope, filter};
use crate::upstream::wire::Way;
use crate::view::BindingView;

/// How long is waited for any one server.
const DEADLINE: Duration = Duration::from_secs(10);
/// Pages of one server; more than anyone has.
const MAX_PAGES: usize = 64;
/// Bytes of a merged list; more than any client reads.
const MAX_BYTES: usize = 32 << 20;

/// The elements of one server's list, as JSON texts, in its order.
type Elements = Vec<String>;

/// The answer to a list request.
pub(super) async fn merged(post: &Post<'_>) -> Result<Answer, Refusal> {
    let Some(list) = ListKind::of(post.call.method()) else { return Err(Refusal::UnknownMethod) };
    if post.call.message.param("cursor").is_some() {
        // The whole list is one page, so no cursor is ours.
        return Err(Refusal::BadParams("Unknown cursor."));
    }
    let bindings: Vec<_> = post.caller.grant.bindings.iter().collect();
    let open = bindings.iter().filter(|binding| !binding.server.is_paused);
    let budget = &AtomicUsize::new(MAX_BYTES);
    let listed = join_all(open.map(|binding| async move {
        let listed = list_of(post, binding, list, budget);
        let listed = tokio::time::timeout(DEADLINE, listed).await;
        let late = || Failure::of("The server did not answer in time.");
        (*binding, listed.unwrap_or_else(|_elapsed| Err(late())))
    }))
    .await;
    if !listed.is_empty() && listed.iter().all(|(_, listed)| listed.is_err()) {
        let reasons = listed.iter().filter_map(|(binding, listed)| {
            listed
                .as_ref()
                .err()
                .map(|failure| format!("{}: {}", binding.server.name, failure.text))
        });
        return Err(Refusal::Upstream(reasons.collect::<Vec<_>>().join(" ")));
    }
    Ok(ours(post, &members(list, &listed, post.call.dialect.era)))
}

fn members(
    list: ListKind,
    listed: &[(&Arc<BindingView>, Result<Elements, Failure>)],
    era: Era,
) -> String {
    let mut missing = Vec::new();
    let mut seen = HashSet::new();
    let mut twice = Vec::new();
    let mut elements = Vec::new();
    for (binding, listed) in listed {
        match listed {
            Ok(of_server) => {
                for element in of_server {
                    let uri = key_of(element, list);
                    // Names carry their server; of two equal URIs the first server's counts.
                    if seen.insert(uri.clone()) {
                        elements.push(element.as_str());
                    } else {
                        twice.push(json::quoted(&uri));
                    }
                }
            }
            Err(failure) => missing.push(format!(
                r#"{{"server":"{}","reason":{}}}"#,
                binding.server.slug,
                json::quoted(&failure.text)
            )),
        }
    }
    let mut members = format!(r#""{}":[{}]"#, list.member(), elements.join(","));
    let notes = [("drawbridge/unavailable", missing), ("drawbridge/listed_twice", twice)];
    let notes: Vec<_> = notes
        .iter()
        .filter(|(_, found)| !found.is_empty())
        .map(|(name, found)| format!(r#""{name}":[{}]"#, found.join(",")))
        .collect();
    if !notes.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(members, r#","_meta":{{{}}}"#, notes.join(","));
    }
    if era == Era::Modern {
        members.push_str(r#","ttlMs":0,"cacheScope":"private""#);
    }
    members
}

fn key_of(element: &str, list: ListKind) -> String {
    let tape = json::parse(element.as_bytes()).ok();
    let key = tape.as_ref().and_then(|tape| tape.root().get(list.key())?.as_str());
    key.unwrap_or_default().into_owned()
}

/// The list of one server. A session that the server has forgotten is opened anew, once.
async fn list_of(
    post: &Post<'_>,
    binding: &Arc<BindingView>,
    list: ListKind,
    budget: &AtomicUsize,
) -> Result<Elements, Failure> {
    let _seat = binding.server.health.seat()?;
    let scope = Scope {
        live: Arc::clone(&post.caller.live),
        standing: post.caller.standing(),
        server: binding.server.id,
    };
    let asked = Asked::of(post, binding, &scope).await?;
    match pages(post, &scope, (list, budget), &asked).await {
        Err(failure) if failure.is_gone => {
            asked.forget(post, binding).await;
            let asked = Asked::of(post, binding, &scope).await?;
            pages(post, &scope, (list, budget), &asked).await
        }
        // A server that has no such list has nothing to add to it.
        Err(failure) if failure.lacks => Ok(Elements::new()),
        listed => listed,
    }
}

/// All pages of one server, filtered, under the names that are shown here.
async fn pages(
    post: &Post<'_>,
    scope: &Scope,
    (list, budget): (ListKind, &AtomicUsize),
    asked: &Asked,
) -> Result<Elements, Failure> {
    let way = asked.way.clone().on_behalf_of(scope);
    let asking = Asking::new(post.gw, way, DEADLINE);
    let (mut elements, mut cursor, mut seen) = (Elements::new(), None, HashSet::new());
    for _ in 0..MAX_PAGES {
        let params = asked.params(cursor.as_deref());
        let (_, answer) = asking.ask(post.call.method(), &params).await?;
        let era = post.call.dialect.era;
        let unreadable = |_| Failure::of("The server's list cannot be read.");
        let message = message::parse_from_upstream(&answer).map_err(unreadable)?;
        let naming = Naming::Prefixed;
        let edited = filter(post.gw, scope, &message, list, era, naming).await?;
        let edited = edited.map_or(answer.clone(), Into::into);
        let message = message::parse_from_upstream(&edited).map_err(unreadable)?;
        let Some(result) = message.result() else { return Ok(elements) };
        let page = result.get(list.member()).into_iter().flat_map(Node::items);
        for element in page {
            let left = |left: usize| left.checked_sub(element.raw().len());
            if budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_err() {
                return Err(Failure::of("The list is too long to be read."));
            }
            elements.push(element.raw_str().to_owned());
        }
        cursor = result.get("nextCursor").filter(|c| !c.is_null()).map(|c| c.raw_str().to_owned());
        let Some(next) = &cursor else { return Ok(elements) };
        if !seen.insert(next.clone()) {
            break;
        }
    }
    Err(Failure::of("The server's list does not end."))
}

/// How one server is asked for a page: in an era that it speaks.
struct Asked {
    way: Way,
    /// What a request of the stateless era says of itself.
    meta: Option<String>,
    hidden: Option<Arc<Hidden>>,
}

impl Asked {
    async fn of(
        post: &Post<'_>,
        binding: &Arc<BindingView>,
        scope: &Scope,
    ) -> Result<Self, Failure> {
        let (gw, call) = (post.gw, post.call);
        let crossing = Crossing::of(call.dialect.era, post.session, &binding.server)?;
        let (way, meta, hidden) = match (crossing, post.session) {
            (Crossing::Up, session) => {
                let row = session.row().map(|(_, row)| row);
                let way = up::way(binding, call.method(), HeaderMap::new());
                (way, Some(up::described(row, binding)), None)
            }
            (Crossing::Down, _) => {
                let askable = call.message.meta().and_then(|meta| meta.get(META_CAPABILITIES));
                let askable = Askable::read(askable).within(binding);
                let hidden = gw.bridges.hidden.join(gw, binding, scope, askable).await?;
                (hidden.way(), None, Some(hidden))
            }
            (Crossing::None, Joined::Tenant(key, row)) => {
                let session = super::join(gw, *key, row, binding, scope).await?;
                (Way::opened(binding, &session), None, None)
            }
            (Crossing::None, _) => {
                let mut way = Way::direct(binding, post.session, post.headers);
                // A list is about nothing, whatever the client says there.
                way.headers.remove(MCP_NAME);
                let meta = call.message.meta().map(|meta| meta.raw_str().to_owned());
                (way, meta, None)
            }
        };
        Ok(Self { way, meta, hidden })
    }

    /// The parameters of one page's request.
    fn params(&self, cursor: Option<&str>) -> String {
        let meta = self.meta.as_ref().map(|meta| format!(r#""_meta":{meta}"#));
        let cursor = cursor.map(|cursor| format!(r#""cursor":{cursor}"#));
        let members: Vec<String> = [meta, cursor].into_iter().flatten().collect();
        format!("{{{}}}", members.join(","))
    }

    /// Forgets the session that the server no longer knows.
    async fn forget(&self, post: &Post<'_>, binding: &BindingView) {
        match (&self.hidden, post.session) {
            (Some(hidden), _) => post.gw.bridges.hidden.forget(hidden).await,
            (None, Joined::Tenant(key, _)) => {
                super::leave(post.gw, *key, binding.server.id).await;
            }
            _ => {}
        }
    }
}
