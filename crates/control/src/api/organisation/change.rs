//! Changing the organisation.

use domain::perm::ManageSettings;

use super::show::OrganisationView;
use crate::acts;
use crate::acts::organisation::OrganisationForm;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// `PATCH /api/v1/organisation`: name and settings; what is left out stays.
#[utoipa::path(patch, path = "/api/v1/organisation", tag = "organisation",
    request_body = OrganisationForm, responses((status = 200, body = OrganisationView)))]
pub(crate) async fn change(
    mut caller: Can<ManageSettings>,
    Json(form): Json<OrganisationForm>,
) -> Result<Json<OrganisationView>, Failure> {
    acts::organisation::change(&mut caller, form).await?;
    OrganisationView::read(&mut caller).await.map(Json)
}
