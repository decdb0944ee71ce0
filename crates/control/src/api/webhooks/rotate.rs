//! A new secret for a webhook.

use domain::WebhookId;
use domain::perm::ManageWebhooks;

use super::view::SecretView;
use crate::acts;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/webhooks/{id}/rotate`: a new secret, shown this once. For a day deliveries carry
/// the signatures of both.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate", tag = "webhooks",
    params(("id" = String, Path)), responses((status = 200, body = SecretView)))]
pub(crate) async fn rotate(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
) -> Result<Json<SecretView>, Failure> {
    let secret = acts::webhooks::rotate(&mut caller, id).await?;
    Ok(Json(SecretView { secret: secret.reveal().to_owned() }))
}
