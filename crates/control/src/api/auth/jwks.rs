//! The public keys of what is signed here.

use serde::Serialize;

use crate::extract::Json;
use crate::guard::Anyone;
use crate::token::Jwk;

/// A JSON Web Key Set (RFC 7517).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct KeySet {
    /// The key that signs access tokens, others whose tokens are good, and last the key that signs
    /// the heads of the audit logs.
    keys: Vec<Jwk>,
}

/// `GET /api/v1/auth/jwks.json`: the keys of access tokens and of audit checkpoints.
#[utoipa::path(get, path = "/api/v1/auth/jwks.json", tag = "auth",
    responses((status = 200, body = KeySet)))]
pub(crate) async fn jwks(caller: Anyone) -> Json<KeySet> {
    let mut keys = caller.app().token_keys().published().to_vec();
    let checkpoints = caller.app().checkpoint_key();
    keys.push(Jwk::of(checkpoints.kid(), checkpoints.text()));
    Json(KeySet { keys })
}
