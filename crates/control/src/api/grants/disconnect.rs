//! Ending what a client was allowed.

use domain::perm::ManageGrants;
use domain::{ConnectionId, GrantId};

use crate::acts;
use crate::answer::NoContent;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;

/// `DELETE /api/v1/grants/{id}/connections/{connection}`: the client's tokens stop working, its
/// open sessions close.
#[utoipa::path(delete, path = "/api/v1/grants/{id}/connections/{connection}", tag = "grants",
    params(("id" = String, Path), ("connection" = String, Path)),
    responses((status = 204, description = "It is disconnected.")))]
pub(crate) async fn disconnect(
    mut caller: Can<ManageGrants>,
    Path((grant, id)): Path<(GrantId, ConnectionId)>,
) -> Result<NoContent, Failure> {
    acts::connections::disconnect(&mut caller, grant, id).await?;
    Ok(NoContent)
}
