//! Recommending a document.

use domain::ServerId;
use domain::perm::View;
use risk::Style;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::acts;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// For which server, and how strict.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecommendForm {
    /// The server whose tools it is for.
    #[schema(value_type = String)]
    server_id: ServerId,
    /// `strict`, `balanced` or `observe`.
    #[schema(value_type = String, example = "balanced")]
    style: Style,
}

/// A recommended document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RecommendationView {
    #[schema(value_type = Object)]
    document: Value,
}

/// `POST /api/v1/policies/recommend`: a document for all tools of a server, by what each can do.
#[utoipa::path(post, path = "/api/v1/policies/recommend", tag = "policies",
    request_body = RecommendForm, responses((status = 200, body = RecommendationView)))]
pub(crate) async fn recommend(
    mut caller: Can<View>,
    Json(form): Json<RecommendForm>,
) -> Result<Json<RecommendationView>, Failure> {
    let document = acts::policies::recommend(&mut caller, form.server_id, form.style).await?;
    Ok(Json(RecommendationView { document }))
}
