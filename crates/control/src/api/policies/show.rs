//! Reading one policy.

use axum::response::{IntoResponse, Response};
use domain::PolicyId;
use domain::perm::View;
use http::header::ETAG;

use super::view::PolicyView;
use crate::acts;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/policies/{id}`: one policy. Its `ETag` is the live version, for `If-Match`.
#[utoipa::path(get, path = "/api/v1/policies/{id}", tag = "policies",
    params(("id" = String, Path)), responses((status = 200, body = PolicyView)))]
pub(crate) async fn show(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
) -> Result<Response, Failure> {
    let policy = acts::policies::find(&mut caller, id).await?;
    let tag = format!("\"{}\"", policy.version);
    Ok(([(ETAG, tag)], Json(PolicyView::new(policy)?)).into_response())
}
