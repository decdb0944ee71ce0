//! Every address of the data plane, and what is true of each answer.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use domain::CallId;
use http::header::{HeaderName, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, StatusCode};

use crate::front::body::json_response;
use crate::front::{doors, well_known};
use crate::gateway::Gateway;
use crate::identify::{self, TurnedAway};
use crate::inbound::Inbound;
use crate::refusal::Refusal;
use crate::trail::{SERVER_TIMING, Trail};
use crate::{path, streams};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// The data plane as a router.
#[expect(clippy::disallowed_methods, reason = "this file is the list of routes of this plane")]
pub fn router(gateway: Arc<Gateway>) -> Router {
    let metadata = "/.well-known/oauth-protected-resource";
    let document = get(metadata_of).options(may_read);
    Router::new()
        .route("/t/{organisation}/mcp", any(serve))
        .route("/t/{organisation}/mcp/", any(serve))
        .route("/t/{organisation}/{server}/mcp", any(serve))
        .route("/t/{organisation}/{server}/mcp/", any(serve))
        .route(&format!("{metadata}/t/{{organisation}}/mcp"), document.clone())
        .route(&format!("{metadata}/t/{{organisation}}/mcp/"), document.clone())
        .route(&format!("{metadata}/t/{{organisation}}/{{server}}/mcp"), document.clone())
        .route(&format!("{metadata}/t/{{organisation}}/{{server}}/mcp/"), document)
        .route("/.well-known/{*document}", any(no_document))
        .with_state(gateway)
}

async fn metadata_of(State(gw): State<Arc<Gateway>>, request: Request) -> Response {
    let (id, started) = (CallId::fresh(gw.clock.now()), Instant::now());
    let path = request.uri().path().trim_start_matches("/.well-known/oauth-protected-resource");
    decorated(well_known::metadata(&gw.settings, path), id, started)
}

async fn may_read(State(gw): State<Arc<Gateway>>) -> Response {
    decorated(well_known::preflight(), CallId::fresh(gw.clock.now()), Instant::now())
}

async fn no_document(State(gw): State<Arc<Gateway>>) -> Response {
    decorated(well_known::not_found(), CallId::fresh(gw.clock.now()), Instant::now())
}

async fn serve(State(gw): State<Arc<Gateway>>, request: Request) -> Response {
    let (now, started) = (gw.clock.now(), Instant::now());
    let (head, body) = request.into_parts();
    let id = CallId::fresh(now);
    let origin = match gw.doors.check(&head) {
        Ok(origin) => origin,
        Err(doors::Foreign) => return decorated(forbidden(), id, started),
    };
    let path = head.uri.path().to_owned();
    let mut names = path.trim_end_matches('/').split('/').skip(2);
    let organisation = names.next().unwrap_or_default().to_owned();
    let server = names.next().filter(|_| names.next().is_some()).map(str::to_owned);
    let (method, headers) = (head.method, head.headers);
    let inbound = Inbound { id, at: now, started, organisation, server, path, method, headers };
    // Boxed here, once: the layers above move the future about.
    let mut response = decorated(Box::pin(dispatch(&gw, inbound, body)).await, id, started);
    if let Some(origin) = origin {
        doors::allow(response.headers_mut(), origin);
    }
    response
}

async fn dispatch(gw: &Arc<Gateway>, request: Inbound, body: Body) -> Response {
    match request.method {
        Method::OPTIONS => return doors::preflight(&request.headers),
        Method::POST | Method::GET | Method::DELETE => {}
        _ => return streams::not_allowed(),
    }
    let caller = match identify::caller(gw, &request).await {
        Ok(caller) => caller,
        Err(TurnedAway::Unknown) => {
            gw.meters.unidentified.increment(1);
            return identify::unknown(&gw.settings, &request.path);
        }
        Err(TurnedAway::Unavailable) => return Refusal::Unavailable.without_call(),
    };
    match request.method {
        Method::GET => Box::pin(streams::open(gw, &request, &caller)).await,
        Method::DELETE => Box::pin(streams::close(gw, &request, &caller)).await,
        _ => {
            let Some(trail) = Trail::open(gw, &request, &caller) else {
                gw.meters.busy.increment(1);
                return Refusal::Busy.without_call();
            };
            path::handle(gw, &request, body, &caller, trail).await
        }
    }
}

fn forbidden() -> Response {
    let text =
        r#"{"error":"forbidden","error_description":"This Host or Origin may not call here."}"#;
    json_response(StatusCode::FORBIDDEN, text)
}

/// What every answer has: the request's id, and its time.
fn decorated(mut response: Response, id: CallId, started: Instant) -> Response {
    // Those who are not let in are all told the same, the time it took included.
    let is_turned_away = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(X_REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if !headers.contains_key(SERVER_TIMING) && !is_turned_away {
        let timing = format!("total;dur={:.3}", started.elapsed().as_secs_f64() * 1e3);
        if let Ok(timing) = HeaderValue::from_str(&timing) {
            headers.insert(SERVER_TIMING, timing);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a request's future, which is moved about by the layers above it.
    const BUDGET: usize = 1_536;

    fn size_of_future<F>(_: impl FnOnce(State<Arc<Gateway>>, Request) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_request_in_flight_stays_small() {
        let size = size_of_future(serve);
        assert!(size <= BUDGET, "{size} bytes");
    }
}
