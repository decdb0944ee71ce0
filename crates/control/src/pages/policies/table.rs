//! The table of the builder as the server reads and writes it: one choice a tool. What takes more
//! to say than a choice is `custom`, and left alone. What a form does not change stays as it is
//! written, numbers with all their digits. With scripts the browser edits the text itself
//! (`static/js/builder`); this is the way without them, and the first picture with them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use json::Node;

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

/// The limit on all tools together, as two fields.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Together {
    /// Empty where there is none.
    pub(super) max: String,
    pub(super) window: String,
    /// It takes more to say than the two fields.
    pub(super) custom: bool,
}

/// A document as a table.
pub(super) struct Table<'t> {
    root: Node<'t>,
    tools: HashMap<Cow<'t, str>, Node<'t>>,
    hidden: HashSet<Cow<'t, str>>,
}

/// The fields of the table in a form: `rule[TOOL]`, `max[TOOL]`, `window[TOOL]`, `default`,
/// `all_max`, `all_window`.
pub(super) type Fields = HashMap<String, String>;

/// Members of an object by their keys: new values, or `None` for those that go.
type Changes = BTreeMap<String, Option<String>>;

impl<'t> Table<'t> {
    /// The table of a document in its normal form.
    pub(super) fn read(root: Node<'t>) -> Self {
        let tools = root.get("tools").into_iter().flat_map(Node::members);
        let hidden = root.get("hide").into_iter().flat_map(Node::items);
        Self {
            root,
            tools: tools.map(|member| (member.key(), member.value)).collect(),
            hidden: hidden.filter_map(Node::as_str).collect(),
        }
    }

    /// Whether tools without a rule are allowed.
    pub(super) fn allows_by_default(&self) -> bool {
        self.root.get("default").is_some_and(|default| default.is_str("allow"))
    }

    /// The limit on all tools together.
    pub(super) fn all_tools_limit(&self) -> Together {
        let limits = self.root.pointer("/all_tools/limits").filter(|limits| !limits.is_empty());
        let Some(limits) = limits else { return Together::default() };
        match only(limits).and_then(simple_limit) {
            Some((max, window)) => Together { max, window, custom: false },
            None => Together { custom: true, ..Together::default() },
        }
    }

    /// The choice that holds for a tool.
    pub(super) fn choice(&self, tool: &str) -> Choice {
        let name = literal(tool);
        if self.hidden.contains(name.as_str()) {
            return Choice { segment: "hide", ..Choice::default() };
        }
        self.tools.get(name.as_str()).map(|rule| choice_of(*rule)).unwrap_or_default()
    }

    /// The document with the fields of a form laid over it.
    pub(super) fn laid(&self, fields: &Fields) -> String {
        let mut root = Changes::new();
        if let Some(default @ ("allow" | "deny")) = fields.get("default").map(String::as_str) {
            root.insert("default".to_owned(), Some(json::quoted(default)));
        }
        self.lay_all_tools(fields, &mut root);
        self.lay_tools(fields, &mut root);
        object(Some(self.root), root, "") + "\n"
    }

    fn lay_all_tools(&self, fields: &Fields, root: &mut Changes) {
        let (Some(max), Some(window)) = (fields.get("all_max"), fields.get("all_window")) else {
            return;
        };
        let now = self.all_tools_limit();
        let is_same = max == &now.max && (max.is_empty() || window == &now.window);
        if is_same || now.custom {
            return;
        }
        let all = self.root.get("all_tools");
        let changed = match (all, max.as_str()) {
            (Some(all), max) if !max.is_empty() && !now.max.is_empty() => {
                Some(limit_in_place(all, max, window))
            }
            (all, "") => {
                let others = all.is_some_and(|all| all.len() > 1);
                let limits = Changes::from([("limits".to_owned(), None)]);
                others.then(|| object(all, limits, "  "))
            }
            (all, max) => {
                let limits = format!("[{}]", limit("all_tools_rate", max, window));
                Some(object(all, Changes::from([("limits".to_owned(), Some(limits))]), "  "))
            }
        };
        root.insert("all_tools".to_owned(), changed);
    }

