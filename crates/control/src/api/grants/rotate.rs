//! Giving a grant a new token.

use domain::GrantId;
use domain::perm::ManageGrants;

use super::view::MintedView;
use crate::acts;
use crate::acts::grants::RotateForm;
use crate::extract::{Json, OptionalJson, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/grants/{id}/rotate`: a new token; the old one works for the overlap.
#[utoipa::path(post, path = "/api/v1/grants/{id}/rotate", tag = "grants",
    params(("id" = String, Path)), request_body = Option<RotateForm>,
    responses((status = 200, body = MintedView)))]
pub(crate) async fn rotate(
    mut caller: Can<ManageGrants>,
    Path(id): Path<GrantId>,
    OptionalJson(form): OptionalJson<RotateForm>,
) -> Result<Json<MintedView>, Failure> {
    let minted = acts::grants::rotate(&mut caller, id, &form).await?;
    Ok(Json(MintedView::new(&caller, minted)))
}
