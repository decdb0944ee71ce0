//! The table of the builder as the server reads and writes it: one choice a tool. What takes more
//! to say than a choice is `custom`, and left alone. With scripts the browser edits the text
//! itself (`static/js/builder`); this is the way without them, and the first picture with them.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// The choice that holds for one tool by its own rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// `allow`, `limit`, `approve`, `deny`, `hide`, `custom`; empty where it has no rule.
    pub(super) segment: &'static str,
    /// Of a limit.
    pub(super) max: String,
    /// Of a limit.
    pub(super) window: String,
    /// Arguments are checked against the schema.
    pub(super) checks: bool,
}

/// A document as a table.
pub(super) struct Table {
    document: Map<String, Value>,
}

/// The fields of the table in a form: `rule[TOOL]`, `max[TOOL]`, `window[TOOL]`, `default`,
/// `all_max`, `all_window`.
pub(super) type Fields = HashMap<String, String>;

impl Table {
    /// The table of a document in its normal form; empty where it is none.
    pub(super) fn read(document: &str) -> Self {
        let document = serde_json::from_str(document).unwrap_or_default();
        Self { document }
    }

    /// Whether tools without a rule are allowed.
    pub(super) fn allows_by_default(&self) -> bool {
        self.document.get("default").is_some_and(|default| default == "allow")
    }

    /// The limit on all tools together, as two fields; empty where there is none or another.
    pub(super) fn all_tools_limit(&self) -> (String, String) {
        let limits = self.document.get("all_tools").and_then(|all| all.get("limits"));
        limits.and_then(only).and_then(simple_limit).unwrap_or_default()
    }

    /// The choice that holds for a tool.
    pub(super) fn choice(&self, tool: &str) -> Choice {
        let name = literal(tool);
        if self.hides(&name) {
            return Choice { segment: "hide", ..Choice::default() };
        }
        let rule = self.document.get("tools").and_then(|tools| tools.get(&name));
        rule.map(choice_of).unwrap_or_default()
    }

    fn hides(&self, name: &str) -> bool {
        let hide = self.document.get("hide").and_then(Value::as_array);
        hide.is_some_and(|hide| hide.iter().any(|entry| entry == name))
    }

    /// Lays the fields of a form over the document; what they do not change stays.
    pub(super) fn lay(&mut self, fields: &Fields) {
        if let Some(default @ ("allow" | "deny")) = fields.get("default").map(String::as_str) {
            self.document.insert("default".to_owned(), json!(default));
        }
        self.lay_all_tools(fields);
        for (field, segment) in fields {
            let tool = field.strip_prefix("rule[").and_then(|rest| rest.strip_suffix(']'));
            if let Some(tool) = tool {
                self.lay_tool(tool, segment, fields);
            }
        }
    }

    /// The document as text.
    pub(super) fn text(&self) -> String {
        Value::Object(self.document.clone()).to_string()
    }

    fn lay_all_tools(&mut self, fields: &Fields) {
        let (Some(max), Some(window)) = (fields.get("all_max"), fields.get("all_window")) else {
            return;
        };
        let now = self.all_tools_limit();
        if (max, window) == (&now.0, &now.1) || (max.is_empty() && now.0.is_empty()) {
            return;
        }
        let all = self.document.entry("all_tools").or_insert_with(|| json!({}));
        let limits = match max.as_str() {
            "" => json!([]),
            max => json!([limit("all_tools_rate", max, window)]),
        };
        if let Some(all) = all.as_object_mut() {
            all.insert("limits".to_owned(), limits);
        }
    }

    fn lay_tool(&mut self, tool: &str, segment: &str, fields: &Fields) {
        let field = |kind: &str| fields.get(&format!("{kind}[{tool}]"));
        let now = self.choice(tool);
        let (max, window) = (field("max").cloned(), field("window").cloned());
        let same_limit = segment != "limit"
            || (max.as_ref(), window.as_ref()) == (Some(&now.max), Some(&now.window));
        if now.segment == segment && same_limit {
            return;
        }
        let name = literal(tool);
        let rule = match segment {
            "allow" => json!({}),
            "deny" => json!({ "action": "deny" }),
            "approve" => json!({ "action": "require_approval" }),
            "limit" => {
                let counter = format!("{tool}_rate");
                let (max, window) = (max.unwrap_or_default(), window.unwrap_or_default());
                json!({ "limits": [limit(&counter, &max, &window)] })
            }
            "hide" => json!({ "action": "hide" }),
            _ => return,
        };
        self.unhide(&name);
        let tools = self.document.entry("tools").or_insert_with(|| json!({}));
        if let Some(tools) = tools.as_object_mut() {
            tools.insert(name, rule);
        }
    }

    fn unhide(&mut self, name: &str) {
        if let Some(hide) = self.document.get_mut("hide").and_then(Value::as_array_mut) {
            hide.retain(|entry| entry != name);
        }
    }
}

/// A limit of calls for each grant. Text that is no number is kept, so that its error is told.
fn limit(counter: &str, max: &str, window: &str) -> Value {
    let max: Value = serde_json::from_str(max).unwrap_or_else(|_no_number| json!(max));
    let counter: String =
        counter.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    json!({ "counter": counter, "window": window, "max": max, "scope": "grant" })
}

/// A name as a pattern that means just that name.
fn literal(name: &str) -> String {
    name.replace('\\', "\\\\").replace('*', "\\*")
}

