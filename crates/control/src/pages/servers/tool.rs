//! What can be said of a tool: what it can do, how bad that can be, and the words that say so.

use policy::Category;
use risk::{Source, Style};
use serde_json::Value;
use store::tools::Tool;

use crate::acts;

/// A tool's risk in words, for badges and for the evidence under them.
pub(in crate::pages) struct ToolWords {
    pub(in crate::pages) category: String,
    pub(in crate::pages) category_label: &'static str,
    pub(in crate::pages) level: String,
    pub(in crate::pages) level_label: &'static str,
    pub(in crate::pages) confidence: String,
    pub(in crate::pages) evidence: Vec<Evidence>,
    pub(in crate::pages) recommended: &'static str,
    pub(in crate::pages) recommended_rule: Value,
}

/// Words of a definition, and what they tell.
#[derive(Debug, Clone)]
pub(in crate::pages) struct Evidence {
    pub(in crate::pages) source: &'static str,
    pub(in crate::pages) quote: String,
    pub(in crate::pages) why: String,
}

impl ToolWords {
    /// The words for a tool as it is pinned.
    pub(in crate::pages) fn of(tool: &Tool) -> Self {
        let assessment = acts::tools::assessment(tool);
        let (confidence, evidence) = match &assessment {
            Some(found) => (
                format!("{} % sure", found.confidence),
                found.evidence.iter().map(Evidence::of).collect(),
            ),
            None => ("Read by another release; read the tools again".to_owned(), Vec::new()),
        };
        let rule = assessment.map_or(Value::Null, |found| {
            risk::recommended_rule(
                &found,
                &tool.name,
                Style::Balanced,
                tool.input_schema.as_deref(),
            )
        });
        Self {
            category_label: category_label(&tool.category),
            category: tool.category.clone(),
            level_label: level_label(&tool.level),
            level: tool.level.clone(),
            confidence,
            evidence,
            recommended: treatment(&rule),
            recommended_rule: rule,
        }
    }
}

impl Evidence {
    fn of(found: &risk::Evidence) -> Self {
        let source = match found.source {
            Source::Name => "Name",
            Source::Title => "Title",
            Source::Description => "Description",
            Source::Schema => "Input schema",
            Source::Annotations => "Annotations",
        };
        Self { source, quote: found.quote.clone(), why: found.why.clone() }
    }
}

/// What a recommended rule does with a tool, as a verb.
fn treatment(rule: &Value) -> &'static str {
    let has = |key| rule.get(key).is_some();
    match rule {
        Value::Null => "Deny",
        _ if rule.get("action").is_some_and(|action| action == "hide") => "Hide",
        _ if has("deny_if") => "Deny",
        _ if has("approve_if") => "Approve",
        _ if has("limits") => "Limit",
        _ => "Allow",
    }
}

/// A category as a badge shows it.
pub(in crate::pages) fn category_label(word: &str) -> &'static str {
    match Category::parse(word) {
        Some(Category::Read) => "Read",
        Some(Category::Write) => "Write",
        Some(Category::Execute) => "Execute",
        Some(Category::Destructive) => "Destructive",
        Some(Category::Financial) => "Financial",
        None => "Unknown",
    }
}

pub(in crate::pages) fn level_label(word: &str) -> &'static str {
    match word {
        "low" => "Low risk",
        "medium" => "Medium risk",
        "high" => "High risk",
        "critical" => "Critical risk",
        _ => "Unknown risk",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn recommendations_are_told_by_their_strictest_part() {
        let limit = json!({ "counter": "x" });
        assert_eq!(treatment(&json!({})), "Allow");
        assert_eq!(treatment(&json!({ "limits": [limit] })), "Limit");
        assert_eq!(treatment(&json!({ "approve_if": [{}], "limits": [limit] })), "Approve");
        assert_eq!(treatment(&json!({ "action": "hide" })), "Hide");
        assert_eq!(treatment(&Value::Null), "Deny");
    }
}
