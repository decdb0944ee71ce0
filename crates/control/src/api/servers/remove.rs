//! Removing a server.

use domain::ServerId;
use domain::perm::ManageServers;

use crate::acts;
use crate::answer::NoContent;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;

/// `DELETE /api/v1/servers/{id}`: with its tools, and out of every grant. Recorded calls stay.
#[utoipa::path(delete, path = "/api/v1/servers/{id}", tag = "servers",
    params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove(
    mut caller: Can<ManageServers>,
    Path(id): Path<ServerId>,
) -> Result<NoContent, Failure> {
    acts::servers::remove(&mut caller, id).await?;
    Ok(NoContent)
}
