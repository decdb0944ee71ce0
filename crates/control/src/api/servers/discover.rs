//! Discovering a server's tools again.

use domain::perm::ManageServers;
use domain::{ServerId, ServerStatus};
use serde::Serialize;

use crate::acts;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// What a discovery found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DiscoveryView {
    /// Tools not known before; they wait for review, unless they only read.
    added: usize,
    /// Tools whose definition differs from the pinned one; they wait for review.
    changed: usize,
    /// Tools that are no longer listed.
    removed: usize,
    /// Tools that are listed now.
    tools_count: i64,
    /// Where the server stands.
    #[schema(value_type = String, example = "ready")]
    status: ServerStatus,
    /// Why it could not be met, in a sentence; then nothing has changed.
    problem: Option<String>,
}

/// `POST /api/v1/servers/{id}/discover`: list the server's tools anew, in ten seconds at most.
#[utoipa::path(post, path = "/api/v1/servers/{id}/discover", tag = "servers",
    params(("id" = String, Path)), responses((status = 200, body = DiscoveryView)))]
pub(crate) async fn discover(
    mut caller: Can<ManageServers>,
    Path(id): Path<ServerId>,
) -> Result<Json<DiscoveryView>, Failure> {
    let found = acts::discovery::discover(caller.app(), caller.tenant(), id).await?;
    let server = acts::servers::find(&mut caller, id).await?;
    Ok(Json(DiscoveryView {
        added: found.added,
        changed: found.changed,
        removed: found.removed,
        tools_count: server.tools_count,
        status: server.status,
        problem: server.problem,
    }))
}
