//! Series for charts: how many calls ended how.

use chrono::{DateTime, TimeDelta, Utc};
use domain::perm::View;
use domain::{GrantId, Outcome, ServerId};
use serde::{Deserialize, Serialize};
use store::calls::CallFilter;

use crate::answer::Listed;
use crate::extract::{Json, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// What is counted, and how finely.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageQuery {
    /// What the counts are split by.
    #[serde(default, rename = "by")]
    #[param(inline)]
    _by: By,
    /// The width of a bucket.
    #[serde(default)]
    #[param(inline)]
    bucket: Bucket,
    /// From when on; a day back by hours, 30 days back by days, where nothing is said.
    since: Option<DateTime<Utc>>,
    /// On this server.
    #[param(value_type = Option<String>)]
    server: Option<ServerId>,
    /// By this grant.
    #[param(value_type = Option<String>)]
    grant: Option<GrantId>,
}

/// What counts are split by.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// How calls ended.
    #[default]
    Outcome,
}

/// The width of a bucket.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Bucket {
    #[default]
    Hour,
    Day,
}

impl Bucket {
    const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// How far back a series goes by itself, and at most.
    const fn reach(self) -> (TimeDelta, TimeDelta) {
        match self {
            Self::Hour => (TimeDelta::hours(24), TimeDelta::days(32)),
            Self::Day => (TimeDelta::days(30), TimeDelta::days(400)),
        }
    }
}

/// Calls of one outcome within one bucket. Empty buckets are left out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct UsageView {
    /// Start of the bucket.
    time: DateTime<Utc>,
    #[schema(value_type = String, example = "allowed")]
    outcome: Outcome,
    count: i64,
}

/// `GET /api/v1/usage`: counts over time, oldest first.
#[utoipa::path(get, path = "/api/v1/usage", tag = "calls", params(UsageQuery),
    responses((status = 200, body = Listed<UsageView>)))]
pub(crate) async fn usage(
    mut caller: Can<View>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Listed<UsageView>>, Failure> {
    let (usual, most) = query.bucket.reach();
    let now = caller.now();
    let since = query.since.unwrap_or(now - usual).max(now - most);
    let filter = CallFilter { server: query.server, grant: query.grant, ..CallFilter::default() };
    let counts = caller.tx().await?.count_calls(since, query.bucket.word(), &filter).await?;
    let view = |c: store::calls::CallCount| UsageView {
        time: c.bucket,
        outcome: c.outcome,
        count: c.count,
    };
    Ok(Json(Listed::whole(counts.into_iter().map(view).collect())))
}
