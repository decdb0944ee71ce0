//! What a webhook was told, and telling it again.

use domain::perm::ManageWebhooks;
use domain::{DeliveryId, WebhookId};
use serde::Deserialize;

use super::view::{DeliveryView, QueuedView};
use crate::acts;
use crate::answer::{Created, Cursor, Listed, page};
use crate::extract::{Json, Path, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// Which deliveries are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveriesQuery {
    /// `waiting`, `delivered` or `failed`; all, where nothing is said.
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    /// At most so many: 1 to 200, 50 where nothing is said.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Waiting,
    Delivered,
    Failed,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// `GET /api/v1/webhooks/{id}/deliveries`: what it was told in the last 30 days, newest first.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path), DeliveriesQuery),
    responses((status = 200, body = Listed<DeliveryView>)))]
pub(crate) async fn deliveries(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Json<Listed<DeliveryView>>, Failure> {
    let webhook = acts::webhooks::find(&mut caller, id).await?;
    let (status, page) = (query.status.map(Status::as_str), page(query.limit, query.cursor));
    let told = caller.tx().await?.list_deliveries(webhook.id, status, page).await?;
    Ok(Json(Listed::of(told, DeliveryView::from)))
}

/// `POST /api/v1/webhooks/{id}/deliveries/{delivery}/replay`: queues it once more, as a new one.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/deliveries/{delivery}/replay",
    tag = "webhooks", params(("id" = String, Path), ("delivery" = String, Path)),
    responses((status = 201, body = QueuedView)))]
pub(crate) async fn replay(
    mut caller: Can<ManageWebhooks>,
    Path((id, delivery)): Path<(WebhookId, DeliveryId)>,
) -> Result<Created<QueuedView>, Failure> {
    Ok(Created(QueuedView { id: acts::webhooks::replay(&mut caller, id, delivery).await? }))
}
