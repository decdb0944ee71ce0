//! Tools: from what a server lists to what is stored, judged and reviewed.

use domain::perm::WritePolicies;
use domain::{Permission, ServerId, ToolState};
use mcp::discover::ToolDefinition;
use mcp::lists::Element;
use policy::{Category, ToolFacts};
use risk::{Assessment, ToolInput};
use serde::Deserialize;
use serde_json::Value;
use store::Event;
use store::servers::Server;
use store::tools::{ListedTool, Tool};

use crate::failure::{Failure, Kind};
use crate::guard::Can;
use crate::hex::hex;

/// A verdict on a definition that waits.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewForm {
    /// The fingerprint that was looked at: another one is not released by it.
    pub(crate) fingerprint: String,
    /// Releases the definition, or keeps it quarantined.
    pub(crate) accept: bool,
}

/// A tool as it is stored, classified; `None` for one whose name cannot be stored.
pub(super) fn listed(
    server_name: &str,
    server_description: &str,
    tool: &ToolDefinition,
) -> Option<ListedTool> {
    if tool.name.contains('\0') {
        return None;
    }
    let description = tool.description.as_deref().unwrap_or_default();
    let assessment = risk::classify(&ToolInput {
        server_name,
        server_description,
        name: &tool.name,
        title: tool.title.as_deref(),
        description,
        input_schema: Some(&tool.input_schema_raw),
        annotations: tool.annotations_raw.as_deref(),
    });
    Some(ListedTool {
        name: tool.name.clone(),
        title: tool.title.as_deref().map(without_nul),
        description: without_nul(description),
        definition: tool.raw.clone(),
        input_schema: Some(tool.input_schema_raw.clone()),
        annotations: tool.annotations_raw.clone(),
        fingerprint: tool.fingerprint,
        category: assessment.category.as_str().to_owned(),
        level: word(&assessment.level),
        assessment: storable(serde_json::to_value(&assessment).unwrap_or_default()),
    })
}

/// Postgres has no NUL, neither in text nor in JSON; a stranger may have sent one.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn storable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(storable).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(key, value)| (key, storable(value))).collect())
        }
        other => other,
    }
}

/// The word that an enum is serialised as.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// What a policy must know of these tools. The gateway reads them by the same rules.
pub(crate) fn facts(tools: &[Tool]) -> Vec<ToolFacts> {
    tools.iter().filter_map(fact).collect()
}

fn fact(tool: &Tool) -> Option<ToolFacts> {
    // A category that this release does not know is taken for the gravest.
    let category = Category::parse(&tool.category).unwrap_or(Category::Financial);
    let state = match tool.state {
        ToolState::Removed => return None,
        ToolState::Current => policy::ToolState::Current,
        // What only reads is accepted by itself.
        ToolState::New if category == Category::Read => policy::ToolState::Current,
        ToolState::New => policy::ToolState::New,
        ToolState::Changed => policy::ToolState::Quarantined,
    };
    Some(ToolFacts {
        name: tool.name.clone(),
        category,
        risk: tool.level.clone(),
        input_schema: tool.input_schema.clone(),
        annotations: tool.annotations.clone(),
        state,
    })
}

/// A tool of which nothing but the name is known, for policies without a server.
pub(crate) fn imagined(name: &str) -> ToolFacts {
    let assessment = risk::classify(&ToolInput { name, ..ToolInput::default() });
    ToolFacts {
        name: name.to_owned(),
        category: assessment.category,
        risk: word(&assessment.level),
        input_schema: None,
        annotations: None,
        state: policy::ToolState::Current,
    }
}

/// The stored assessment of a tool; none if another release wrote it in another form.
pub(crate) fn assessment(tool: &Tool) -> Option<Assessment> {
    Assessment::deserialize(&tool.assessment).ok()
}

/// The tools of a server that is there.
pub(crate) async fn list<P: Permission>(
    caller: &mut Can<P>,
    server: ServerId,
) -> Result<(Server, Vec<Tool>), Failure> {
    let found = super::servers::find(caller, server).await?;
    let tools = caller.tx().await?.list_tools(server).await?;
    Ok((found, tools))
}

/// Releases a definition that waits, or keeps it quarantined; only the one that was looked at.
pub(crate) async fn review(
    caller: &mut Can<WritePolicies>,
    server: ServerId,
    name: &str,
    form: &ReviewForm,
) -> Result<(), Failure> {
    let found = super::servers::find(caller, server).await?;
    let waiting = caller.tx().await?.find_waiting_tool(server, name).await?;
    let waiting = waiting.ok_or_else(|| {
        Failure::new(Kind::NotFound, "No definition of a tool of this name waits for review.")
    })?;
    if hex(&waiting.fingerprint) != form.fingerprint {
        return Err(changed_again());
    }
    if form.accept {
        let accepted = read(&found, name, &waiting.definition)?;
        if !caller.tx().await?.accept_tool(server, &accepted).await? {
            return Err(changed_again());
        }
    }
    let (tool, accepted) = (name.to_owned(), form.accept);
    caller.commit(Event::ToolReviewed { server, tool, accepted }).await
}

fn changed_again() -> Failure {
    Failure::new(
        Kind::Conflict,
        "The definition that waits is another one than you looked at. Look at it, then decide.",
    )
    .at("/fingerprint", "this is not the definition that waits")
}

/// A stored definition, read and classified again.
fn read(server: &Server, name: &str, definition: &str) -> Result<ListedTool, Failure> {
    let tape = json::parse(definition.as_bytes()).map_err(Failure::internal)?;
    let tool = ToolDefinition::new(&Element { name: name.into(), node: tape.root() });
    listed(server.server_name.as_deref().unwrap_or_default(), "", &tool)
        .ok_or_else(|| Failure::internal("a stored tool has a name that cannot be stored"))
}
