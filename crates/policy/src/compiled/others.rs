//! Prompts, resources, and what a server asks of a client: everything that is not a tool call.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::names::{Chooser, Hidden, Kind, MAX_NAME_BYTES};
use super::policy::Compiled;
use crate::decision::{Context, Decision, Refusal, Refused, rule};
use crate::document::{Document, Effect, Mode, Section, ServerRequest};
use crate::engine::{Case, Effort, Keys, Known, Ruleset, Scope, Silent, Witness};
use crate::problem::{Problem, child};
use crate::redact::ResponseRule;
use crate::uri::is_ambiguous;

/// The compiled sections beside `tools`.
pub(super) struct Others {
    prompts: Sectioned,
    resources: Sectioned,
    server_requests: BTreeMap<ServerRequest, Effect>,
    list_denied: bool,
}

impl Others {
    pub(super) fn new(document: &Document) -> Result<Self, Problem> {
        let section = |section: &Option<Section>, kind, pointer| {
            Sectioned::new(section.as_ref(), document.default, kind, pointer)
        };
        Ok(Self {
            prompts: section(&document.prompts, Kind::Name, "/prompts")?,
            resources: section(&document.resources, Kind::Uri, "/resources")?,
            server_requests: document.server_requests.clone(),
            list_denied: document.list_denied,
        })
    }

    /// What the rules of both sections say of answers.
    pub(super) fn responses(&self) -> impl Iterator<Item = &Arc<ResponseRule>> {
        let rules = self.prompts.rules.iter().chain(&self.resources.rules);
        rules.filter_map(|rule| rule.response.as_ref())
    }
}

impl Compiled {
    /// Decides on getting a prompt.
    pub fn prompt<'p>(
        &'p self,
        name: &str,
        arguments: Option<json::Node<'_>>,
        context: &Context<'_>,
    ) -> Decision<'p> {
        self.run_prompt(name, arguments, Known::Values, context, &mut Silent)
    }

    /// The same of a call of whose arguments perhaps only the names are known.
    pub(crate) fn run_prompt<'p, W: Witness>(
        &'p self,
        name: &str,
        arguments: Option<json::Node<'_>>,
        known: Known,
        context: &Context<'_>,
        witness: &mut W,
    ) -> Decision<'p> {
        let section = &self.others.prompts;
        if section.cannot_judge(name) || section.hidden.holds(name) {
            return hidden(format!("Unknown prompt: {name}"));
        }
        let scope = Scope { arguments, known, context, tool: None, effort: Effort::new() };
        self.section_case(section, name, scope, witness)
    }

    /// What is done to what a prompt comes to.
    pub fn response_of_prompt(&self, name: &str) -> Option<&Arc<ResponseRule>> {
        self.any_response()?;
        self.others.prompts.rule(name)?.response.as_ref()
    }

    /// What is done to what a resource holds.
    pub fn response_of_resource(&self, uri: &str) -> Option<&Arc<ResponseRule>> {
        self.any_response()?;
        self.others.resources.rule(uri)?.response.as_ref()
    }

    /// Whether a prompt is shown in lists.
    pub fn lists_prompt(&self, name: &str) -> bool {
        self.shows(&self.others.prompts, name)
    }

    /// Decides on reading a resource, or subscribing to it.
    pub fn resource<'p>(&'p self, uri: &str, context: &Context<'_>) -> Decision<'p> {
        self.run_resource(uri, context, &mut Silent)
    }

    /// The same before a witness.
    pub(crate) fn run_resource<'p, W: Witness>(
        &'p self,
        uri: &str,
        context: &Context<'_>,
        witness: &mut W,
    ) -> Decision<'p> {
        let section = &self.others.resources;
        if section.cannot_judge(uri) {
            return Decision::Refuse(Refusal {
                outcome: Refused::Denied,
                rule: "/resources",
                message: Cow::Borrowed("A URI must not be that long, nor have . or .. segments."),
            });
        }
        if section.hidden.holds(uri) {
            return hidden(format!("Unknown resource: {uri}"));
        }
        let known = Known::Values;
        let scope = Scope { arguments: None, known, context, tool: None, effort: Effort::new() };
        self.section_case(section, uri, scope, witness)
    }

    /// Whether a resource is shown in lists.
    pub fn lists_resource(&self, uri: &str) -> bool {
        self.shows(&self.others.resources, uri)
    }

    /// Whether the server may ask this of the client. `mode: observe` waives a refusal.
    pub fn server_request(&self, kind: ServerRequest) -> bool {
        let written = self.others.server_requests.get(&kind);
        let effect = written.copied().unwrap_or(self.default);
        effect == Effect::Allow || self.mode == Mode::Observe
    }

    fn section_case<'p, W: Witness>(
        &'p self,
        section: &'p Sectioned,
        name: &str,
        scope: Scope<'_>,
        witness: &mut W,
    ) -> Decision<'p> {
        let rule = section.rule(name);
        let case = Case {
            shared: None,
            rule: rule.map(|rule| &rule.set),
            default: section.default,
            keys: [None, rule.map(|rule| &rule.keys)],
            schema: None,
            scope,
        };
        self.conclude(&case, witness)
    }

    fn shows(&self, section: &Sectioned, name: &str) -> bool {
        let denies_always = || match section.rule(name) {
            Some(rule) => rule.set.always_denies(),
            None => section.default == Effect::Deny,
        };
        !section.cannot_judge(name)
            && !section.hidden.holds(name)
            && (self.others.list_denied || self.mode == Mode::Observe || !denies_always())
    }
}

fn hidden<'p>(message: String) -> Decision<'p> {
    Decision::Refuse(Refusal {
        outcome: Refused::Hidden,
        rule: rule::HIDDEN,
        message: Cow::Owned(message),
    })
}

// === Sectioned ===

/// One section: its names, its rules, its default.
struct Sectioned {
    kind: Kind,
    default: Effect,
    hidden: Hidden,
    chooser: Chooser,
    rules: Vec<SectionRule>,
}

struct SectionRule {
    set: Ruleset,
    keys: Keys,
    response: Option<Arc<ResponseRule>>,
}

impl Sectioned {
    fn new(
        section: Option<&Section>,
        default: Effect,
        kind: Kind,
        pointer: &str,
    ) -> Result<Self, Problem> {
        let empty = Section::default();
        let section = section.unwrap_or(&empty);
        let rules_pointer = child(pointer, "rules");
        let rules = section.rules.iter().map(|(name, rule)| {
            let pointer = child(&rules_pointer, name);
            let mut keys = Keys::default();
            rule.gates.each_path(&pointer, |path, id| keys.add(path, &id));
            let response = ResponseRule::of(rule.response.as_ref(), &pointer);
            SectionRule { set: Ruleset::new(&rule.gates, &pointer), keys, response }
        });
        Ok(Self {
            kind,
            default: section.default.unwrap_or(default),
            hidden: Hidden::new(&section.hide, kind, &child(pointer, "hide"))?,
            chooser: Chooser::new(section.rules.keys(), kind, &rules_pointer)?,
            rules: rules.collect(),
        })
    }

    fn rule(&self, name: &str) -> Option<&SectionRule> {
        self.rules.get(self.chooser.choose(name)?)
    }

    /// What a server could read as another URI, or is longer than any glob is tried on, is refused
    /// where globs decide.
    fn cannot_judge(&self, name: &str) -> bool {
        let has_globs = !self.hidden.is_empty() || !self.chooser.is_empty();
        let is_spelled_otherwise = || self.kind == Kind::Uri && is_ambiguous(name);
        has_globs && (name.len() > MAX_NAME_BYTES || is_spelled_otherwise())
    }
}
