//! Removing a policy.

use domain::PolicyId;
use domain::perm::WritePolicies;

use crate::acts;
use crate::answer::NoContent;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;

/// `DELETE /api/v1/policies/{id}`: with its versions. One that is attached to a grant is 409.
#[utoipa::path(delete, path = "/api/v1/policies/{id}", tag = "policies",
    params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove(
    mut caller: Can<WritePolicies>,
    Path(id): Path<PolicyId>,
) -> Result<NoContent, Failure> {
    acts::policies::remove(&mut caller, id).await?;
    Ok(NoContent)
}
