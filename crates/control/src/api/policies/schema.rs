//! The policy language, for editors.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::guard::Anyone;

/// `GET /api/v1/policy-schema.json`: the JSON Schema of policy documents, so that editors complete
/// and check them.
#[utoipa::path(get, path = "/api/v1/policy-schema.json", tag = "about",
    responses((status = 200, body = Object, content_type = "application/schema+json")))]
pub(crate) async fn schema(_: Anyone) -> Response {
    let headers = [(CONTENT_TYPE, "application/schema+json"), (CACHE_CONTROL, "no-cache")];
    (headers, policy::json_schema().to_string()).into_response()
}
