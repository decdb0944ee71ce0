//! What changed between versions, or would change with a draft.

use domain::PolicyId;
use domain::perm::View;
use serde::{Deserialize, Serialize};

use crate::acts;
use crate::acts::policies::DocumentText;
use crate::extract::{Json, Path, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// What changed, in words.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChangesView {
    changes: Vec<ChangeView>,
}

/// One change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChangeView {
    /// Where: a JSON Pointer into the newer document, or into the older one if `removed`.
    #[schema(example = "/tools/create_charge/limits/0")]
    pointer: String,
    /// Whether the newer document no longer has the place.
    removed: bool,
    /// `looser`, `stricter`, `either` (call by call) or `neither` (other words, another order).
    #[schema(example = "looser")]
    bearing: &'static str,
    /// A sentence for people.
    #[schema(example = "create_charge: limit 30 → 60 calls a minute")]
    summary: String,
}

impl From<Vec<policy::Change>> for ChangesView {
    fn from(changes: Vec<policy::Change>) -> Self {
        let view = |change: policy::Change| ChangeView {
            pointer: change.pointer,
            removed: change.removed,
            bearing: change.bearing.as_str(),
            summary: change.summary,
        };
        Self { changes: changes.into_iter().map(view).collect() }
    }
}

/// Which versions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Between {
    from: Option<i32>,
    to: Option<i32>,
}

/// A draft, and the policy whose live version it is held against.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompareForm {
    /// The policy.
    #[schema(value_type = String)]
    policy_id: PolicyId,
    /// The draft.
    #[schema(value_type = Object)]
    document: DocumentText,
}

/// `GET /api/v1/policies/{id}/diff`: what changed from one version to another. Left out, `to` is
/// the live one and `from` the one before.
#[utoipa::path(get, path = "/api/v1/policies/{id}/diff", tag = "policies",
    params(("id" = String, Path), ("from" = Option<i32>, Query), ("to" = Option<i32>, Query)),
    responses((status = 200, body = ChangesView)))]
pub(crate) async fn diff(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
    Query(between): Query<Between>,
) -> Result<Json<ChangesView>, Failure> {
    let (_, _, changes) = acts::policies::diff(&mut caller, id, between.from, between.to).await?;
    Ok(Json(changes.into()))
}

/// `POST /api/v1/policies/diff`: what a draft would change of what is in force. Nothing is saved.
#[utoipa::path(post, path = "/api/v1/policies/diff", tag = "policies",
    request_body = CompareForm, responses((status = 200, body = ChangesView)))]
pub(crate) async fn compare(
    mut caller: Can<View>,
    Json(form): Json<CompareForm>,
) -> Result<Json<ChangesView>, Failure> {
    let changes = acts::policies::compare(&mut caller, form.policy_id, &form.document).await?;
    Ok(Json(changes.into()))
}
