//! A policy of Intercept as it was written, with the short forms written out.

use json::Kind;

use crate::condition::Op;
use crate::document::Effect;
use crate::literal::Literal;
use crate::parse::{Entry, Fields, MAX_TEXT_CHARS, Place, Reader};
use crate::window::Window;

const POLICY_KEYS: [&str; 5] = ["version", "description", "default", "hide", "tools"];
const TOOL_KEYS: [&str; 1] = ["rules"];
const RULE_KEYS: [&str; 8] =
    ["name", "action", "rate_limit", "conditions", "on_deny", "state", "approval_timeout", "spend"];
const CONDITION_KEYS: [&str; 3] = ["path", "op", "value"];
const STATE_KEYS: [&str; 4] = ["counter", "window", "increment", "increment_from"];
const SPEND_KEYS: [&str; 2] = ["per_call", "daily"];

/// The operators that Intercept has.
const OPS: [Op; 11] = [
    Op::Eq,
    Op::Neq,
    Op::In,
    Op::NotIn,
    Op::Lt,
    Op::Lte,
    Op::Gt,
    Op::Gte,
    Op::Regex,
    Op::Contains,
    Op::Exists,
];

const WINDOWS: [Window; 3] = [Window::Minute, Window::Hour, Window::Day];

/// Where `spend` finds the amount.
pub(super) const SPENT: &str = "args.amount";

pub(super) struct Policy<'t> {
    pub(super) default: Effect,
    pub(super) hide: Vec<String>,
    pub(super) tools: Vec<Tool<'t>>,
    /// The first text that only people read: a description, a rule's name.
    pub(super) label: Option<Place<'t>>,
}

pub(super) struct Tool<'t> {
    pub(super) name: String,
    pub(super) place: Place<'t>,
    pub(super) rules: Vec<Rule<'t>>,
}

impl Tool<'_> {
    /// The name under which its counters are kept.
    pub(super) fn scope(&self) -> &str {
        if self.is_every() { "_global" } else { &self.name }
    }

    pub(super) fn is_every(&self) -> bool {
        self.name == "*"
    }
}

pub(super) struct Rule<'t> {
    pub(super) place: Place<'t>,
    pub(super) action: Action,
    pub(super) tests: Vec<Test<'t>>,
    pub(super) on_deny: Option<String>,
    pub(super) counter: Option<Counter<'t>>,
    /// How long an approval may take, in seconds.
    pub(super) timeout: Option<(Place<'t>, u64)>,
    pub(super) per_call: Option<(Place<'t>, Literal)>,
    pub(super) daily: Option<(Place<'t>, Literal)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Evaluate,
    Deny,
    Approve,
}

impl Action {
    const ALL: [Self; 3] = [Self::Evaluate, Self::Deny, Self::Approve];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Evaluate => "evaluate",
            Self::Deny => "deny",
            Self::Approve => "require_approval",
        }
    }
}

pub(super) struct Test<'t> {
    pub(super) place: Place<'t>,
    pub(super) path: String,
    pub(super) op: Op,
    pub(super) value: Literal,
}

pub(super) struct Counter<'t> {
    pub(super) place: Place<'t>,
    pub(super) name: String,
    pub(super) window: Window,
    pub(super) by: By,
}

/// What an allowed call adds to a counter.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum By {
    Steps(u64),
    Argument(String),
}

/// Reads the whole policy; what is wrong with it is told to the reader.
pub(super) fn policy<'t>(reader: &mut Reader<'t>, root: &Place<'t>) -> Option<Policy<'t>> {
    let fields = reader.object(root, "an Intercept policy", &POLICY_KEYS)?;
    match fields.place("version") {
        Some(place) if place.node.is_str("1") || place.node.raw_str() == "1" => {}
        Some(place) => reader.wrong(place, "Intercept policies have version \"1\"."),
        None => reader.missing(root, "An Intercept policy", "version"),
    }
    let default = fields.place("default").filter(|place| !place.node.is_null());
    let default = match default {
        Some(place) => reader.word(place, &Effect::ALL, Effect::as_str).unwrap_or(Effect::Deny),
        None => Effect::Allow,
    };
    let hide = fields.place("hide").map(|place| hidden(reader, place)).unwrap_or_default();
    let mut policy =
        Policy { default, hide, tools: Vec::new(), label: fields.place("description").cloned() };
    let tools = fields.place("tools").filter(|place| !place.node.is_null());
    if let Some(place) = tools
        && reader.expect(place, Kind::Object, "an object of tools").is_some()
    {
        for entry in place.members() {
            let tool = tool(reader, &entry, &mut policy.label);
            policy.tools.extend(tool);
        }
    }
    Some(policy)
}

