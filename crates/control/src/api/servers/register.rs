//! Registering a server.

use domain::perm::ManageServers;

use super::view::ServerView;
use crate::acts;
use crate::acts::servers::ServerForm;
use crate::answer::Created;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/servers`: register a server, then discover its tools, in ten seconds at most. One
/// that cannot be met is registered all the same: `status` and `problem` say what is wrong. A
/// refused address is 422, and nothing is saved.
#[utoipa::path(post, path = "/api/v1/servers", tag = "servers", request_body = ServerForm,
    responses((status = 201, body = ServerView)))]
pub(crate) async fn register(
    mut caller: Can<ManageServers>,
    Json(form): Json<ServerForm>,
) -> Result<Created<ServerView>, Failure> {
    let id = acts::servers::register(&mut caller, form).await?;
    acts::discovery::discover(caller.app(), caller.tenant(), id).await?;
    ServerView::read(&mut caller, id).await.map(Created)
}
