//! An older version, published again.

use axum::response::Response;
use domain::PolicyId;
use domain::perm::WritePolicies;
use serde::Deserialize;

use crate::acts;
use crate::extract::{Form, Path};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::done;
use crate::urls;

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Typed {
    version: i32,
}

/// `POST /o/{organisation}/policies/{id}/restore`.
pub(crate) async fn restore(
    mut caller: Can<WritePolicies>,
    Path(id): Path<PolicyId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let published = acts::policies::restore(&mut caller, id, typed.version).await?;
    let text =
        format!("Version {} is in force: version {} again.", published.version, typed.version);
    Ok(done(caller.app().settings(), &urls::item(caller.slug(), "policies", id), &text))
}
