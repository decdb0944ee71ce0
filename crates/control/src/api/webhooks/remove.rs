//! Removing a webhook.

use domain::WebhookId;
use domain::perm::ManageWebhooks;

use crate::acts;
use crate::answer::NoContent;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;

/// `DELETE /api/v1/webhooks/{id}`: with all that waits for it.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
) -> Result<NoContent, Failure> {
    acts::webhooks::remove(&mut caller, id).await?;
    Ok(NoContent)
}
