//! The entrance: one definition in, one assessment out.

use policy::Category;

use crate::assessment::Assessment;
use crate::schema::Schema;
use crate::words::{self, Word};
use crate::{judge, level, signals};

/// What is known of a tool. All of it is the server's own word.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToolInput<'a> {
    /// The server's name.
    pub server_name: &'a str,
    /// What the server says of itself; empty when it says nothing.
    pub server_description: &'a str,
    /// The tool's name.
    pub name: &'a str,
    /// Its title for people.
    pub title: Option<&'a str>,
    /// Its description; empty when it has none.
    pub description: &'a str,
    /// Its input schema, as JSON.
    pub input_schema: Option<&'a str>,
    /// Its annotations, as JSON.
    pub annotations: Option<&'a str>,
}

/// A definition, read.
pub(crate) struct Definition<'a> {
    pub(crate) input: &'a ToolInput<'a>,
    pub(crate) name: Vec<Word<'a>>,
    pub(crate) description: Vec<Word<'a>>,
    pub(crate) schema: Schema,
    pub(crate) claims: Claims,
}

/// The annotations that may raise a risk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// `readOnlyHint` is false.
    pub(crate) changes: bool,
    /// `destructiveHint` is true.
    pub(crate) destroys: bool,
}

impl Claims {
    fn read(raw: Option<&str>) -> Self {
        let value: serde_json::Value =
            raw.and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
        let hint = |name: &str| value.get(name).and_then(serde_json::Value::as_bool);
        Self {
            changes: hint("readOnlyHint") == Some(false),
            destroys: hint("destructiveHint") == Some(true),
        }
    }
}

/// Says what a tool can do. The same definition always gets the same answer.
pub fn classify(tool: &ToolInput<'_>) -> Assessment {
    let definition = Definition {
        input: tool,
        name: without_server(words::of_name(tool.name), tool.server_name),
        description: words::of_prose(tool.description),
        schema: Schema::read(tool.input_schema),
        claims: Claims::read(tool.annotations),
    };
    let mut verdict = judge::judge(&definition);
    let signals = signals::signals(&definition, &verdict);
    let (level, level_reason) = level::level(&definition, verdict.category, &signals);
    Assessment {
        category: verdict.category,
        level,
        level_reason,
        confidence: verdict.confidence,
        evidence: std::mem::take(&mut verdict.evidence),
        attack_patterns: signals::attack_patterns(&definition, verdict.category, level, &signals),
        signals,
    }
}

/// `asana_create_task` of the server `asana` is `create_task`; never less than one word is left.
fn without_server<'a>(mut words: Vec<Word<'a>>, server: &str) -> Vec<Word<'a>> {
    let server = words::of_name(server);
    while words.len() > 1
        && words.first().is_some_and(|first| {
            server.iter().any(|word| word.lower == first.lower)
                && crate::lexicon::verb(&first.lower)
                    .is_none_or(|verb| verb.category <= Category::Read)
        })
    {
        words.remove(0);
    }
    words
}
