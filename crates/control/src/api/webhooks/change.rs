//! Changing a webhook.

use domain::WebhookId;
use domain::perm::ManageWebhooks;

use super::view::WebhookView;
use crate::acts;
use crate::acts::webhooks::WebhookPatch;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `PATCH /api/v1/webhooks/{id}`: address, events, format, pause; what is left out stays.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path)), request_body = WebhookPatch,
    responses((status = 200, body = WebhookView)))]
pub(crate) async fn change(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
    Json(patch): Json<WebhookPatch>,
) -> Result<Json<WebhookView>, Failure> {
    Ok(Json(acts::webhooks::change(&mut caller, id, patch).await?.into()))
}
