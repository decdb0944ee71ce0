//! Codes and refresh tokens, exchanged for tokens.

use axum::response::{IntoResponse, Response};
use domain::ClientId;
use http::HeaderValue;
use http::header::PRAGMA;
use serde_json::json;

use super::params::Params;
use super::{Refused, SCOPE, Word};
use crate::acts;
use crate::acts::connections::{CodeForm, Issued, RefreshForm};
use crate::extract::{Form, Json};
use crate::guard::Anyone;

/// `POST /token`. Clients are public: they name themselves and prove nothing but what they hold.
pub(crate) async fn token(
    caller: Anyone,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    let params = Params::of(fields);
    let grant_type = params.one("grant_type")?;
    let client_id = required(&params, "client_id")?;
    known(&caller, client_id).await?;
    let issued = match grant_type {
        Some("authorization_code") => {
            let form = CodeForm {
                code: required(&params, "code")?,
                verifier: required(&params, "code_verifier")?,
                redirect_uri: params.one("redirect_uri")?,
                resource: params.one("resource")?,
                client_id,
            };
            acts::connections::redeem(&caller, &form).await?
        }
        Some("refresh_token") => {
            let form = RefreshForm {
                token: required(&params, "refresh_token")?,
                resource: params.one("resource")?,
                client_id,
            };
            acts::connections::refresh(&caller, &form).await?
        }
        None => return Err(Refused::new(Word::InvalidRequest, "grant_type is required")),
        Some(_) => {
            let text = "only authorization_code and refresh_token are supported here";
            return Err(Refused::new(Word::UnsupportedGrantType, text));
        }
    };
    Ok(answer(&issued))
}

fn required<'p>(params: &'p Params, name: &'static str) -> Result<&'p str, Refused> {
    let value = params.one(name)?;
    value.ok_or_else(|| Refused::new(Word::InvalidRequest, format!("{name} is required")))
}

/// A registration that was removed is told apart, so that the client registers again.
async fn known(caller: &Anyone, client_id: &str) -> Result<(), Refused> {
    let Ok(id) = client_id.parse::<ClientId>() else { return Ok(()) };
    match caller.app().store().find_oauth_client(id).await? {
        Some(_) => Ok(()),
        None => Err(Refused::new(Word::InvalidClient, "this client is not registered (any more)")),
    }
}

fn answer(issued: &Issued) -> Response {
    let body = json!({
        "access_token": issued.access.reveal(),
        "token_type": "Bearer",
        "expires_in": issued.expires_in_secs,
        "refresh_token": issued.refresh.reveal(),
        "scope": SCOPE,
    });
    ([(PRAGMA, HeaderValue::from_static("no-cache"))], Json(body)).into_response()
}
