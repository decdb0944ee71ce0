//! What this authorization server can do (RFC 8414).

use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use serde_json::json;

use super::SCOPE;
use crate::extract::Json;
use crate::guard::Anyone;
use crate::urls;

/// `GET /.well-known/oauth-authorization-server`. The issuer is the public URL.
pub(crate) async fn metadata(caller: Anyone) -> Response {
    let issuer = urls::issuer(caller.app().settings());
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "registration_endpoint": format!("{issuer}/register"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "scopes_supported": [SCOPE],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "client_id_metadata_document_supported": true,
        "authorization_response_iss_parameter_supported": true,
        "service_documentation": format!("{issuer}/docs/"),
    });
    ([(CACHE_CONTROL, "max-age=300")], Json(document)).into_response()
}
