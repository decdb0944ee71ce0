//! Exchanging a refresh token.

use serde::Deserialize;

use super::token::TokensView;
use crate::acts;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Anyone;

/// A refresh token.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshForm {
    /// The newest one of its family.
    #[schema(format = Password)]
    pub(super) refresh_token: String,
}

/// `POST /api/v1/auth/refresh`: new tokens for a refresh token, which is void afterwards. One that
/// was used before ends its whole family.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", request_body = RefreshForm,
    responses((status = 200, body = TokensView)))]
pub(crate) async fn refresh(
    caller: Anyone,
    Json(form): Json<RefreshForm>,
) -> Result<Json<TokensView>, Failure> {
    let tokens = acts::accounts::refresh(caller.app(), &form.refresh_token).await?;
    Ok(Json(tokens.into()))
}
