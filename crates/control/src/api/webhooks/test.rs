//! Trying a webhook.

use domain::WebhookId;
use domain::perm::ManageWebhooks;

use super::view::QueuedView;
use crate::acts;
use crate::answer::Created;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/webhooks/{id}/test`: queues a delivery of the event `webhook.test`, whatever the
/// webhook listens to.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks",
    params(("id" = String, Path)), responses((status = 201, body = QueuedView)))]
pub(crate) async fn test(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
) -> Result<Created<QueuedView>, Failure> {
    Ok(Created(QueuedView { id: acts::webhooks::test(&mut caller, id).await? }))
}
