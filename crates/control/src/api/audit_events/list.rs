//! Listing the admin audit log.

use chrono::{DateTime, Utc};
use domain::perm::SeeAudit;
use serde::Deserialize;
use store::audit::EventFilter;

use super::view::EventView;
use crate::answer::{Cursor, Listed, page};
use crate::extract::{Json, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// Which changes are wanted; what is left out does not restrict.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// By this person or key: an id, or `system`.
    actor: Option<String>,
    /// Of this kind, such as `grant.created`, or this group of kinds, such as `grant`.
    kind: Option<String>,
    /// About this: an id.
    subject: Option<String>,
    /// Not before.
    since: Option<DateTime<Utc>>,
    /// Before.
    until: Option<DateTime<Utc>>,
    /// At most so many: 1 to 200, 50 where nothing is said.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// `GET /api/v1/audit-events`: who changed what, newest first.
#[utoipa::path(get, path = "/api/v1/audit-events", tag = "audit", params(EventsQuery),
    responses((status = 200, body = Listed<EventView>)))]
pub(crate) async fn list(
    mut caller: Can<SeeAudit>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<Listed<EventView>>, Failure> {
    let EventsQuery { actor, kind, subject, since, until, limit, cursor } = query;
    let filter = EventFilter { actor, kind, subject, since, until };
    let events = caller.tx().await?.list_events(&filter, page(limit, cursor)).await?;
    Ok(Json(Listed::of(events, EventView::from)))
}
