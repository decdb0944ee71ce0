//! Stopping what goes to a server, and letting it go on.

use axum::response::Response;
use domain::perm::ManageServers;

use super::named;
use crate::acts;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::done;
use crate::urls;

/// `POST /o/{organisation}/servers/{server}/pause`.
pub(crate) async fn pause(
    caller: Can<ManageServers>,
    Path(slug): Path<String>,
) -> Result<Response, Failure> {
    switch(caller, &slug, true, "is paused. Every call to it is refused.").await
}

/// `POST /o/{organisation}/servers/{server}/resume`.
pub(crate) async fn resume(
    caller: Can<ManageServers>,
    Path(slug): Path<String>,
) -> Result<Response, Failure> {
    switch(caller, &slug, false, "is back. Calls are judged by their policies again.").await
}

async fn switch(
    mut caller: Can<ManageServers>,
    slug: &str,
    paused: bool,
    what: &str,
) -> Result<Response, Failure> {
    let server = named(&mut caller, slug).await?;
    acts::servers::pause(&mut caller, server.id, paused).await?;
    let page = urls::item(caller.slug(), "servers", &server.slug);
    Ok(done(caller.app().settings(), &page, &format!("{} {what}", server.name)))
}
