//! Accepting a definition that waits: a new tool, or a changed one.

use axum::response::Response;
use domain::perm::WritePolicies;
use serde::Deserialize;

use super::named;
use crate::acts;
use crate::acts::tools::ReviewForm;
use crate::extract::{Form, Path};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::done;
use crate::urls;

/// What the form sends: the tool, and the fingerprint of the definition that was shown.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    tool: String,
    fingerprint: String,
}

/// `POST /o/{organisation}/servers/{server}/review`.
pub(crate) async fn review(
    mut caller: Can<WritePolicies>,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let server = named(&mut caller, &slug).await?;
    let form = ReviewForm { fingerprint: typed.fingerprint, accept: true };
    acts::tools::review(&mut caller, server.id, &typed.tool, &form).await?;
    let page = urls::item(caller.slug(), "servers", &server.slug);
    let text = format!("{} accepted. Its policy decides about it now.", typed.tool);
    Ok(done(caller.app().settings(), &page, &text))
}
