//! Listing webhooks.

use domain::perm::ManageWebhooks;

use super::view::WebhookView;
use crate::answer::{Listed, PageQuery};
use crate::extract::{Json, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/webhooks`: the webhooks, newest first.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", params(PageQuery),
    responses((status = 200, body = Listed<WebhookView>)))]
pub(crate) async fn list(
    mut caller: Can<ManageWebhooks>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listed<WebhookView>>, Failure> {
    let webhooks = caller.tx().await?.list_webhooks(query.page()).await?;
    Ok(Json(Listed::of(webhooks, WebhookView::from)))
}
