//! The tools that a policy is for, from a file: an answer of `tools/list`, or of the admin API.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use policy::{Category, Document, ToolFacts, ToolState};
use risk::{Level, ToolInput};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::file;

/// The forms that such files have.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Mcp { tools: Vec<Tool> },
    Api { data: Vec<Tool> },
    Bare(Vec<Tool>),
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    title: Option<String>,
    description: Option<String>,
    #[serde(alias = "inputSchema")]
    input_schema: Option<serde_json::Value>,
    annotations: Option<serde_json::Value>,
    /// What the admin API says of it.
    risk: Option<Assessed>,
}

#[derive(Deserialize)]
struct Assessed {
    category: String,
    level: Option<String>,
}

/// The tools of a file.
pub(super) fn read(path: &Path) -> Result<Vec<ToolFacts>> {
    let text = file::text(path)?;
    let listed: Listed = serde_json::from_str(&text).with_context(|| {
        format!("{}: neither an answer of tools/list nor one of the admin API", path.display())
    })?;
    let (Listed::Mcp { tools } | Listed::Api { data: tools } | Listed::Bare(tools)) = listed;
    Ok(tools.into_iter().map(fact).collect())
}

/// The tools of an answer of the admin API.
pub(in crate::cli) fn of_answer(answer: &RawValue) -> Result<Vec<ToolFacts>> {
    let listed: Listed = serde_json::from_str(answer.get())?;
    let (Listed::Mcp { tools } | Listed::Api { data: tools } | Listed::Bare(tools)) = listed;
    Ok(tools.into_iter().map(fact).collect())
}

fn fact(tool: Tool) -> ToolFacts {
    let text = |value: Option<serde_json::Value>| {
        value.filter(|value| !value.is_null()).map(|value| value.to_string())
    };
    let (schema, annotations) = (text(tool.input_schema), text(tool.annotations));
    let seen = risk::classify(&ToolInput {
        name: &tool.name,
        title: tool.title.as_deref(),
        description: tool.description.as_deref().unwrap_or_default(),
        input_schema: schema.as_deref(),
        annotations: annotations.as_deref(),
        ..ToolInput::default()
    });
    let told = tool.risk.as_ref();
    ToolFacts {
        category: told.and_then(|risk| Category::parse(&risk.category)).unwrap_or(seen.category),
        risk: told.and_then(|risk| risk.level.clone()).unwrap_or_else(|| word(seen.level)),
        name: tool.name,
        input_schema: schema,
        annotations,
        state: ToolState::Current,
    }
}

/// Of tools of which nothing is known, those that a policy and its tests name.
pub(in crate::cli) fn imagined(
    document: &Document,
    tests: &[policy::suite::Test],
) -> Vec<ToolFacts> {
    let exact = document.tool_names().filter(|name| !name.contains(['*', '\\']));
    let names: BTreeSet<&str> = exact.chain(tests.iter().map(|test| test.tool.as_str())).collect();
    let bare = |name: &str| Tool {
        name: name.to_owned(),
        title: None,
        description: None,
        input_schema: None,
        annotations: None,
        risk: None,
    };
    names.into_iter().map(|name| fact(bare(name))).collect()
}

fn word(level: Level) -> String {
    let word = serde_json::to_value(level).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}