fn hidden<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Vec<String> {
    if place.node.is_null() || reader.expect(place, Kind::Array, "a list of names").is_none() {
        return Vec::new();
    }
    place.items().filter_map(|item| reader.text(&item, MAX_TEXT_CHARS)).collect()
}

fn tool<'t>(
    reader: &mut Reader<'t>,
    entry: &Entry<'t>,
    label: &mut Option<Place<'t>>,
) -> Option<Tool<'t>> {
    let name = entry.key.clone().into_owned();
    let place = entry.place.clone();
    let mut tool = Tool { name, place, rules: Vec::new() };
    if entry.place.node.is_null() {
        return Some(tool);
    }
    let fields = reader.object(&entry.place, "a tool", &TOOL_KEYS)?;
    let rules = fields.place("rules").filter(|place| !place.node.is_null());
    if let Some(place) = rules {
        reader.expect(place, Kind::Array, "a list of rules")?;
        for item in place.items() {
            let rule = rule(reader, &item, &tool, label);
            tool.rules.extend(rule);
        }
    }
    no_counter_twice(reader, &tool);
    Some(tool)
}

fn no_counter_twice<'t>(reader: &mut Reader<'t>, tool: &Tool<'t>) {
    let counters: Vec<_> = tool.rules.iter().filter_map(|rule| rule.counter.as_ref()).collect();
    for (index, counter) in counters.iter().enumerate() {
        if counters.iter().take(index).any(|other| other.name == counter.name) {
            let detail = format!("Another rule of this tool has the counter \"{}\".", counter.name);
            reader.wrong(&counter.place, detail);
        }
    }
}

fn rule<'t>(
    reader: &mut Reader<'t>,
    place: &Place<'t>,
    tool: &Tool<'t>,
    label: &mut Option<Place<'t>>,
) -> Option<Rule<'t>> {
    let fields = reader.object(place, "a rule", &RULE_KEYS)?;
    if label.is_none() {
        *label = fields.place("name").cloned();
    }
    let given = |key| fields.place(key).filter(|place| !place.node.is_null());
    let action = given("action").filter(|place| !place.node.is_str(""));
    let action = match action {
        Some(place) => reader.word(place, &Action::ALL, Action::as_str)?,
        None => Action::Evaluate,
    };
    let mut rule = Rule {
        place: place.clone(),
        action,
        tests: given("conditions").map(|place| tests(reader, place)).unwrap_or_default(),
        on_deny: given("on_deny").and_then(|place| words(reader, place)),
        counter: given("state").and_then(|place| counter(reader, place)),
        timeout: given("approval_timeout")
            .and_then(|place| Some((place.clone(), timeout(reader, place)?))),
        per_call: None,
        daily: None,
    };
    if let Some(place) = given("spend") {
        spend(reader, place, &mut rule);
    }
    if let Some(place) = given("rate_limit").filter(|_| action == Action::Evaluate) {
        rate_limit(reader, place, tool, &mut rule);
    }
    fits_its_action(reader, &fields, &rule);
    Some(rule)
}

