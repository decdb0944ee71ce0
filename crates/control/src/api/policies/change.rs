//! Changing a policy itself, not its document.

use domain::PolicyId;
use domain::perm::WritePolicies;

use super::view::PolicyView;
use crate::acts;
use crate::acts::policies::PolicyPatch;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `PATCH /api/v1/policies/{id}`: its name, and the server it is written for.
#[utoipa::path(patch, path = "/api/v1/policies/{id}", tag = "policies",
    params(("id" = String, Path)), request_body = PolicyPatch,
    responses((status = 200, body = PolicyView)))]
pub(crate) async fn change(
    mut caller: Can<WritePolicies>,
    Path(id): Path<PolicyId>,
    Json(patch): Json<PolicyPatch>,
) -> Result<Json<PolicyView>, Failure> {
    acts::policies::change(&mut caller, id, patch).await?;
    PolicyView::new(acts::policies::find(&mut caller, id).await?).map(Json)
}
