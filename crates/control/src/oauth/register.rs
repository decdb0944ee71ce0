//! Clients that register themselves (RFC 7591).

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use domain::ClientId;
use http::StatusCode;
use serde_json::{Value, json};
use store::connections::OAuthClient;

use super::document::Described;
use super::{Refused, SCOPE, Word};
use crate::extract::Json;
use crate::failure::{Failure, Kind};
use crate::guard::Anyone;
use crate::throttle::Throttled;

/// Largest description.
const MAX_BYTES: usize = 64 << 10;
/// Registrations from one address in a quarter of an hour.
const PER_ADDRESS: u32 = 30;

/// `POST /register`: a public client gets an id, no secret. What cannot be used is left out, and
/// the answer says what was kept.
pub(crate) async fn register(caller: Anyone, body: Bytes) -> Result<Response, Refused> {
    let (app, now) = (caller.app(), caller.app().now());
    let taken = app.throttle().take("registrations", caller.address(), PER_ADDRESS, now);
    taken.map_err(|Throttled { retry_after_secs }| Failure::too_many(retry_after_secs))?;
    let no_json = || Refused::new(Word::InvalidClientMetadata, "send a JSON object");
    if body.len() > MAX_BYTES {
        return Err(Failure::new(Kind::TooLarge, "A client describes itself in 64 KiB.").into());
    }
    let document: Value = serde_json::from_slice(&body).map_err(|_error| no_json())?;
    let described = Described::read(&document)?;
    let client = OAuthClient {
        id: ClientId::fresh(now),
        name: described.name,
        redirect_uris: described.redirect_uris,
    };
    if !app.store().insert_oauth_client(&client, now).await? {
        return Err(Refused::new(Word::TemporarilyUnavailable, "too many clients registered"));
    }
    let application = match document.get("application_type").and_then(Value::as_str) {
        Some("web") => "web",
        _ => "native",
    };
    let registered = json!({
        "client_id": client.id,
        "client_id_issued_at": now.timestamp(),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "application_type": application,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": SCOPE,
    });
    Ok((StatusCode::CREATED, Json(registered)).into_response())
}
