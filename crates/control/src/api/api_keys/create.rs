//! Making a key.

use chrono::{DateTime, Utc};
use domain::perm::ManageKeys;
use domain::{ApiKeyId, Role};
use serde::Serialize;

use crate::acts;
use crate::acts::keys::KeyForm;
use crate::answer::Created;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// A key that was just made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct NewKeyView {
    #[schema(value_type = String, example = "key_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: ApiKeyId,
    name: String,
    #[schema(value_type = String, example = "policy_manager")]
    role: Role,
    expires_at: Option<DateTime<Utc>>,
    /// The key itself. It is shown this once.
    #[schema(example = "dbk_…")]
    token: String,
}

/// `POST /api/v1/api-keys`: make a key.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api keys", request_body = KeyForm,
    responses((status = 201, body = NewKeyView)))]
pub(crate) async fn create(
    mut caller: Can<ManageKeys>,
    Json(form): Json<KeyForm>,
) -> Result<Created<NewKeyView>, Failure> {
    let (name, role, expires_at) = (form.name.trim().to_owned(), form.role, form.expires_at);
    let (id, token) = acts::keys::create(&mut caller, form).await?;
    let token = token.reveal().to_owned();
    Ok(Created(NewKeyView { id, name, role, expires_at, token }))
}