/// What belongs together in a rule, as Intercept's own check has it.
fn fits_its_action<'t>(reader: &mut Reader<'t>, fields: &Fields<'t>, rule: &Rule<'t>) {
    let has = |key: &str| fields.place(key).filter(|place| !place.node.is_null());
    match rule.action {
        Action::Evaluate => {
            let says = ["conditions", "rate_limit", "spend"].into_iter().any(|k| has(k).is_some());
            let empty = has("conditions").is_some_and(|place| place.node.is_empty());
            if !says || (empty && has("rate_limit").is_none() && has("spend").is_none()) {
                let detail = "A rule that evaluates needs a condition, a rate_limit or a spend.";
                reader.wrong(&rule.place, detail);
            }
        }
        Action::Deny => {
            let conditions = has("conditions").filter(|place| !place.node.is_empty());
            if let Some(place) = conditions {
                let detail = "A rule that denies has no conditions: it denies every call. A \
                              condition that must hold goes into a rule that evaluates.";
                reader.wrong(place, detail);
            }
        }
        Action::Approve => {}
    }
    if rule.action != Action::Evaluate {
        for key in ["rate_limit", "spend"] {
            if let Some(place) = has(key) {
                let word = rule.action.as_str();
                reader.wrong(place, format!("\"{key}\" does not go with \"action: {word}\"."));
            }
        }
    }
    if let Some(place) = has("approval_timeout").filter(|_| rule.action != Action::Approve) {
        reader.wrong(place, "\"approval_timeout\" goes with \"action: require_approval\".");
    }
    let clashes = ["conditions", "state"].into_iter().find(|key| has(key).is_some());
    if let (Some(place), Some(other)) = (has("rate_limit"), clashes) {
        reader.wrong(place, format!("\"rate_limit\" does not go with \"{other}\" in one rule."));
    }
}

/// The sentence for the agent; an empty one is none.
fn words<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Option<String> {
    let is_empty = place.node.as_str().is_some_and(|text| text.trim().is_empty());
    if is_empty { None } else { reader.text(place, MAX_TEXT_CHARS) }
}

// === Conditions ===

fn tests<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Vec<Test<'t>> {
    if reader.expect(place, Kind::Array, "a list of conditions").is_none() {
        return Vec::new();
    }
    place.items().filter_map(|item| test(reader, &item)).collect()
}

fn test<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Option<Test<'t>> {
    let fields = reader.object(place, "a condition", &CONDITION_KEYS)?;
    for key in CONDITION_KEYS.into_iter().filter(|key| !fields.has(key)) {
        reader.missing(place, "A condition", key);
    }
    let path = fields.place("path").and_then(|place| path(reader, place));
    let op = fields.place("op").and_then(|place| reader.word(place, &OPS, Op::as_str));
    let at = fields.place("value")?;
    let value = value(reader, at, op?)?;
    Some(Test { place: place.clone(), path: path?, op: op?, value })
}

fn path<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Option<String> {
    let path = reader.text(place, MAX_TEXT_CHARS)?;
    let is_argument = path.starts_with("args.");
    if !is_argument && !path.starts_with("state.") {
        reader.wrong(place, "A path of Intercept begins with args. or state.");
        return None;
    }
    if is_argument && path.contains(['[', ']']) {
        let detail = "Intercept has no [*]: such a path finds nothing there.";
        reader.wrong(place, detail);
        return None;
    }
    if is_argument && let Err(error) = crate::path::Path::parse(&path) {
        reader.wrong(place, error.detail);
        return None;
    }
    Some(path)
}

/// A value that its operator can judge with.
fn value<'t>(reader: &mut Reader<'t>, place: &Place<'t>, op: Op) -> Option<Literal> {
    let Ok(value) = Literal::read(place.node) else {
        reader.wrong(place, "This number is too long to be compared exactly.");
        return None;
    };
    let plain =
        |value: &Literal| matches!(value, Literal::Bool(_) | Literal::Number(_) | Literal::Text(_));
    let needs = match (op, &value) {
        (Op::In | Op::NotIn, Literal::List(values)) => {
            (!values.iter().all(plain)).then_some("text, numbers, true and false")
        }
        (Op::In | Op::NotIn, _) => Some("a list"),
        (Op::Lt | Op::Lte | Op::Gt | Op::Gte, value) => {
            (!matches!(value, Literal::Number(_))).then_some("a number")
        }
        (Op::Exists, value) => (!matches!(value, Literal::Bool(_))).then_some("true or false"),
        (Op::Regex, value) => value.as_text().is_none().then_some("text"),
        (_, Literal::Null) => {
            Some("a value; for one that is missing use \"op: exists\" with \"value: false\"")
        }
        (_, value) => (!plain(value)).then_some("text, a number, true or false"),
    };
    match needs {
        None => Some(value),
        Some(needs) => {
            reader.wrong(place, format!("\"{}\" needs {needs}.", op.as_str()));
            None
        }
    }
}

// === Counters ===

