//! Removing a key.

use domain::ApiKeyId;
use domain::perm::ManageKeys;

use crate::acts;
use crate::answer::NoContent;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;

/// `DELETE /api/v1/api-keys/{id}`: the key stops working at once.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api keys",
    params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove(
    mut caller: Can<ManageKeys>,
    Path(id): Path<ApiKeyId>,
) -> Result<NoContent, Failure> {
    acts::keys::remove(&mut caller, id).await?;
    Ok(NoContent)
}
