//! Trying a call on a document.

use domain::perm::View;
use policy::Explanation;

use crate::acts;
use crate::acts::policies::EvaluateForm;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/policies/evaluate`: what a document would decide of a call, with every step that
/// leads to it. Nothing is consumed or recorded.
#[utoipa::path(post, path = "/api/v1/policies/evaluate", tag = "policies",
    request_body = EvaluateForm, responses((status = 200, body = Object)))]
pub(crate) async fn evaluate(
    mut caller: Can<View>,
    Json(form): Json<EvaluateForm>,
) -> Result<Json<Explanation>, Failure> {
    acts::policies::evaluate(&mut caller, form).await.map(Json)
}
