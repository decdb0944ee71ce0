//! From an assessment to policy: one rule for a tool, one document for a server.

use policy::Category;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::assessment::{Assessment, Level};
use crate::schema::{Schema, Shape};
use crate::signals;

/// What a day may cost where an amount can be read from the arguments, in the argument's own unit.
const SPEND_A_DAY: u32 = 1_000;
/// How much of a document is filled; what does not fit is denied by its default. The language
/// takes 256 KiB and 2 000 rules.
const DOCUMENT_BYTES: usize = 200 * 1024;
const DOCUMENT_RULES: usize = 1_900;

/// The longest name that a document can speak of, escapes included.
const NAME_BYTES: usize = 1_000;

/// How strict a recommendation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// What destroys is hidden, what costs money is denied.
    Strict,
    /// What destroys or costs money needs a person's approval.
    Balanced,
    /// As balanced, but only watching: calls go through and are recorded.
    Observe,
}

/// The rule for one tool, as a RULE of the policy language, or `{"action": "hide"}`.
pub fn recommended_rule(
    assessment: &Assessment,
    name: &str,
    style: Style,
    input_schema: Option<&str>,
) -> Value {
    let strict = style == Style::Strict;
    match assessment.category {
        Category::Read if assessment.level == Level::Low => json!({}),
        Category::Read | Category::Write => json!({ "limits": [rate(name, 30)] }),
        Category::Execute => json!({ "limits": [rate(name, 10)], "validate_arguments": true }),
        Category::Destructive if strict => json!({ "action": "hide" }),
        Category::Destructive => approval("A person must approve what cannot be undone."),
        Category::Financial if strict => json!({ "deny_if": [{
            "conditions": [], "on_deny": "Moving money is not allowed to agents.",
        }] }),
        Category::Financial => financial(name, input_schema),
    }
}

/// The document for all tools of a server. Everything else is denied, a tool whose name no document
/// can hold included.
pub fn recommended_policy(tools: &[(&str, &Assessment, Option<&str>)], style: Style) -> Value {
    let (mut hide, mut rules, mut size_bytes) = (Vec::new(), Map::new(), 0);
    let named = tools.iter().filter(|(name, ..)| can_be_named(name));
    for (name, assessment, schema) in named.take(DOCUMENT_RULES) {
        let rule = recommended_rule(assessment, name, style, *schema);
        let name = literally(name);
        size_bytes += 2 * name.len() + rule.to_string().len() + 8;
        if size_bytes > DOCUMENT_BYTES {
            break;
        }
        if rule.get("action").is_some() {
            hide.push(Value::from(name));
        } else {
            rules.insert(name, rule);
        }
    }
    let mut document = Map::new();
    document.insert("version".to_owned(), json!("1"));
    document.insert("default".to_owned(), json!("deny"));
    if style == Style::Observe {
        document.insert("mode".to_owned(), json!("observe"));
    }
    if !hide.is_empty() {
        document.insert("hide".to_owned(), Value::Array(hide));
    }
    document.insert("tools".to_owned(), Value::Object(rules));
    Value::Object(document)
}

fn approval(why: &str) -> Value {
    json!({ "approve_if": [{ "conditions": [], "on_deny": why }] })
}

/// Approval, and a spend limit where every call must name its amount: a limit on an optional
/// argument would refuse the calls that leave it out.
fn financial(name: &str, input_schema: Option<&str>) -> Value {
    let mut rule = approval("A person must approve what moves money.");
    let schema = Schema::read(input_schema);
    let amount = signals::amounts(&schema).find(|property| {
        property.shape == Shape::Number && property.required && is_plain(&property.path)
    });
    if let (Some(fields), Some(amount)) = (rule.as_object_mut(), amount) {
        let limit = json!({
            "counter": counter(name, "spend"), "window": "day", "max": SPEND_A_DAY,
            "scope": "grant", "increment_from": amount.path,
        });
        fields.insert("limits".to_owned(), json!([limit]));
    }
    rule
}

fn rate(name: &str, max: u32) -> Value {
    json!({ "counter": counter(name, "rate"), "window": "minute", "max": max, "scope": "grant" })
}

/// The counter that the language's own `rate_limit` would use.
fn counter(name: &str, what: &str) -> String {
    format!("{name}_{what}")
}

/// A name as a glob that means just that name.
fn literally(name: &str) -> String {
    name.replace('\\', "\\\\").replace('*', "\\*")
}

fn can_be_named(name: &str) -> bool {
    !name.is_empty() && literally(name).len() <= NAME_BYTES && !name.chars().any(char::is_control)
}

fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}
