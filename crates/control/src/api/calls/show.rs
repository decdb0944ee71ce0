//! Reading one call.

use domain::CallId;
use domain::perm::View;

use super::view::CallView;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/calls/{id}`: one recorded call.
#[utoipa::path(get, path = "/api/v1/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = CallView)))]
pub(crate) async fn show(
    mut caller: Can<View>,
    Path(id): Path<CallId>,
) -> Result<Json<CallView>, Failure> {
    let call = caller.tx().await?.find_call(id).await?;
    call.map(|call| Json(call.into())).ok_or_else(Failure::not_found)
}
