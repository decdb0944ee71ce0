//! Reading a server's tools again.

use axum::response::Response;
use domain::perm::ManageServers;

use super::named;
use crate::acts;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{count, done};
use crate::urls;

/// `POST /o/{organisation}/servers/{server}/discover`.
pub(crate) async fn discover(
    mut caller: Can<ManageServers>,
    Path(slug): Path<String>,
) -> Result<Response, Failure> {
    let server = named(&mut caller, &slug).await?;
    // Nothing is open while the server is waited for.
    caller.close();
    let changes = acts::discovery::discover(caller.app(), caller.tenant(), server.id).await?;
    let size = |n: usize| i128::try_from(n).unwrap_or(i128::MAX);
    let parts: Vec<String> =
        [("new", changes.added), ("changed", changes.changed), ("gone", changes.removed)]
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(what, n)| format!("{} {what}", count(size(n), "tool")))
            .collect();
    let text = match parts.as_slice() {
        [] => "Read again. Nothing has changed.".to_owned(),
        parts => format!("Read again: {}.", parts.join(", ")),
    };
    Ok(done(caller.app().settings(), &urls::item(caller.slug(), "servers", &server.slug), &text))
}
