//! Taking over documents of other kinds.

use domain::ServerId;
use domain::perm::View;
use policy::{Dialect, Document, Note, Others};
use serde::{Deserialize, Serialize};

use super::view::{ProblemView, problems};
use crate::acts;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// A text to take over.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportForm {
    /// The text: a policy of Drawbridge or `PolicyLayer`, rules of tools alone, or a policy of
    /// Intercept in YAML.
    text: String,
    /// The server whose tools warnings go by.
    #[schema(value_type = Option<String>)]
    server_id: Option<ServerId>,
    /// What becomes of prompts, resources and server requests that the text says nothing about:
    /// `inherit` (the default) or `allow`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "inherit")]
    others: Others,
}

/// What a text becomes. Nothing was saved.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ImportView {
    /// The document, in its normal form.
    #[schema(value_type = Object)]
    document: Document,
    /// What it was: `drawbridge`, `policy_layer`, `fragment` or `intercept`.
    #[schema(value_type = String, example = "intercept")]
    dialect: Dialect,
    /// What is not quite as it was, most important first.
    report: Vec<NoteView>,
    /// What is probably not meant. Lines are those of the normal form.
    warnings: Vec<ProblemView>,
}

/// One thing that is not quite as it was.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct NoteView {
    /// `stricter`, `check` or `dropped`.
    #[schema(example = "stricter")]
    weight: &'static str,
    /// Where, as a JSON Pointer into the document; empty for the whole of it.
    #[schema(example = "/tools/create_issue/limits/0")]
    pointer: String,
    /// The line of the text that it comes from.
    line: Option<u32>,
    /// What is so.
    what: String,
    /// Why, or what to do about it.
    why: String,
}

impl From<Note> for NoteView {
    fn from(note: Note) -> Self {
        let Note { weight, pointer, line, what, why } = note;
        Self { weight: weight.as_str(), pointer, line, what, why }
    }
}

/// `POST /api/v1/policies/import`: see what a document of another kind becomes here, and what
/// changes in meaning. Nothing is saved.
#[utoipa::path(post, path = "/api/v1/policies/import", tag = "policies",
    request_body = ImportForm, responses((status = 200, body = ImportView)))]
pub(crate) async fn import(
    mut caller: Can<View>,
    Json(form): Json<ImportForm>,
) -> Result<Json<ImportView>, Failure> {
    let (imported, warnings) =
        acts::policies::import(&mut caller, &form.text, form.server_id, form.others).await?;
    Ok(Json(ImportView {
        document: imported.document,
        dialect: imported.dialect,
        report: imported.report.into_iter().map(NoteView::from).collect(),
        warnings: problems(warnings),
    }))
}
