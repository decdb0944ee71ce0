//! Listing a server's tools, with what each can do.

use domain::perm::View;
use domain::{ServerId, ToolState};
use risk::Style;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use store::tools::Tool;

use crate::acts;
use crate::answer::Listed;
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;
use crate::hex::hex;

/// A tool as it is pinned, and what it can do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ToolView {
    /// Its name on the server.
    name: String,
    title: Option<String>,
    /// What it says it does.
    description: String,
    /// JSON Schema of its arguments, as the server wrote it.
    #[schema(value_type = Option<Object>)]
    input_schema: Option<Box<RawValue>>,
    /// The server's own claims about it.
    #[schema(value_type = Option<Object>)]
    annotations: Option<Box<RawValue>>,
    /// SHA-256 of the pinned definition in canonical form.
    fingerprint: String,
    /// `current`, `changed`, `new` or `removed`.
    #[schema(value_type = String, example = "current")]
    state: ToolState,
    /// The definition that waits for review, of a tool that changed.
    waiting: Option<WaitingView>,
    /// Category, level, confidence, and the words of the definition that decided.
    #[schema(value_type = Object)]
    risk: Value,
    /// The rule that is recommended for it.
    #[schema(value_type = Option<Object>)]
    recommended_rule: Option<Value>,
}

/// A definition that waits for review.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct WaitingView {
    /// What a review must name.
    fingerprint: String,
    /// The definition, as the server wrote it.
    #[schema(value_type = Option<Object>)]
    definition: Option<Box<RawValue>>,
}

impl From<Tool> for ToolView {
    fn from(tool: Tool) -> Self {
        let recommended_rule = acts::tools::assessment(&tool).map(|assessment| {
            let schema = tool.input_schema.as_deref();
            risk::recommended_rule(&assessment, &tool.name, Style::Balanced, schema)
        });
        let waiting = tool.seen_fingerprint.map(|fingerprint| WaitingView {
            fingerprint: hex(&fingerprint),
            definition: raw(tool.seen_definition),
        });
        Self {
            name: tool.name,
            title: tool.title,
            description: tool.description,
            input_schema: raw(tool.input_schema),
            annotations: raw(tool.annotations),
            fingerprint: hex(&tool.fingerprint),
            state: tool.state,
            waiting,
            risk: tool.assessment,
            recommended_rule,
        }
    }
}

fn raw(json: Option<String>) -> Option<Box<RawValue>> {
    json.and_then(|text| RawValue::from_string(text).ok())
}

/// `GET /api/v1/servers/{id}/tools`: its tools in its own order, those no longer listed last.
#[utoipa::path(get, path = "/api/v1/servers/{id}/tools", tag = "servers",
    params(("id" = String, Path)), responses((status = 200, body = Listed<ToolView>)))]
pub(crate) async fn tools(
    mut caller: Can<View>,
    Path(id): Path<ServerId>,
) -> Result<Json<Listed<ToolView>>, Failure> {
    let (_, tools) = acts::tools::list(&mut caller, id).await?;
    Ok(Json(Listed::whole(tools.into_iter().map(ToolView::from).collect())))
}
