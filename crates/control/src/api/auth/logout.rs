//! Signing out, for programs.

use super::refresh::RefreshForm;
use crate::acts;
use crate::answer::NoContent;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Anyone;

/// `POST /api/v1/auth/logout`: ends the family of a refresh token. The access token made with it
/// runs out within 15 minutes.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", request_body = RefreshForm,
    responses((status = 204)))]
pub(crate) async fn logout(
    caller: Anyone,
    Json(form): Json<RefreshForm>,
) -> Result<NoContent, Failure> {
    acts::accounts::end_tokens(caller.app(), &form.refresh_token).await?;
    Ok(NoContent)
}
