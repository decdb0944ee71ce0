//! Listing keys.

use chrono::{DateTime, Utc};
use domain::perm::ManageKeys;
use domain::{ApiKeyId, Role};
use serde::Serialize;
use store::keys::ApiKey;

use crate::answer::{Listed, PageQuery};
use crate::extract::{Json, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// A key, without the key.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct KeyView {
    #[schema(value_type = String, example = "key_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: ApiKeyId,
    name: String,
    #[schema(value_type = String, example = "policy_manager")]
    role: Role,
    /// The key's last characters.
    hint: String,
    /// Who made it.
    created_by: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    used_at: Option<DateTime<Utc>>,
    /// The networks it may be used from; empty: from anywhere.
    allowed_addresses: Vec<String>,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            role: key.role,
            hint: key.hint,
            created_by: key.created_by,
            created_at: key.created_at,
            expires_at: key.expires_at,
            used_at: key.used_at,
            allowed_addresses: key.allowed_addresses,
        }
    }
}

/// `GET /api/v1/api-keys`: the keys, newest first.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "api keys", params(PageQuery),
    responses((status = 200, body = Listed<KeyView>)))]
pub(crate) async fn list(
    mut caller: Can<ManageKeys>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listed<KeyView>>, Failure> {
    let keys = caller.tx().await?.list_api_keys(query.page()).await?;
    Ok(Json(Listed::of(keys, KeyView::from)))
}
