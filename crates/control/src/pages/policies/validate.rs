//! What there is to say of a text while it is typed: asked by the builder's script.

use domain::perm::View;
use domain::{PolicyId, ServerId};
use policy::Checked;
use serde::Deserialize;

use crate::acts;
use crate::acts::policies::DocumentText;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// The text, and the server whose tools it is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    document: DocumentText,
    #[serde(default)]
    server_id: Option<ServerId>,
}

/// `POST /o/{organisation}/policies/{id}/validate`.
pub(crate) async fn validate(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
    Json(asked): Json<Asked>,
) -> Result<Json<Checked>, Failure> {
    acts::policies::find(&mut caller, id).await?;
    acts::policies::validate(&mut caller, &asked.document.0, asked.server_id).await.map(Json)
}
