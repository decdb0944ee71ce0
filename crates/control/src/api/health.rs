//! Whether the process lives, and whether it can do its work.

use axum::response::{IntoResponse, Response};

use crate::failure::{Failure, Kind};
use crate::guard::Anyone;

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz(_: Anyone) -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers too.
pub(crate) async fn readyz(caller: Anyone) -> Result<Response, Failure> {
    caller.app().store().ping().await.map_err(|cause| {
        Failure::new(Kind::Unavailable, "The database does not answer.").because(cause)
    })?;
    Ok("ready\n".into_response())
}
