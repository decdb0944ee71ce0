//! Publishing a document.

use domain::PolicyId;
use domain::perm::WritePolicies;
use serde::Serialize;

use super::view::{ProblemView, problems};
use crate::acts;
use crate::acts::policies::{PublishForm, Published};
use crate::extract::{IfMatch, Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// A version that was just published.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PublishedView {
    /// Its number.
    version: i32,
    /// What is probably not meant. Lines are those of the normal form.
    warnings: Vec<ProblemView>,
}

impl From<Published> for PublishedView {
    fn from(published: Published) -> Self {
        Self { version: published.version, warnings: problems(published.warnings) }
    }
}

/// `PUT /api/v1/policies/{id}/document`: publish a new version. This replica enforces it before it
/// answers, the others a moment later. With `If-Match: "3"` only if version 3 is still the live
/// one; else 412.
#[utoipa::path(put, path = "/api/v1/policies/{id}/document", tag = "policies",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body = PublishForm, responses((status = 200, body = PublishedView)))]
pub(crate) async fn publish(
    mut caller: Can<WritePolicies>,
    Path(id): Path<PolicyId>,
    IfMatch(expected): IfMatch,
    Json(form): Json<PublishForm>,
) -> Result<Json<PublishedView>, Failure> {
    let published = acts::policies::publish(&mut caller, id, expected, &form).await?;
    Ok(Json(published.into()))
}