fn choice_of(rule: &Value) -> Choice {
    const CUSTOM: Choice =
        Choice { segment: "custom", max: String::new(), window: String::new(), checks: false };
    let Some(rule) = rule.as_object() else { return CUSTOM };
    let checks = rule.get("validate_arguments").is_some_and(|checks| checks == true);
    let parts: Vec<(&str, &Value)> = rule
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .filter(|(key, _)| *key != "validate_arguments")
        .collect();
    let plain = |segment| Choice { segment, checks, ..Choice::default() };
    match parts.as_slice() {
        [] => plain("allow"),
        [("deny_if", list)] if only(list).is_some_and(always) => plain("deny"),
        [("approve_if", list)] if only(list).is_some_and(always) => plain("approve"),
        [("limits", list)] => match only(list).and_then(simple_limit) {
            Some((max, window)) => Choice { max, window, ..plain("limit") },
            None => CUSTOM,
        },
        _ => CUSTOM,
    }
}

/// The one element of a list that has one.
fn only(list: &Value) -> Option<&Value> {
    match list.as_array().map(Vec::as_slice) {
        Some([only]) => Some(only),
        _ => None,
    }
}

/// A predicate without conditions, which always holds.
fn always(predicate: &Value) -> bool {
    predicate.get("conditions").and_then(Value::as_array).is_some_and(Vec::is_empty)
}

/// `max` and `window` of a limit that two fields can show.
fn simple_limit(limit: &Value) -> Option<(String, String)> {
    const KNOWN: [&str; 5] = ["counter", "window", "max", "scope", "on_deny"];
    let fields = limit.as_object()?;
    let is_plain = fields.keys().all(|key| KNOWN.contains(&key.as_str()))
        && fields.get("scope").is_none_or(|scope| scope == "grant");
    let text = |key: &str| {
        fields.get(key).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
    };
    is_plain.then(|| Some((text("max")?, text("window")?))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"version":"1","default":"deny","hide":["gone","a\\*b"],
        "all_tools":{"limits":[{"counter":"c","window":"minute","max":60,"scope":"grant"}]},
        "tools":{"open":{},"no":{"deny_if":[{"conditions":[]}]},
            "ask":{"approve_if":[{"conditions":[],"on_deny":"Why"}],"validate_arguments":true},
            "few":{"limits":[{"counter":"few_rate","window":"hour","max":5,"scope":"grant"}]},
            "odd":{"limits":[{"counter":"x","window":"day","max":5,"scope":"server"}]}}}"#;

    fn laid(fields: &[(&str, &str)]) -> policy::Document {
        let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let mut table = Table::read(DOCUMENT);
        table.lay(&fields);
        policy::parse(&table.text()).unwrap()
    }

    #[test]
    fn each_rule_is_read_as_the_choice_that_it_is() {
        let table = Table::read(DOCUMENT);
        let segment = |tool| table.choice(tool).segment;
        assert_eq!(
            ["gone", "a*b", "open", "no", "ask", "few", "odd", "new"].map(segment),
            ["hide", "hide", "allow", "deny", "approve", "limit", "custom", ""]
        );
        let few = table.choice("few");
        assert_eq!((few.max.as_str(), few.window.as_str()), ("5", "hour"));
        assert!(table.choice("ask").checks);
        assert_eq!(table.all_tools_limit(), ("60".to_owned(), "minute".to_owned()));
    }

    #[test]
    fn an_untouched_form_changes_nothing() {
        let untouched = laid(&[
            ("rule[open]", "allow"),
            ("rule[no]", "deny"),
            ("rule[ask]", "approve"),
            ("rule[few]", "limit"),
            ("max[few]", "5"),
            ("window[few]", "hour"),
            ("rule[gone]", "hide"),
            ("max[odd]", ""),
            ("window[odd]", "minute"),
            ("default", "deny"),
            ("all_max", "60"),
            ("all_window", "minute"),
        ]);
        assert_eq!(untouched.to_json(), policy::parse(DOCUMENT).unwrap().to_json());
    }

    #[test]
    fn choices_of_a_form_become_rules() {
        let document = laid(&[
            ("rule[open]", "hide"),
            ("rule[gone]", "allow"),
            ("rule[new]", "limit"),
            ("max[new]", "7"),
            ("window[new]", "day"),
            ("rule[few]", "approve"),
            ("rule[no]", "limit"),
            ("max[no]", "1"),
            ("window[no]", "minute"),
            ("default", "allow"),
            ("all_max", ""),
            ("all_window", "minute"),
        ]);
        let table = Table::read(&document.to_json());
        let segment = |tool| table.choice(tool).segment;
        assert_eq!(
            ["open", "gone", "new", "few", "no", "odd"].map(segment),
            ["hide", "allow", "limit", "approve", "limit", "custom"]
        );
        assert!(table.allows_by_default());
        assert_eq!(table.all_tools_limit(), (String::new(), String::new()));
        assert_eq!(table.choice("new").max, "7");
    }

    #[test]
    fn a_limit_that_is_no_number_is_told_as_an_error() {
        let fields = [("rule[new]", "limit"), ("max[new]", "many"), ("window[new]", "day")];
        let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let mut table = Table::read(DOCUMENT);
        table.lay(&fields);
        let problems = policy::parse(&table.text()).unwrap_err();
        assert_eq!(problems[0].pointer, "/tools/new/limits/0/max");
    }
}
