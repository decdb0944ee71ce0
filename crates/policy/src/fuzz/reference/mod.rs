//! The policy language a second time: slow, plain and read straight off its specification, sharing
//! no code with the engine. What both say of the same call must be the same.

mod conditions;
mod limits;
mod names;
mod numbers;
mod rules;
mod schema;

use self::conditions::Scope;
pub(crate) use self::conditions::equal;
use self::limits::reserve;
use self::names::{closest, hides, is_dotted};
use self::rules::{Applied, Gates, Keys, child};
use super::made::{Known, Who};
use super::tree::Tree;

/// What comes of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) outcome: &'static str,
    pub(crate) rule: Rule,
    /// The author's own words, where it is they that are said.
    pub(crate) words: Option<String>,
    /// What the call reserves, or what is counted of it.
    pub(crate) reserved: Vec<Reserved>,
}

/// The rule id of a decision.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    Is(String),
    /// For keys that could be taken for one another the specification names no rule: one of those
    /// that apply.
    Within(Vec<String>),
}

/// What is asked of one limit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reserved {
    pub(crate) rule: String,
    pub(crate) amount: u64,
    /// The value by which counts are kept apart.
    pub(crate) key: Option<Tree>,
}

/// A refusal, or a question for a person.
struct Stop {
    outcome: &'static str,
    rule: Rule,
    words: Option<String>,
}

impl Stop {
    fn new(outcome: &'static str, rule: &str) -> Self {
        Self { outcome, rule: Rule::Is(rule.to_owned()), words: None }
    }

    fn alone(self) -> Verdict {
        let Self { outcome, rule, words } = self;
        Verdict { outcome, rule, words, reserved: Vec::new() }
    }
}

// === Tools ===

/// A tool call.
pub(crate) fn call(
    document: &Tree,
    tools: &[Known],
    name: &str,
    arguments: &Tree,
    who: &Who,
) -> Verdict {
    let tool = match reach(document, tools, name) {
        Ok(tool) => tool,
        Err(stop) => return stop.alone(),
    };
    let rule = rule_of(document, tool);
    let shared = document.get("all_tools").map(|gates| Applied::new("/all_tools", gates));
    let scope = Scope { arguments, tool: Some(tool), who };
    conclude(document, shared.as_ref(), rule.as_ref(), is_open(document, None), &scope)
}

/// Steps 2 and 3.
fn reach<'t>(document: &Tree, tools: &'t [Known], name: &str) -> Result<&'t Known, Stop> {
    if hides(document, document.get("tools"), name, false) {
        return Err(Stop::new("hidden", "(hidden)"));
    }
    let tool = tools.iter().find(|tool| tool.name == name);
    let tool = tool.ok_or_else(|| Stop::new("hidden", "(unknown tool)"))?;
    let is_named = || names::exactly(document.get("tools"), name).is_some();
    match tool.state {
        "current" => Ok(tool),
        "new" if is_named() => Ok(tool),
        _ => Err(Stop::new("quarantined", "(definition changed)")),
    }
}

fn rule_of<'d>(document: &'d Tree, tool: &Known) -> Option<Applied<'d>> {
    if let Some((name, rule)) = closest(document.get("tools"), tool.name, false) {
        return Some(Applied::new(&child("/tools", name), rule));
    }
    let rule = document.get("categories")?.get(tool.category)?;
    Some(Applied::new(&child("/categories", tool.category), rule))
}

/// Whether a tool is listed.
pub(crate) fn lists(document: &Tree, tools: &[Known], name: &str) -> bool {
    let shows_denied = shows_denied(document);
    match reach(document, tools, name) {
        Err(stop) => stop.outcome == "quarantined" && shows_denied,
        Ok(tool) => {
            let shared = document.get("all_tools").map(|g| Applied::new("/all_tools", g));
            let denies = |rule: &Applied<'_>| rule.gates.always_denies();
            let is_shut = match rule_of(document, tool) {
                Some(rule) => denies(&rule),
                None => !is_open(document, None),
            };
            let is_denied = is_shut || shared.as_ref().is_some_and(denies);
            shows_denied || is_observing(document) || !is_denied
        }
    }
}

/// Whether something is done to the answers of a tool that can be reached.
pub(crate) fn redacts(document: &Tree, tools: &[Known], name: &str) -> Option<bool> {
    let rule = rule_of(document, reach(document, tools, name).ok()?);
    Some(rule.is_some_and(|rule| rule.written.get("response").is_some()))
}

// === Prompts, resources, requests of servers ===

pub(crate) fn prompt(document: &Tree, name: &str, arguments: &Tree, who: &Who) -> Verdict {
    let section = document.get("prompts");
    if hides_in(section, name, false) {
        return Stop::new("hidden", "(hidden)").alone();
    }
    let rules = section.and_then(|section| section.get("rules"));
    let rule = closest(rules, name, false)
        .map(|(name, rule)| Applied::new(&child("/prompts/rules", name), rule));
    let scope = Scope { arguments, tool: None, who };
    conclude(document, None, rule.as_ref(), is_open(document, section), &scope)
}

