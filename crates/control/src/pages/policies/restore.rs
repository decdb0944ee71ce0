//! An older version, published again.

use axum::response::{IntoResponse, Response};
use domain::PolicyId;
use domain::perm::WritePolicies;
use serde::Deserialize;

use super::versions::VersionList;
use crate::acts;
use crate::extract::{Form, Path};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{News, belongs_in_form, done};
use crate::urls;

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Typed {
    version: i32,
    /// The version in force that the page showed. A form that does not say it replaces nothing.
    #[serde(default)]
    live: i32,
}

/// `POST /o/{organisation}/policies/{id}/restore`. What is refused, or would replace a version that
/// the page has not shown, is told above the versions.
pub(crate) async fn restore(
    mut caller: Can<WritePolicies>,
    Path(id): Path<PolicyId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let Typed { version, live } = typed;
    match acts::policies::restore(&mut caller, id, version, Some(live)).await {
        Ok(published) => {
            let text =
                format!("Version {} is in force: version {version} again.", published.version);
            Ok(done(caller.app().settings(), &urls::item(caller.slug(), "policies", id), &text))
        }
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let page = VersionList::of(&mut caller, News::default(), id, Some(&refused)).await?;
            Ok((refused.kind().status(), page).into_response())
        }
    }
}
