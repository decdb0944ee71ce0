//! The versions of a policy. They never change; an older one is published again.

use chrono::{DateTime, Utc};
use domain::PolicyId;
use domain::perm::{View, WritePolicies};
use serde::Serialize;
use serde_json::value::RawValue;
use store::policies::PolicyVersion;

use super::publish::PublishedView;
use super::view::raw;
use crate::acts;
use crate::answer::Listed;
use crate::extract::{IfMatch, Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// A version, without its document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct VersionView {
    version: i32,
    /// What its author said of it.
    comment: String,
    /// Who published it.
    author: String,
    created_at: DateTime<Utc>,
}

impl From<PolicyVersion> for VersionView {
    fn from(version: PolicyVersion) -> Self {
        let PolicyVersion { version, comment, author, created_at, .. } = version;
        Self { version, comment, author, created_at }
    }
}

/// A version with its document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WholeVersionView {
    #[serde(flatten)]
    version: VersionView,
    /// The document, in its normal form.
    #[schema(value_type = Object)]
    document: Box<RawValue>,
}

/// `GET /api/v1/policies/{id}/versions`: the last 200 versions, newest first.
#[utoipa::path(get, path = "/api/v1/policies/{id}/versions", tag = "policies",
    params(("id" = String, Path)), responses((status = 200, body = Listed<VersionView>)))]
pub(crate) async fn list(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
) -> Result<Json<Listed<VersionView>>, Failure> {
    acts::policies::find(&mut caller, id).await?;
    let versions = caller.tx().await?.list_policy_versions(id).await?;
    Ok(Json(Listed::whole(versions.into_iter().map(VersionView::from).collect())))
}

/// `GET /api/v1/policies/{id}/versions/{n}`: one version with its document.
#[utoipa::path(get, path = "/api/v1/policies/{id}/versions/{n}", tag = "policies",
    params(("id" = String, Path), ("n" = i32, Path)),
    responses((status = 200, body = WholeVersionView)))]
pub(crate) async fn show(
    mut caller: Can<View>,
    Path((id, n)): Path<(PolicyId, i32)>,
) -> Result<Json<WholeVersionView>, Failure> {
    let version = caller.tx().await?.find_policy_version(id, n).await?;
    let mut version = version.ok_or_else(Failure::not_found)?;
    let document = raw(std::mem::take(&mut version.document))?;
    Ok(Json(WholeVersionView { version: version.into(), document }))
}

/// `POST /api/v1/policies/{id}/versions/{n}/restore`: publish its document again, as a new version.
/// With `If-Match: "3"` only if version 3 is still the live one; else 412.
#[utoipa::path(post, path = "/api/v1/policies/{id}/versions/{n}/restore", tag = "policies",
    params(("id" = String, Path), ("n" = i32, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = PublishedView)))]
pub(crate) async fn restore(
    mut caller: Can<WritePolicies>,
    Path((id, n)): Path<(PolicyId, i32)>,
    IfMatch(expected): IfMatch,
) -> Result<Json<PublishedView>, Failure> {
    let published = acts::policies::restore(&mut caller, id, n, expected).await?;
    Ok(Json(published.into()))
}
