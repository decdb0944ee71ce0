//! Listing grants.

use std::collections::HashMap;

use domain::GrantId;
use domain::perm::View;
use store::grants::Binding;

use super::view::GrantView;
use crate::answer::{Listed, PageQuery};
use crate::extract::{Json, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// `GET /api/v1/grants`: grants, newest first, revoked ones too.
#[utoipa::path(get, path = "/api/v1/grants", tag = "grants", params(PageQuery),
    responses((status = 200, body = Listed<GrantView>)))]
pub(crate) async fn list(
    mut caller: Can<View>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listed<GrantView>>, Failure> {
    let tx = caller.tx().await?;
    let grants = tx.list_grants(query.page()).await?;
    let ids: Vec<GrantId> = grants.rows.iter().map(|grant| grant.id).collect();
    let mut bindings: HashMap<GrantId, Vec<Binding>> = HashMap::new();
    for binding in tx.list_bindings(&ids).await? {
        bindings.entry(binding.grant_id).or_default().push(binding);
    }
    Ok(Json(Listed::of(grants, |grant| {
        let its = bindings.remove(&grant.id).unwrap_or_default();
        GrantView::new(&caller, grant, its)
    })))
}
