//! The signed heads of the audit logs.

use chrono::{DateTime, Utc};
use domain::chain::Checkpoint;
use domain::perm::View;
use serde::{Deserialize, Serialize};

use crate::answer::{Cursor, Listed, page};
use crate::extract::{Json, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// Which heads are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CheckpointsQuery {
    /// `calls`, where nothing is said, or `events`: the admin audit log.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "calls")]
    chain: Chain,
    /// At most so many: 1 to 200, 50 where nothing is said.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// One of the two logs.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Chain {
    #[default]
    Calls,
    Events,
}

/// A signed head: whoever kept it notices a chain that was made anew.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CheckpointView {
    /// Whose chain.
    #[schema(example = "org_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    organisation: String,
    /// `calls` or `events`.
    #[schema(example = "calls")]
    chain: String,
    /// The number of its last row.
    #[schema(example = 4_711)]
    seq: u64,
    /// The digest of that row, in hexadecimal digits.
    digest: String,
    /// When it was signed.
    at: DateTime<Utc>,
    /// The key, as in `/api/v1/auth/jwks.json`.
    #[schema(example = "6d1a0b9c3f5e7a21")]
    kid: String,
    /// Ed25519, base64url, over the lines `drawbridge/checkpoint/v1`, organisation, chain, seq,
    /// digest and time (in microseconds), each with a line feed.
    signature: String,
}

impl From<Checkpoint> for CheckpointView {
    fn from(checkpoint: Checkpoint) -> Self {
        let Checkpoint { organisation, chain, seq, digest, at, kid, signature } = checkpoint;
        Self { organisation, chain, seq, digest, at, kid, signature }
    }
}

/// `GET /api/v1/calls/checkpoints`: signed heads of the hash chains, newest first.
#[utoipa::path(get, path = "/api/v1/calls/checkpoints", tag = "calls", params(CheckpointsQuery),
    responses((status = 200, body = Listed<CheckpointView>)))]
pub(crate) async fn checkpoints(
    mut caller: Can<View>,
    Query(query): Query<CheckpointsQuery>,
) -> Result<Json<Listed<CheckpointView>>, Failure> {
    let chain = match query.chain {
        Chain::Calls => store::chain::CALLS,
        Chain::Events => store::chain::EVENTS,
    };
    let page = page(query.limit, query.cursor);
    let signed = caller.tx().await?.list_checkpoints(chain, page).await?;
    Ok(Json(Listed::of(signed, |(_, checkpoint)| checkpoint.into())))
}
