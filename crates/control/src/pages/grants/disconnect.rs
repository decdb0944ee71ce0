//! The end of what a client was allowed.

use axum::response::Response;
use domain::perm::ManageGrants;
use domain::{ConnectionId, GrantId};

use crate::acts;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::done;
use crate::urls;

/// `POST /o/{organisation}/grants/{id}/connections/{connection}/delete`.
pub(crate) async fn disconnect(
    mut caller: Can<ManageGrants>,
    Path((grant, id)): Path<(GrantId, ConnectionId)>,
) -> Result<Response, Failure> {
    acts::connections::disconnect(&mut caller, grant, id).await?;
    let page = urls::item(caller.slug(), "grants", grant);
    Ok(done(
        caller.app().settings(),
        &page,
        "Client disconnected. Its tokens are refused from now on.",
    ))
}