fn counter<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Option<Counter<'t>> {
    let fields = reader.object(place, "a state", &STATE_KEYS)?;
    for key in ["counter", "window"].into_iter().filter(|key| !fields.has(key)) {
        reader.missing(place, "A state", key);
    }
    let name = fields.place("counter").and_then(|place| reader.text(place, MAX_TEXT_CHARS));
    let named = |window: Window| window.name().unwrap_or_default();
    let window = fields.place("window").and_then(|place| reader.word(place, &WINDOWS, named));
    let given = |key| fields.place(key).filter(|place| !place.node.is_null());
    let by = match (given("increment_from"), given("increment")) {
        (Some(place), _) if !place.node.is_str("") => {
            let from = path(reader, place)?;
            if !from.starts_with("args.") {
                reader.wrong(place, "Only an argument can be summed: the path begins with args.");
                return None;
            }
            By::Argument(from)
        }
        (_, Some(place)) => By::Steps(steps(reader, place)?),
        _ => By::Steps(1),
    };
    Some(Counter { place: place.clone(), name: name?, window: window?, by })
}

/// Nought means 1 there.
fn steps<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Option<u64> {
    let steps = place.node.as_number().and_then(|number| number.parse::<u64>().ok());
    if steps.is_none() {
        reader.wrong(place, "\"increment\" must be a whole number of 1 or more.");
    }
    steps.map(|steps| steps.max(1))
}

/// `5/hour`, which is a counter and a condition on it.
fn rate_limit<'t>(
    reader: &mut Reader<'t>,
    place: &Place<'t>,
    tool: &Tool<'t>,
    rule: &mut Rule<'t>,
) {
    let text = place.node.as_str().unwrap_or_default();
    let parts = text.split_once('/');
    let count = parts.and_then(|(count, _)| count.parse::<u64>().ok()).filter(|count| *count > 0);
    let window = parts.and_then(|(_, window)| Window::named(window));
    let window = window.filter(|window| WINDOWS.contains(window));
    let (Some(count), Some(window)) = (count, window) else {
        let detail = "A rate limit is written like 5/hour: a whole number of 1 or more, a slash, \
                      and minute, hour or day.";
        reader.wrong(place, detail);
        return;
    };
    let name = format!("{RATE}{window}");
    rule.tests.push(Test {
        place: place.clone(),
        path: format!("state.{}.{name}", tool.scope()),
        op: Op::Lte,
        value: Literal::number(count.to_string()),
    });
    rule.counter = Some(Counter { place: place.clone(), name, window, by: By::Steps(1) });
}

/// How the names of such counters begin.
pub(super) const RATE: &str = "_rate_";

fn spend<'t>(reader: &mut Reader<'t>, place: &Place<'t>, rule: &mut Rule<'t>) {
    let Some(fields) = reader.object(place, "a spend", &SPEND_KEYS) else { return };
    let mut amount = |key| {
        let place = fields.place(key).filter(|place| !place.node.is_null())?;
        reader.expect(place, Kind::Number, "a number")?;
        let value = Literal::read(place.node).ok();
        if value.is_none() || place.node.raw_str().starts_with('-') {
            reader.wrong(place, "This must be an amount of 0 or more.");
            return None;
        }
        Some((place.clone(), value?))
    };
    (rule.per_call, rule.daily) = (amount("per_call"), amount("daily"));
    if !SPEND_KEYS.into_iter().any(|key| fields.has(key)) {
        reader.missing(place, "A spend", "per_call\" or \"daily");
    }
}

// === Approvals ===

/// `30m`, `1h30m`, `90s`: whole seconds.
fn timeout<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Option<u64> {
    let text = place.node.as_str().unwrap_or_default();
    let secs = duration(&text).filter(|secs| *secs > 0);
    if secs.is_none() {
        reader.wrong(place, "A time is written like \"30m\", \"90s\" or \"1h30m\".");
    }
    secs
}

fn duration(text: &str) -> Option<u64> {
    let (mut total, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
        let (number, unit) = rest.split_at(end);
        let (unit, after) = unit.split_at_checked(1)?;
        let unit = match unit {
            "h" => 3_600,
            // Milliseconds are no time for a person.
            "m" if !after.starts_with('s') => 60,
            "s" => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = after;
    }
    Some(total)
}
