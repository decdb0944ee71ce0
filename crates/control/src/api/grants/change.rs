//! Changing a grant.

use domain::GrantId;
use domain::perm::ManageGrants;

use super::view::GrantView;
use crate::acts;
use crate::acts::grants::GrantPatch;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `PATCH /api/v1/grants/{id}`: label, expiry, servers; what is left out stays.
#[utoipa::path(patch, path = "/api/v1/grants/{id}", tag = "grants", params(("id" = String, Path)),
    request_body = GrantPatch, responses((status = 200, body = GrantView)))]
pub(crate) async fn change(
    mut caller: Can<ManageGrants>,
    Path(id): Path<GrantId>,
    Json(patch): Json<GrantPatch>,
) -> Result<Json<GrantView>, Failure> {
    let (grant, bindings) = acts::grants::change(&mut caller, id, patch).await?;
    Ok(Json(GrantView::new(&caller, grant, bindings)))
}
