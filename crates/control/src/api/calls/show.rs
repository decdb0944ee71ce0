//! Reading one call.

use domain::CallId;
use domain::perm::View;

use super::view::CallDetail;
use crate::acts::arguments::Values;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/calls/{id}`: one recorded call.
#[utoipa::path(get, path = "/api/v1/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = CallDetail)))]
pub(crate) async fn show(
    mut caller: Can<View>,
    Path(id): Path<CallId>,
) -> Result<Json<CallDetail>, Failure> {
    let call = caller.tx().await?.find_call(id).await?.ok_or_else(Failure::not_found)?;
    let values = Values::of(&caller, &call);
    Ok(Json(CallDetail::new(call, values)))
}
