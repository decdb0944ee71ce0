//! Listing calls.

use chrono::{DateTime, Utc};
use domain::perm::View;
use domain::{GrantId, Outcome, ServerId};
use serde::Deserialize;
use store::calls::CallFilter;

use super::view::CallView;
use crate::answer::{Cursor, Listed, page};
use crate::extract::{Json, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// Which calls are wanted; what is left out does not restrict.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallsQuery {
    /// On this server.
    #[param(value_type = Option<String>)]
    pub(crate) server: Option<ServerId>,
    /// By this grant.
    #[param(value_type = Option<String>)]
    pub(crate) grant: Option<GrantId>,
    /// Of this tool, prompt or resource.
    pub(crate) tool: Option<String>,
    /// With this outcome.
    #[param(value_type = Option<String>)]
    pub(crate) outcome: Option<Outcome>,
    /// Not before.
    pub(crate) since: Option<DateTime<Utc>>,
    /// Before.
    pub(crate) until: Option<DateTime<Utc>>,
    /// Whose tool, grant, rule, message or method contains this.
    pub(crate) q: Option<String>,
    /// At most so many: 1 to 200, 50 where nothing is said.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

impl CallsQuery {
    /// The filter, for the store.
    pub(crate) fn filter(&self) -> CallFilter {
        CallFilter {
            server: self.server,
            grant: self.grant,
            target: self.tool.clone(),
            outcome: self.outcome,
            since: self.since,
            until: self.until,
            text: self.q.clone(),
        }
    }

    /// The page, for the store.
    pub(crate) fn page(&self) -> store::Page {
        page(self.limit, self.cursor)
    }
}

/// `GET /api/v1/calls`: recorded calls, newest first.
#[utoipa::path(get, path = "/api/v1/calls", tag = "calls", params(CallsQuery),
    responses((status = 200, body = Listed<CallView>)))]
pub(crate) async fn list(
    mut caller: Can<View>,
    Query(query): Query<CallsQuery>,
) -> Result<Json<Listed<CallView>>, Failure> {
    let calls = caller.tx().await?.list_calls(&query.filter(), query.page()).await?;
    Ok(Json(Listed::of(calls, CallView::from)))
}