    fn lay_tools(&self, fields: &Fields, root: &mut Changes) {
        let (mut tools, mut hidden) = (Changes::new(), BTreeMap::new());
        for (field, segment) in fields {
            let tool = field.strip_prefix("rule[").and_then(|rest| rest.strip_suffix(']'));
            let Some(tool) = tool else { continue };
            let name = literal(tool);
            let rule = match self.rule(tool, segment, fields) {
                Laid::Nothing => continue,
                Laid::Hidden => None,
                Laid::Rule(rule) => Some(rule),
            };
            hidden.insert(name.clone(), rule.is_none());
            tools.insert(name, rule);
        }
        if tools.is_empty() {
            return;
        }
        let written = self.root.get("tools");
        root.insert("tools".to_owned(), Some(object(written, tools, "  ")));
        let written = self.root.get("hide").into_iter().flat_map(Node::items);
        let stays = |entry: &Node<'_>| match entry.as_str() {
            Some(name) => hidden.get(&*name).is_none_or(|hides| *hides),
            None => true,
        };
        let mut hide: Vec<_> = written.filter(stays).map(|e| e.raw_str().to_owned()).collect();
        let new = hidden.iter().filter(|(name, hides)| **hides && !self.hidden.contains(&***name));
        hide.extend(new.map(|(name, _)| json::quoted(name)));
        let hide = (!hide.is_empty()).then(|| wrapped("[", &hide, "]", "  "));
        root.insert("hide".to_owned(), hide);
    }

    /// What the fields make of a tool's rule.
    fn rule(&self, tool: &str, segment: &str, fields: &Fields) -> Laid {
        let field = |kind: &str| {
            fields.get(&format!("{kind}[{tool}]")).map(String::as_str).unwrap_or_default()
        };
        let now = self.choice(tool);
        let (max, window) = (field("max"), field("window"));
        let is_same_limit = segment != "limit" || (max, window) == (&*now.max, &*now.window);
        if now.segment == segment && is_same_limit {
            return Laid::Nothing;
        }
        let mut parts = match segment {
            "hide" => return Laid::Hidden,
            "limit" if now.segment == "limit" => {
                let rule = self.tools.get(literal(tool).as_str());
                return rule
                    .map_or(Laid::Nothing, |rule| Laid::Rule(limit_in_place(*rule, max, window)));
            }
            "allow" => vec![],
            "deny" => vec![r#""deny_if": [{ "conditions": [] }]"#.to_owned()],
            "approve" => vec![r#""approve_if": [{ "conditions": [] }]"#.to_owned()],
            "limit" => {
                vec![format!("\"limits\": [{}]", limit(&format!("{tool}_rate"), max, window))]
            }
            _ => return Laid::Nothing,
        };
        if now.checks {
            parts.push(r#""validate_arguments": true"#.to_owned());
        }
        Laid::Rule(wrapped("{", &parts, "}", "    "))
    }
}

/// What fields make of a tool's rule.
enum Laid {
    /// They change nothing.
    Nothing,
    /// The tool is hidden, which is no rule.
    Hidden,
    /// This, as JSON.
    Rule(String),
}

// === Writing ===

/// An object with some of its members changed; all others stay as they are written.
fn object(node: Option<Node<'_>>, mut changes: Changes, indent: &str) -> String {
    let mut members = Vec::new();
    for member in node.into_iter().flat_map(Node::members) {
        let key = member.key();
        let value = match changes.remove(&*key) {
            Some(change) => change,
            None => Some(member.value.raw_str().to_owned()),
        };
        members.extend(value.map(|value| format!("{}: {value}", json::quoted(&key))));
    }
    let new = changes.into_iter().filter_map(|(key, value)| Some((key, value?)));
    members.extend(new.map(|(key, value)| format!("{}: {value}", json::quoted(&key))));
    wrapped("{", &members, "}", indent)
}

/// Parts of an object or list, one a line.
fn wrapped(open: &str, parts: &[String], close: &str, indent: &str) -> String {
    if parts.is_empty() {
        return format!("{open}{close}");
    }
    let parts = parts.join(&format!(",\n{indent}  "));
    format!("{open}\n{indent}  {parts}\n{indent}{close}")
}

/// A limit of calls for each grant.
fn limit(counter: &str, max: &str, window: &str) -> String {
    let counter: String =
        counter.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let counter = json::quoted(&counter);
    let (max, window) = (number_or_text(max), window_of(window));
    format!(r#"{{ "counter": {counter}, "window": {window}, "max": {max}, "scope": "grant" }}"#)
}

/// A rule whose one limit has other numbers; its counter and its words stay.
fn limit_in_place(rule: Node<'_>, max: &str, window: &str) -> String {
    let start = rule.span().start;
    let edit = |pointer: &str, text: String| {
        let span = rule.pointer(pointer)?.span();
        Some((span.start - start..span.end - start, Cow::Owned(text.into_bytes())))
    };
    let edits =
        [edit("/limits/0/max", number_or_text(max)), edit("/limits/0/window", window_of(window))];
    let edits: Vec<_> = edits.into_iter().flatten().collect();
    String::from_utf8_lossy(&json::splice(rule.raw(), &edits)).into_owned()
}

/// Text that is no number is kept as text, so that its error is told.
fn number_or_text(text: &str) -> String {
    let is_number = json::parse(text.as_bytes()).is_ok_and(|t| t.root().as_number().is_some());
    if is_number { text.trim().to_owned() } else { json::quoted(text) }
}

/// A word, or a number of seconds.
fn window_of(text: &str) -> String {
    let is_seconds = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_seconds { number_or_text(text) } else { json::quoted(text) }
}

/// A name as a pattern that means just that name.
fn literal(name: &str) -> String {
    name.replace('\\', "\\\\").replace('*', "\\*")
}

// === Reading ===

fn choice_of(rule: Node<'_>) -> Choice {
    let custom = Choice { segment: "custom", ..Choice::default() };
    if !rule.is_object() {
        return custom;
    }
    let checks = rule.get("validate_arguments").and_then(Node::as_bool) == Some(true);
    let custom = Choice { checks, ..custom };
    let parts: Vec<_> =
        rule.members().filter(|member| !member.key_is("validate_arguments")).collect();
    let plain = |segment| Choice { segment, checks, ..Choice::default() };
    let Some(part) = parts.first() else { return plain("allow") };
    if parts.len() > 1 {
        return custom;
    }
    match &*part.key() {
        "deny_if" if only(part.value).is_some_and(always) => plain("deny"),
        "approve_if" if only(part.value).is_some_and(always) => plain("approve"),
        "limits" => match only(part.value).and_then(simple_limit) {
            Some((max, window)) => Choice { max, window, ..plain("limit") },
            None => custom,
        },
        _ => custom,
    }
}

/// The one element of a list that has one.
fn only(list: Node<'_>) -> Option<Node<'_>> {
    list.items().next().filter(|_| list.len() == 1)
}

/// A predicate without conditions, which always holds.
fn always(predicate: Node<'_>) -> bool {
    let conditions = predicate.get("conditions");
    conditions.is_some_and(|list| list.kind() == json::Kind::Array && list.is_empty())
}

/// `max` and `window` of a limit that two fields can show.
fn simple_limit(limit: Node<'_>) -> Option<(String, String)> {
    const KNOWN: [&str; 5] = ["counter", "window", "max", "scope", "on_deny"];
    let is_plain = limit.members().all(|member| KNOWN.iter().any(|key| member.key_is(key)))
        && limit.get("scope").is_none_or(|scope| scope.is_str("grant"));
    let text = |key: &str| {
        let value = limit.get(key)?;
        Some(value.as_str().map_or_else(|| value.raw_str().to_owned(), Cow::into_owned))
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

    fn with<R>(document: &str, read: impl FnOnce(Table<'_>) -> R) -> R {
        let tape = json::parse(document.as_bytes()).unwrap();
        read(Table::read(tape.root()))
    }

    fn laid_over(document: &str, fields: &[(&str, &str)]) -> String {
        let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        with(document, |table| table.laid(&fields))
    }

    fn laid(fields: &[(&str, &str)]) -> policy::Document {
        policy::parse(&laid_over(DOCUMENT, fields)).unwrap()
    }

    fn normal(document: &str) -> String {
        policy::parse(document).unwrap().to_json()
    }

    fn segments<const N: usize>(document: &str, tools: [&str; N]) -> [&'static str; N] {
        with(document, |table| tools.map(|tool| table.choice(tool).segment))
    }

    #[test]
    fn each_rule_is_read_as_the_choice_that_it_is() {
        assert_eq!(
            segments(DOCUMENT, ["gone", "a*b", "open", "no", "ask", "few", "odd", "new"]),
            ["hide", "hide", "allow", "deny", "approve", "limit", "custom", ""]
        );
        with(DOCUMENT, |table| {
            let few = table.choice("few");
            assert_eq!((few.max.as_str(), few.window.as_str()), ("5", "hour"));
            assert!(table.choice("ask").checks);
            let together = table.all_tools_limit();
            assert_eq!((together.max.as_str(), together.window.as_str()), ("60", "minute"));
        });
    }

    #[test]
    fn an_untouched_form_changes_nothing() {
        let untouched = [
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
        ];
        let live = normal(DOCUMENT);
        assert_eq!(laid_over(&live, &untouched), live);
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
        ])
        .to_json();
        assert_eq!(
            segments(&document, ["open", "gone", "new", "few", "no", "odd"]),
            ["hide", "allow", "limit", "approve", "limit", "custom"]
        );
        with(&document, |table| {
            assert!(table.allows_by_default());
            assert_eq!(table.all_tools_limit(), Together::default());
            assert_eq!(table.choice("new").max, "7");
        });
    }

    #[test]
    fn a_limit_that_is_no_number_is_told_as_an_error() {
        let fields = [("rule[new]", "limit"), ("max[new]", "many"), ("window[new]", "day")];
        let problems = policy::parse(&laid_over(DOCUMENT, &fields)).unwrap_err();
        assert_eq!(problems[0].pointer, "/tools/new/limits/0/max");
    }

    #[test]
    fn what_was_laid_is_read_as_the_choice_that_it_was() {
        let fields = [
            ("rule[no]", "limit"),
            ("max[no]", "many"),
            ("window[no]", "day"),
            ("rule[few]", "deny"),
            ("rule[open]", "approve"),
            ("rule[odd]", "hide"),
        ];
        let refused = laid_over(DOCUMENT, &fields);
        policy::parse(&refused).unwrap_err();
        assert_eq!(
            segments(&refused, ["no", "few", "open", "odd"]),
            ["limit", "deny", "approve", "hide"]
        );
    }

    #[test]
    fn windows_are_words_or_numbers_of_seconds() {
        let fields = [("rule[few]", "limit"), ("max[few]", "5"), ("window[few]", "90")];
        let document = laid(&fields).to_json();
        assert!(document.contains("\"window\": 90"), "{document}");
        with(&document, |table| assert_eq!(table.choice("few").window, "90"));
    }

    #[test]
    fn what_a_choice_does_not_mean_stays() {
        const EXACT: &str = r#"{"version":"1","default":"deny","tools":{
            "big":{"deny_if":[{"conditions":[
                {"path":"args.id","op":"eq","value":12345678901234567890.10}]}]},
            "slow":{"validate_arguments":true,"limits":[{"counter":"mine","window":"month",
                "max":100,"scope":"grant","on_deny":"Slow down."}]},
            "ask":{"approve_if":[{"conditions":[]}],"validate_arguments":true}}}"#;
        let laid = laid_over(
            EXACT,
            &[
                ("rule[slow]", "limit"),
                ("max[slow]", "12345678901234567890"),
                ("window[slow]", "month"),
                ("rule[ask]", "deny"),
            ],
        );
        assert!(laid.contains("12345678901234567890.10"), "{laid}");
        let document: serde_json::Value = serde_json::from_str(&laid).unwrap();
        let slow = &document["tools"]["slow"];
        assert_eq!(slow["validate_arguments"], true);
        assert_eq!(slow["limits"][0]["counter"], "mine");
        assert_eq!(slow["limits"][0]["on_deny"], "Slow down.");
        assert!(laid.contains("\"max\":12345678901234567890,"), "{laid}");
        assert_eq!(document["tools"]["ask"]["validate_arguments"], true);
        assert!(document["tools"]["ask"]["deny_if"].is_array());
    }

    #[test]
    fn limits_on_all_tools_that_two_fields_cannot_say_are_left_alone() {
        let custom =
            DOCUMENT.replace("\"max\":60,\"scope\":\"grant\"", "\"max\":60,\"scope\":\"server\"");
        let live = normal(&custom);
        with(&live, |table| assert!(table.all_tools_limit().custom));
        assert_eq!(laid_over(&live, &[("all_max", "5"), ("all_window", "day")]), live);
        let kept = normal(
            &DOCUMENT
                .replace("\"all_tools\":{", "\"all_tools\":{\"deny_if\":[{\"conditions\":[]}],"),
        );
        let without = laid_over(&kept, &[("all_max", ""), ("all_window", "minute")]);
        let document: serde_json::Value = serde_json::from_str(&without).unwrap();
        assert!(
            document["all_tools"]["deny_if"].is_array()
                && document["all_tools"]["limits"].is_null()
        );
    }
}
