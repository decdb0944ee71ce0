//! Listing policies.

use domain::perm::View;

use super::view::PolicyView;
use crate::answer::{Listed, PageQuery};
use crate::extract::{Json, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/policies`: policies with their live documents, newest first.
#[utoipa::path(get, path = "/api/v1/policies", tag = "policies", params(PageQuery),
    responses((status = 200, body = Listed<PolicyView>)))]
pub(crate) async fn list(
    mut caller: Can<View>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listed<PolicyView>>, Failure> {
    let policies = caller.tx().await?.list_policies(query.page()).await?;
    Listed::try_of(policies, PolicyView::new).map(Json)
}
