//! Listing servers.

use domain::perm::View;

use super::view::ServerView;
use crate::answer::{Listed, PageQuery};
use crate::extract::{Json, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/servers`: servers, newest first.
#[utoipa::path(get, path = "/api/v1/servers", tag = "servers", params(PageQuery),
    responses((status = 200, body = Listed<ServerView>)))]
pub(crate) async fn list(
    mut caller: Can<View>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listed<ServerView>>, Failure> {
    let servers = caller.tx().await?.list_servers(query.page()).await?;
    Ok(Json(Listed::of(servers, |server| ServerView::new(&caller, server))))
}
