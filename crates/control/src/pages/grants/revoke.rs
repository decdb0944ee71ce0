//! The end of a grant.

use axum::response::Response;
use domain::GrantId;
use domain::perm::ManageGrants;

use crate::acts;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::done;
use crate::urls;

/// `POST /o/{organisation}/grants/{id}/revoke`.
pub(crate) async fn revoke(
    mut caller: Can<ManageGrants>,
    Path(id): Path<GrantId>,
) -> Result<Response, Failure> {
    acts::grants::revoke(&mut caller, id).await?;
    let page = urls::item(caller.slug(), "grants", id);
    Ok(done(caller.app().settings(), &page, "Grant revoked. Its token is refused from now on."))
}
