//! Reading one server.

use domain::ServerId;
use domain::perm::View;

use super::view::ServerView;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/servers/{id}`: one server.
#[utoipa::path(get, path = "/api/v1/servers/{id}", tag = "servers", params(("id" = String, Path)),
    responses((status = 200, body = ServerView)))]
pub(crate) async fn show(
    mut caller: Can<View>,
    Path(id): Path<ServerId>,
) -> Result<Json<ServerView>, Failure> {
    ServerView::read(&mut caller, id).await.map(Json)
}
