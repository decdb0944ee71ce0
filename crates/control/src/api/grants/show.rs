//! Reading one grant.

use domain::GrantId;
use domain::perm::View;

use super::view::ShownGrant;
use crate::acts;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/grants/{id}`: one grant, with the clients that logged in to use it.
#[utoipa::path(get, path = "/api/v1/grants/{id}", tag = "grants", params(("id" = String, Path)),
    responses((status = 200, body = ShownGrant)))]
pub(crate) async fn show(
    mut caller: Can<View>,
    Path(id): Path<GrantId>,
) -> Result<Json<ShownGrant>, Failure> {
    let (grant, bindings) = acts::grants::find(&mut caller, id).await?;
    let connections = acts::connections::list(&mut caller, id).await?;
    Ok(Json(ShownGrant::new(&caller, grant, bindings, connections)))
}
