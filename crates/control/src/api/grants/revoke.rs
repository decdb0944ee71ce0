//! Ending a grant.

use domain::GrantId;
use domain::perm::ManageGrants;

use crate::acts;
use crate::answer::NoContent;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/grants/{id}/revoke`: its tokens stop working. Revoking twice is fine.
#[utoipa::path(post, path = "/api/v1/grants/{id}/revoke", tag = "grants",
    params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn revoke(
    mut caller: Can<ManageGrants>,
    Path(id): Path<GrantId>,
) -> Result<NoContent, Failure> {
    acts::grants::revoke(&mut caller, id).await?;
    Ok(NoContent)
}
