//! Making an account.

use serde::Serialize;

use crate::acts;
use crate::acts::accounts::{Account, SignUpForm};
use crate::answer::Created;
use crate::api::me::{OrganisationBrief, UserView};
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Anyone;

/// A person and the organisation that was made with them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AccountView {
    user: UserView,
    organisation: OrganisationBrief,
}

/// `POST /api/v1/auth/signup`: a person, an organisation, and its first admin.
#[utoipa::path(post, path = "/api/v1/auth/signup", tag = "auth", request_body = SignUpForm,
    responses((status = 201, body = AccountView)))]
pub(crate) async fn signup(
    caller: Anyone,
    Json(form): Json<SignUpForm>,
) -> Result<Created<AccountView>, Failure> {
    let Account { user, organisation } = acts::accounts::sign_up(&caller, form).await?;
    Ok(Created(AccountView { user: user.into(), organisation: organisation.into() }))
}
