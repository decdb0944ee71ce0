//! Putting a binding under another policy.

use domain::perm::WritePolicies;
use domain::{GrantId, PolicyId, ServerId};
use serde::Deserialize;

use super::view::GrantView;
use crate::acts;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// The policy of a binding.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BindPolicyForm {
    /// The policy; `null` denies everything.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<String>)]
    policy_id: Option<PolicyId>,
}

/// `PUT /api/v1/grants/{id}/bindings/{server_id}/policy`: an existing binding, another policy.
#[utoipa::path(put, path = "/api/v1/grants/{id}/bindings/{server_id}/policy", tag = "grants",
    params(("id" = String, Path), ("server_id" = String, Path)),
    request_body = BindPolicyForm, responses((status = 200, body = GrantView)))]
pub(crate) async fn bind_policy(
    mut caller: Can<WritePolicies>,
    Path((id, server)): Path<(GrantId, ServerId)>,
    Json(form): Json<BindPolicyForm>,
) -> Result<Json<GrantView>, Failure> {
    let (grant, bindings) =
        acts::grants::bind_policy(&mut caller, id, server, form.policy_id).await?;
    Ok(Json(GrantView::new(&caller, grant, bindings)))
}
