//! Reviewing a definition that waits.

use domain::ServerId;
use domain::perm::WritePolicies;

use crate::acts;
use crate::acts::tools::ReviewForm;
use crate::answer::NoContent;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/servers/{id}/tools/{tool}/review`: release a definition that waits, or keep it
/// quarantined. Only the fingerprint that is named is released.
#[utoipa::path(post, path = "/api/v1/servers/{id}/tools/{tool}/review", tag = "servers",
    params(("id" = String, Path), ("tool" = String, Path)), request_body = ReviewForm,
    responses((status = 204)))]
pub(crate) async fn review(
    mut caller: Can<WritePolicies>,
    Path((id, tool)): Path<(ServerId, String)>,
    Json(form): Json<ReviewForm>,
) -> Result<NoContent, Failure> {
    acts::tools::review(&mut caller, id, &tool, &form).await?;
    Ok(NoContent)
}
