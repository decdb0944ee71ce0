//! The kill switch of a whole organisation.

use domain::perm::ManageSettings;

use super::show::OrganisationView;
use crate::acts;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/organisation/pause`: every call is refused from now on.
#[utoipa::path(post, path = "/api/v1/organisation/pause", tag = "organisation",
    responses((status = 200, body = OrganisationView)))]
pub(crate) async fn pause(
    mut caller: Can<ManageSettings>,
) -> Result<Json<OrganisationView>, Failure> {
    acts::organisation::pause(&mut caller, true).await?;
    OrganisationView::read(&mut caller).await.map(Json)
}

/// `POST /api/v1/organisation/resume`: calls pass again, as their policies say.
#[utoipa::path(post, path = "/api/v1/organisation/resume", tag = "organisation",
    responses((status = 200, body = OrganisationView)))]
pub(crate) async fn resume(
    mut caller: Can<ManageSettings>,
) -> Result<Json<OrganisationView>, Failure> {
    acts::organisation::pause(&mut caller, false).await?;
    OrganisationView::read(&mut caller).await.map(Json)
}
