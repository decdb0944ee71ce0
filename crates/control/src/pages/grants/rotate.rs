//! A new token for a grant.

use domain::GrantId;
use domain::perm::ManageGrants;
use serde::Deserialize;

use super::create::GrantMade;
use crate::acts;
use crate::acts::grants::RotateForm;
use crate::extract::{Form, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// What the form sends: how long the old token goes on working.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    overlap: u32,
}

/// `POST /o/{organisation}/grants/{id}/rotate`. The answer is a page, not a redirect: it is the
/// only time that the token can be shown.
pub(crate) async fn rotate(
    mut caller: Can<ManageGrants>,
    Path(id): Path<GrantId>,
    Form(typed): Form<Typed>,
) -> Result<GrantMade, Failure> {
    let form = RotateForm { overlap_seconds: typed.overlap };
    let minted = acts::grants::rotate(&mut caller, id, &form).await?;
    GrantMade::of(&mut caller, minted, true).await
}
