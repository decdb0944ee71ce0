//! The arguments of a tool, for the builder's field picker: asked by its script when a rule is
//! opened, because the schemas of a thousand tools would be most of the page.

use domain::perm::View;
use domain::{PolicyId, ToolState};
use policy::Field;
use serde::{Deserialize, Serialize};

use crate::acts;
use crate::extract::{Json, Path, Query};
use crate::failure::Failure;
use crate::guard::Can;

/// Which tool.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    #[serde(default)]
    tool: String,
}

#[derive(Serialize)]
pub(crate) struct Answer {
    fields: Vec<Field>,
}

/// `GET /o/{organisation}/policies/{id}/fields`. Empty for a tool that the policy's server lacks.
pub(crate) async fn fields(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
    Query(asked): Query<Asked>,
) -> Result<Json<Answer>, Failure> {
    let policy = acts::policies::find(&mut caller, id).await?;
    let tools = match policy.server_id {
        Some(server) => acts::tools::list(&mut caller, server).await?.1,
        None => Vec::new(),
    };
    let is_asked =
        |tool: &&store::tools::Tool| tool.name == asked.tool && tool.state != ToolState::Removed;
    let schema = tools.iter().find(is_asked).and_then(|tool| tool.input_schema.as_deref());
    Ok(Json(Answer { fields: schema.map(policy::fields).unwrap_or_default() }))
}
