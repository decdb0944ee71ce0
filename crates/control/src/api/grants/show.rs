//! Reading one grant.

use domain::GrantId;
use domain::perm::View;

use super::view::GrantView;
use crate::acts;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/grants/{id}`: one grant.
#[utoipa::path(get, path = "/api/v1/grants/{id}", tag = "grants", params(("id" = String, Path)),
    responses((status = 200, body = GrantView)))]
pub(crate) async fn show(
    mut caller: Can<View>,
    Path(id): Path<GrantId>,
) -> Result<Json<GrantView>, Failure> {
    let (grant, bindings) = acts::grants::find(&mut caller, id).await?;
    Ok(Json(GrantView::new(&caller, grant, bindings)))
}
