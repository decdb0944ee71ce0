//! A client gives back what it holds (RFC 7009).

use http::StatusCode;

use super::params::Params;
use super::{Refused, Word};
use crate::acts;
use crate::extract::Form;
use crate::guard::Anyone;

/// `POST /revoke`: the connection of the token ends, with all its tokens. A token that is not (or
/// no longer) known is as good as revoked.
pub(crate) async fn revoke(
    caller: Anyone,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<StatusCode, Refused> {
    let params = Params::of(fields);
    let token = params.one("token")?;
    let token = token.ok_or_else(|| Refused::new(Word::InvalidRequest, "token is required"))?;
    acts::connections::revoke(&caller, token, params.one("client_id")?).await?;
    Ok(StatusCode::OK)
}
