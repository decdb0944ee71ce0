//! The kill switch of one server.

use domain::ServerId;
use domain::perm::ManageServers;

use super::view::ServerView;
use crate::acts;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/servers/{id}/pause`: nothing is forwarded to it from now on.
#[utoipa::path(post, path = "/api/v1/servers/{id}/pause", tag = "servers",
    params(("id" = String, Path)), responses((status = 200, body = ServerView)))]
pub(crate) async fn pause(
    mut caller: Can<ManageServers>,
    Path(id): Path<ServerId>,
) -> Result<Json<ServerView>, Failure> {
    acts::servers::pause(&mut caller, id, true).await?;
    ServerView::read(&mut caller, id).await.map(Json)
}

/// `POST /api/v1/servers/{id}/resume`: calls are forwarded again, as their policies say.
#[utoipa::path(post, path = "/api/v1/servers/{id}/resume", tag = "servers",
    params(("id" = String, Path)), responses((status = 200, body = ServerView)))]
pub(crate) async fn resume(
    mut caller: Can<ManageServers>,
    Path(id): Path<ServerId>,
) -> Result<Json<ServerView>, Failure> {
    acts::servers::pause(&mut caller, id, false).await?;
    ServerView::read(&mut caller, id).await.map(Json)
}
