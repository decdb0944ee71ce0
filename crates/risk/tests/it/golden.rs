//! What is said about every tool of three real servers, kept word by word.

use std::fmt::Write;

use risk::{Assessment, ToolInput, classify};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A tool of a recorded `tools/list`, and what we say of it.
pub(crate) struct Classified {
    pub(crate) name: String,
    pub(crate) schema: Option<String>,
    pub(crate) assessment: Assessment,
}

#[derive(Deserialize)]
struct Listing {
    tools: Vec<Tool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tool {
    name: String,
    title: Option<String>,
    #[serde(default)]
    description: String,
    input_schema: Option<Box<RawValue>>,
    annotations: Option<Box<RawValue>>,
}

/// Every tool of a recorded list.
#[expect(clippy::unwrap_used, reason = "the fixtures are ours")]
pub(crate) fn classified(server_name: &str, list: &str) -> Vec<Classified> {
    let listing: Listing = serde_json::from_str(list).unwrap();
    let classify_one = |tool: Tool| {
        let assessment = classify(&ToolInput {
            server_name,
            server_description: "",
            name: &tool.name,
            title: tool.title.as_deref(),
            description: &tool.description,
            input_schema: tool.input_schema.as_deref().map(RawValue::get),
            annotations: tool.annotations.as_deref().map(RawValue::get),
        });
        let schema = tool.input_schema.map(|raw| raw.get().to_owned());
        Classified { name: tool.name, schema, assessment }
    };
    listing.tools.into_iter().map(classify_one).collect()
}

#[expect(clippy::unwrap_used, reason = "a string can always be written to")]
fn told(server_name: &str, list: &str) -> String {
    let mut text = String::new();
    for tool in classified(server_name, list) {
        let Assessment { category, level, confidence, .. } = tool.assessment;
        writeln!(text, "{}: {category:?} {level:?} {confidence}%", tool.name).unwrap();
        if let Some(reason) = tool.assessment.level_reason {
            writeln!(text, "  level: {reason}").unwrap();
        }
        for found in tool.assessment.evidence {
            writeln!(text, "  {:?} {:?}: {}", found.source, found.quote, found.why).unwrap();
        }
        writeln!(text, "  {:?} {:?}", tool.assessment.signals, tool.assessment.attack_patterns)
            .unwrap();
    }
    text
}

#[test]
fn a_workflow_server() {
    insta::assert_snapshot!(told("spark", include_str!("../fixtures/spark.json")));
}

#[test]
fn a_file_server() {
    insta::assert_snapshot!(told("filesystem", include_str!("../fixtures/filesystem.json")));
}

#[test]
fn a_repository_server() {
    insta::assert_snapshot!(told("git", include_str!("../fixtures/git.json")));
}
