//! Checking a document.

use domain::ServerId;
use domain::perm::View;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::view::{ProblemView, problems};
use crate::acts;
use crate::acts::policies::DocumentText;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// A document to check.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValidateForm {
    /// The document, as JSON or as the text of it.
    #[schema(value_type = Object)]
    document: DocumentText,
    /// The server whose tools warnings go by.
    #[schema(value_type = Option<String>)]
    server_id: Option<ServerId>,
}

/// Everything there is to say of a document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ValidationView {
    valid: bool,
    /// What is wrong, all at once.
    errors: Vec<ProblemView>,
    /// What is probably not meant.
    warnings: Vec<ProblemView>,
    /// The normal form of a valid document.
    #[schema(value_type = Option<Object>)]
    normalised: Option<Box<RawValue>>,
}

/// `POST /api/v1/policies/validate`: check a document. 200 also when it is not valid.
#[utoipa::path(post, path = "/api/v1/policies/validate", tag = "policies",
    request_body = ValidateForm, responses((status = 200, body = ValidationView)))]
pub(crate) async fn validate(
    mut caller: Can<View>,
    Json(form): Json<ValidateForm>,
) -> Result<Json<ValidationView>, Failure> {
    let found = acts::policies::validate(&mut caller, &form.document.0, form.server_id).await?;
    Ok(Json(ValidationView {
        valid: found.valid,
        errors: problems(found.errors),
        warnings: problems(found.warnings),
        normalised: found.normalised,
    }))
}
