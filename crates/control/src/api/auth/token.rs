//! Signing in, for programs.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::acts;
use crate::acts::accounts::{SignInForm, Tokens};
use crate::api::me::OrganisationBrief;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Anyone;

/// Who signs in, and for which organisation.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenForm {
    /// The address of the account.
    email: String,
    /// Its password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// Slug of the organisation; may be left out by who belongs to one only.
    #[serde(default)]
    organisation: Option<String>,
}

/// A short-lived access token, and the refresh token that gets the next one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TokensView {
    /// Send it as `Authorization: Bearer`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds that the access token is good for.
    expires_in: i64,
    /// Good once; using it twice ends both.
    refresh_token: String,
    /// What both are for.
    organisation: OrganisationBrief,
}

impl From<Tokens> for TokensView {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access,
            token_type: "Bearer",
            expires_in: tokens.expires_in_secs,
            refresh_token: tokens.refresh.reveal().to_owned(),
            organisation: tokens.organisation.into(),
        }
    }
}

/// `POST /api/v1/auth/token`: sign in.
#[utoipa::path(post, path = "/api/v1/auth/token", tag = "auth", request_body = TokenForm,
    responses((status = 200, body = TokensView)))]
pub(crate) async fn token(
    caller: Anyone,
    Json(form): Json<TokenForm>,
) -> Result<Json<TokensView>, Failure> {
    let TokenForm { email, password, organisation } = form;
    let user = acts::accounts::sign_in(&caller, SignInForm { email, password }).await?;
    let tokens =
        acts::accounts::start_tokens(caller.app(), user.id, organisation.as_deref()).await?;
    Ok(Json(tokens.into()))
}
