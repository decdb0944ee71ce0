//! Making a policy.

use domain::perm::WritePolicies;
use serde::Serialize;

use super::view::{PolicyView, ProblemView, problems};
use crate::acts;
use crate::acts::policies::PolicyForm;
use crate::answer::Created;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// A policy that was just made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct NewPolicyView {
    #[serde(flatten)]
    policy: PolicyView,
    /// What is probably not meant. Lines are those of the normal form.
    warnings: Vec<ProblemView>,
}

/// `POST /api/v1/policies`: make a policy with its first version.
#[utoipa::path(post, path = "/api/v1/policies", tag = "policies", request_body = PolicyForm,
    responses((status = 201, body = NewPolicyView)))]
pub(crate) async fn create(
    mut caller: Can<WritePolicies>,
    Json(form): Json<PolicyForm>,
) -> Result<Created<NewPolicyView>, Failure> {
    let (id, warnings) = acts::policies::create(&mut caller, form).await?;
    let policy = acts::policies::find(&mut caller, id).await?;
    let policy = PolicyView::new(policy)?;
    Ok(Created(NewPolicyView { policy, warnings: problems(warnings) }))
}
