//! Deleting a server.

use axum::response::Response;
use domain::perm::ManageServers;

use super::named;
use crate::acts;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::done;
use crate::urls;

/// `POST /o/{organisation}/servers/{server}/delete`.
pub(crate) async fn remove(
    mut caller: Can<ManageServers>,
    Path(slug): Path<String>,
) -> Result<Response, Failure> {
    let server = named(&mut caller, &slug).await?;
    acts::servers::remove(&mut caller, server.id).await?;
    let list = urls::organisation(caller.slug(), "servers");
    Ok(done(caller.app().settings(), &list, &format!("{} deleted.", server.name)))
}
