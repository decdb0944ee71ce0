//! One webhook.

use domain::WebhookId;
use domain::perm::ManageWebhooks;

use super::view::WebhookView;
use crate::acts;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/webhooks/{id}`.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path)), responses((status = 200, body = WebhookView)))]
pub(crate) async fn show(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
) -> Result<Json<WebhookView>, Failure> {
    Ok(Json(acts::webhooks::find(&mut caller, id).await?.into()))
}