pub(crate) fn resource(document: &Tree, uri: &str, who: &Who) -> Verdict {
    let section = document.get("resources");
    let part = |key| section.and_then(|section| section.get(key));
    let has_globs = part("hide").is_some_and(|names| !names.items().is_empty())
        || part("rules").is_some_and(|rules| !rules.members().is_empty());
    // It cannot be said whether such a one is hidden, which `mode: observe` does not waive.
    if has_globs && is_dotted(uri) {
        return Stop::new("denied", "/resources").alone();
    }
    if hides_in(section, uri, true) {
        return Stop::new("hidden", "(hidden)").alone();
    }
    let rule = closest(part("rules"), uri, true)
        .map(|(name, rule)| Applied::new(&child("/resources/rules", name), rule));
    let scope = Scope { arguments: &Tree::Null, tool: None, who };
    conclude(document, None, rule.as_ref(), is_open(document, section), &scope)
}

fn hides_in(section: Option<&Tree>, name: &str, is_uri: bool) -> bool {
    section.is_some_and(|section| hides(section, section.get("rules"), name, is_uri))
}

/// Whether a server may ask this of a client.
pub(crate) fn server_request(document: &Tree, kind: &str) -> bool {
    let written = document.get("server_requests").and_then(|requests| requests.get(kind));
    is_observing(document)
        || written.map_or_else(|| is_open(document, None), |effect| effect.is("allow"))
}

// === Steps 4 to 9 ===

fn is_open(document: &Tree, section: Option<&Tree>) -> bool {
    let own = section.and_then(|section| section.get("default"));
    own.or(document.get("default")).is_some_and(|default| default.is("allow"))
}

fn is_observing(document: &Tree) -> bool {
    document.get("mode").is_some_and(|mode| mode.is("observe"))
}

fn shows_denied(document: &Tree) -> bool {
    document.get("list_denied") != Some(&Tree::Bool(false))
}

fn conclude(
    document: &Tree,
    shared: Option<&Applied<'_>>,
    rule: Option<&Applied<'_>>,
    is_open: bool,
    scope: &Scope<'_>,
) -> Verdict {
    let sets: Vec<&Gates<'_>> = shared.into_iter().chain(rule).map(|rule| &rule.gates).collect();
    let stop = judge(rule, &sets, is_open, scope);
    let limits = sets.iter().flat_map(|set| &set.limits);
    let reserved = limits.filter_map(|limit| reserve(limit, scope).ok()).collect();
    let nothing = Stop::new("allowed", "");
    let (outcome, Stop { rule, words, .. }) = match stop {
        None => ("allowed", nothing),
        Some(stop) if is_observing(document) => ("observed", stop),
        Some(stop) => (stop.outcome, stop),
    };
    let reserved = if outcome == "denied" { Vec::new() } else { reserved };
    Verdict { outcome, rule, words, reserved }
}

fn judge(
    rule: Option<&Applied<'_>>,
    sets: &[&Gates<'_>],
    is_open: bool,
    scope: &Scope<'_>,
) -> Option<Stop> {
    if rule.is_none() && !is_open {
        return Some(Stop::new("denied", "(default deny)"));
    }
    let own = rule.map_or("/default", |rule| &rule.pointer);
    if Keys::of(sets).clash(scope.arguments) {
        let mut within: Vec<_> = sets.iter().flat_map(|set| set.ids()).collect();
        within.push(own.to_owned());
        return Some(Stop { outcome: "denied", rule: Rule::Within(within), words: None });
    }
    if let (Some(rule), Some(tool)) = (rule, scope.tool)
        && rule.written.get("validate_arguments") == Some(&Tree::Bool(true))
        && !schema::fits(tool.schema.as_ref(), scope.arguments)
    {
        return Some(Stop::new("denied", &child(&rule.pointer, "validate_arguments")));
    }
    for gate in sets.iter().flat_map(|set| &set.require) {
        match gate.holds(true, scope) {
            Some(true) => {}
            Some(false) => return Some(gate.stop("denied")),
            None => return Some(Stop::new("denied", &gate.id)),
        }
    }
    for gate in sets.iter().flat_map(|set| &set.deny_if) {
        match gate.holds(false, scope) {
            Some(false) => {}
            Some(true) => return Some(gate.stop("denied")),
            None => return Some(Stop::new("denied", &gate.id)),
        }
    }
    let mut approval = None;
    for gate in sets.iter().flat_map(|set| &set.approve_if) {
        match gate.holds(false, scope) {
            Some(false) => {}
            Some(true) => approval = approval.or_else(|| Some(gate.stop("approval_required"))),
            // Never lets a call pass, so not after the approval of another predicate either.
            None => return Some(Stop::new("denied", &gate.id)),
        }
    }
    let uncountable = sets.iter().flat_map(|set| &set.limits);
    let uncountable = uncountable.filter(|limit| reserve(limit, scope).is_err());
    let refusal = uncountable.map(|limit| Stop::new("denied", &limit.id)).next();
    refusal.or(approval)
}
