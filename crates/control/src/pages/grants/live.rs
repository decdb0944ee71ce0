//! The first call of a grant, as it arrives: one server-sent event with its HTML.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::response::sse::{Event, KeepAlive, Sse};
use domain::perm::View;
use domain::{CallRecord, GrantId, Outcome, Slug};
use futures_util::stream::{BoxStream, Stream, StreamExt};
use http::HeaderMap;
use store::Page;
use store::calls::CallFilter;

use crate::app::App;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{micros, sentence_of};
use crate::session;
use crate::urls;

/// How often it is looked whether the person may still watch.
const CHECK_EVERY: Duration = Duration::from_secs(20);
/// Silence after which a comment is sent, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Template)]
#[template(path = "grants/arrived.html")]
pub(crate) struct Arrived {
    call: ArrivedCall,
}

struct ArrivedCall {
    url: String,
    outcome: &'static str,
    sentence: String,
    detail: String,
}

/// `GET /o/{organisation}/grants/{id}/live`.
pub(crate) async fn live(
    mut caller: Can<View>,
    Path(id): Path<GrantId>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    // Watching begins before looking back, so that no call falls in between.
    let calls = caller.app().calls().subscribe(caller.organisation());
    let tx = caller.tx().await?;
    tx.find_grant(id).await?.ok_or_else(Failure::not_found)?;
    let filter = CallFilter { grant: Some(id), ..CallFilter::default() };
    let past = tx.list_calls(&filter, Page::new(None, None)).await?.rows;
    caller.close();
    let past = past.into_iter().rev().find(is_telling);
    let watch = Watch {
        app: caller.app().clone(),
        slug: caller.slug().clone(),
        grant: id,
        headers,
        calls: match past {
            Some(call) => futures_util::stream::iter([call]).chain(calls).boxed(),
            None => calls,
        },
    };
    let events =
        futures_util::stream::once(watch.first()).filter_map(|event| async { event.map(Ok) });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Whether a call shows that the way works: a tool was called, or something was refused. A client
/// that only says hello or lists tools has not called yet.
fn is_telling(call: &CallRecord) -> bool {
    call.method == "tools/call" || call.outcome != Outcome::Allowed
}

/// A person who waits for the first call of a grant.
struct Watch {
    app: App,
    slug: Slug,
    grant: GrantId,
    headers: HeaderMap,
    calls: BoxStream<'static, CallRecord>,
}

impl Watch {
    /// The event of the first call; none where the person's session ends before.
    async fn first(mut self) -> Option<Event> {
        loop {
            match tokio::time::timeout(CHECK_EVERY, self.calls.next()).await {
                Ok(Some(call)) if call.grant == self.grant && is_telling(&call) => {
                    let html = Arrived::of(&call, &self.slug).render().ok()?;
                    return Some(Event::default().event("call").data(html));
                }
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(_elapsed) => {
                    if !may_watch(&self.app, &self.headers, &self.slug).await {
                        return None;
                    }
                }
            }
        }
    }
}

/// Whether the session and the membership are still there.
async fn may_watch(app: &App, headers: &HeaderMap, slug: &Slug) -> bool {
    let Some(digest) = session::presented(app.settings(), headers) else { return false };
    let session = app.store().find_browser_session(digest, app.now()).await;
    let Ok(Some(session)) = session else { return false };
    let membership = app.store().find_membership(session.user.id, slug.as_str()).await;
    matches!(membership, Ok(Some(_)))
}

impl Arrived {
    fn of(call: &CallRecord, slug: &Slug) -> Self {
        let took = call.us.auth.saturating_add(call.us.policy).saturating_add(call.us.limits);
        let cost = format!("The decision took {}.", micros(took));
        let detail = match call.message.as_str() {
            "" => cost,
            message => format!("{message} {cost}"),
        };
        Self {
            call: ArrivedCall {
                url: urls::item(slug, "calls", call.id),
                outcome: call.outcome.as_str(),
                sentence: sentence_of(call),
                detail,
            },
        }
    }
}

#[cfg(test)]
impl Arrived {
    /// Fragments are no pages; they have samples of their own.
    pub(crate) fn fragments() -> Vec<Self> {
        let of = |text: &str| Self {
            call: ArrivedCall {
                url: "/o/acme/calls/call_1".to_owned(),
                outcome: "allowed",
                sentence: text.to_owned(),
                detail: text.to_owned(),
            },
        };
        vec![of("Allowed"), of(crate::pages::samples::HOSTILE)]
    }
}
