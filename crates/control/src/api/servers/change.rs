//! Changing a server.

use domain::ServerId;
use domain::perm::ManageServers;

use super::view::ServerView;
use crate::acts;
use crate::acts::servers::ServerPatch;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `PATCH /api/v1/servers/{id}`: what is left out stays. Another origin drops the credentials.
/// After a change of address, transport or credentials the server is discovered again.
#[utoipa::path(patch, path = "/api/v1/servers/{id}", tag = "servers",
    params(("id" = String, Path)), request_body = ServerPatch,
    responses((status = 200, body = ServerView)))]
pub(crate) async fn change(
    mut caller: Can<ManageServers>,
    Path(id): Path<ServerId>,
    Json(patch): Json<ServerPatch>,
) -> Result<Json<ServerView>, Failure> {
    if acts::servers::change(&mut caller, id, patch).await? {
        acts::discovery::discover(caller.app(), caller.tenant(), id).await?;
    }
    ServerView::read(&mut caller, id).await.map(Json)
}
