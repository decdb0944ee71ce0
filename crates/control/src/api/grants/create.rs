//! Minting a grant.

use domain::perm::ManageGrants;

use super::view::MintedView;
use crate::acts;
use crate::acts::grants::GrantForm;
use crate::answer::Created;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/grants`: mint a grant. Its token is shown this once.
#[utoipa::path(post, path = "/api/v1/grants", tag = "grants", request_body = GrantForm,
    responses((status = 201, body = MintedView)))]
pub(crate) async fn create(
    mut caller: Can<ManageGrants>,
    Json(form): Json<GrantForm>,
) -> Result<Created<MintedView>, Failure> {
    let minted = acts::grants::create(&mut caller, form).await?;
    Ok(Created(MintedView::new(&caller, minted)))
}
