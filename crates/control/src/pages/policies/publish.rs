//! Publishing: the text, or without scripts the table, becomes the next version.

use axum::response::{IntoResponse, Response};
use domain::PolicyId;
use domain::perm::WritePolicies;

use super::edit::{Again, PolicyPage};
use super::table::{Fields, Table};
use crate::acts;
use crate::acts::policies::{DocumentText, PublishForm};
use crate::extract::{Form, Path};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{News, belongs_in_form, count, done};
use crate::urls;

/// `POST /o/{organisation}/policies/{id}`. What is refused, or would replace a version that this
/// page has not seen, comes back with everything that was typed.
pub(crate) async fn publish(
    mut caller: Can<WritePolicies>,
    Path(id): Path<PolicyId>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let fields: Fields = fields.into_iter().collect();
    let document = document(&mut caller, id, &fields).await?;
    let comment = fields.get("comment").filter(|text| !text.trim().is_empty()).cloned();
    // A form that does not say what it was made from replaces nothing.
    let expected = fields.get("version").and_then(|version| version.parse().ok()).unwrap_or(0);
    let typed = comment.clone().unwrap_or_default();
    let form = PublishForm { document: DocumentText(document.clone()), comment };
    match acts::policies::publish(&mut caller, id, Some(expected), &form).await {
        Ok(published) => {
            let warnings = match published.warnings.len() {
                0 => String::new(),
                n => format!(" It has {}.", count(i128::try_from(n).unwrap_or(0), "warning")),
            };
            let text = format!("Version {} is in force.{warnings}", published.version);
            // The builder's script lets go of the draft that this version was made from.
            let url = urls::item(caller.slug(), "policies", id);
            let url = format!("{url}?published={}", published.version);
            Ok(done(caller.app().settings(), &url, &text))
        }
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let version = Some(expected);
            let again = Again { document, version, comment: typed, refused: Some(&refused) };
            let page = PolicyPage::of(&mut caller, News::default(), id, Some(again)).await?;
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

/// The document that the form means: its text, or its table laid over the live version.
async fn document(
    caller: &mut Can<WritePolicies>,
    id: PolicyId,
    fields: &Fields,
) -> Result<String, Failure> {
    if fields.get("source").is_some_and(|source| source == "table") {
        let live = acts::policies::find(caller, id).await?;
        let tape = json::parse(live.document.as_bytes()).map_err(Failure::internal)?;
        return Ok(Table::read(tape.root()).laid(fields));
    }
    Ok(fields.get("document").cloned().unwrap_or_default())
}
