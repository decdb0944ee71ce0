//! The compiled policy and its decision on a tool call.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::names::{Chooser, Hidden, Kind, MAX_NAME_BYTES};
use super::others::Others;
use crate::category::Category;
use crate::decision::{Call, Decision, Observed, Refusal, Refused, rule};
use crate::document::{Document, Effect, Mode, Rule, Stance};
use crate::engine::{
    Case, Effort, Keys, Known, Passed, Ruleset, Schema, Scope, Silent, Step, ToolScope, Witness,
};
use crate::facts::{ToolFacts, ToolState};
use crate::glob::Glob;
use crate::problem::{Problem, child};
use crate::redact::ResponseRule;
use crate::response::Approvals;

/// A policy ready to decide. Immutable; share it in an `Arc`.
pub struct Compiled {
    pub(super) mode: Mode,
    pub(super) default: Effect,
    list_denied: bool,
    hidden: Hidden,
    tools: HashMap<Box<str>, Tool>,
    shared: Ruleset,
    /// The keys that `all_tools` names.
    shared_keys: Keys,
    rules: Vec<AppliedRule>,
    pub(super) others: Others,
    /// What any of its rules says of answers, together.
    any_response: Option<Arc<ResponseRule>>,
    approvals: Approvals,
}

/// Makes a document ready to decide on the tools of one server.
///
/// A tool whose own input schema cannot be used fails no policy: calls that have to be validated
/// against it are denied.
pub fn compile(document: &Document, tools: &[ToolFacts]) -> Result<Compiled, Vec<Problem>> {
    build(document, tools).map_err(|problem| vec![problem])
}

fn build(document: &Document, tools: &[ToolFacts]) -> Result<Compiled, Problem> {
    let hidden = Hidden::new(&document.hide, Kind::Name, "/hide")?;
    let chooser = Chooser::new(document.tools.keys(), Kind::Name, "/tools")?;
    let named = document.tools.iter().map(|(name, rule)| {
        let is_exact = Glob::parse(name).is_ok_and(|glob| glob.exact().is_some());
        let source = if is_exact { RuleSource::Tool } else { RuleSource::Glob };
        AppliedRule::new(source, &child("/tools", name), rule)
    });
    let by_category = document.categories.iter().map(|(category, rule)| {
        let pointer = child("/categories", category.as_str());
        AppliedRule::new(RuleSource::Category, &pointer, rule)
    });
    let rules: Vec<_> = named.chain(by_category).collect();
    let categories: HashMap<Category, usize> =
        document.categories.keys().copied().zip(document.tools.len()..).collect();
    let indexed = tools.iter().map(|facts| {
        let exact = chooser.exactly(&facts.name);
        let closest = exact.or_else(|| chooser.by_glob(&facts.name));
        let rule = closest.or_else(|| categories.get(&facts.category).copied());
        let access = match facts.state {
            _ if hidden.holds(&facts.name) => Access::Hidden,
            ToolState::Current => Access::Open,
            ToolState::New if exact.is_some() => Access::Open,
            ToolState::New | ToolState::Quarantined => Access::Quarantined,
        };
        let validates = rule.and_then(|index| rules.get(index)).is_some_and(|r| r.validates);
        (facts.name.as_str().into(), Tool::new(facts, access, rule, validates))
    });
    let tools = indexed.collect();
    let mut shared_keys = Keys::default();
    document.all_tools.each_path("/all_tools", |path, rule| shared_keys.add(path, &rule));
    let others = Others::new(document)?;
    let of_rules = rules.iter().filter_map(|rule| rule.response.as_ref());
    let any_response = ResponseRule::all(of_rules.chain(others.responses()));
    Ok(Compiled {
        mode: document.mode,
        default: document.default,
        list_denied: document.list_denied,
        hidden,
        tools,
        shared: Ruleset::new(&document.all_tools, "/all_tools"),
        shared_keys,
        rules,
        others,
        any_response,
        approvals: document.approvals.unwrap_or_default(),
    })
}

impl Compiled {
    /// Decides one tool call: steps 2 to 9 (that a binding has no policy, only its holder knows).
    ///
    /// No I/O, no clock, and on the way to an unconditional or argument-checked `Allow` no
    /// allocation either.
    pub fn decide<'p>(&'p self, call: &Call<'_>) -> Decision<'p> {
        self.run(call, &mut Silent)
    }

    /// Whether the tool is shown in lists. By the same rules as [`Self::decide`]: what is hidden
    /// or unknown is not, and what can be called is.
    pub fn lists(&self, tool: &str) -> bool {
        self.tools.get(tool).is_some_and(|tool| match tool.access {
            Access::Hidden => false,
            Access::Quarantined => self.list_denied,
            Access::Open => self.list_denied || !self.denies_always(tool),
        })
    }

    /// Whether what an earlier call of the tool came to may still be given out, as for a task.
    /// Its arguments were judged when it was called; a tool that nobody may call any more gives
    /// no result either.
    pub fn gives_result(&self, tool: &str) -> Result<(), Refusal<'_>> {
        let tool = self.reach(tool, &mut Silent)?;
        if !self.denies_always(tool) {
            return Ok(());
        }
        let denying = self.rule_of(tool).map(|rule| rule.set.pointer());
        let rule = if self.shared.always_denies() { Some(self.shared.pointer()) } else { denying };
        Err(Refusal {
            outcome: Refused::Denied,
            rule: rule.unwrap_or(rule::DEFAULT_DENY),
            message: Cow::Borrowed("This tool may no longer be called, so it gives no results."),
        })
    }

    /// What is done to the answers of a tool, results of its tasks included. `mode: observe`
    /// waives nothing of it.
    pub fn response_of_tool(&self, tool: &str) -> Option<&Arc<ResponseRule>> {
        self.any_response.as_ref()?;
        self.rule_of(self.tools.get(tool)?)?.response.as_ref()
    }

    /// What is done to a message of which it is not known whose answer it is: what any rule says.
    pub fn any_response(&self) -> Option<&Arc<ResponseRule>> {
        self.any_response.as_ref()
    }

    /// How people are asked.
    pub fn approvals(&self) -> Approvals {
        self.approvals
    }

    /// Whether the tool's definition waits for review.
    pub fn is_quarantined(&self, tool: &str) -> bool {
        self.tools.get(tool).is_some_and(|tool| tool.access == Access::Quarantined)
    }

    /// Whether refusals are enforced or only recorded.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The rule that applies to a tool, for people to see. `None` for a tool it does not know.
    pub fn rule_for(&self, tool: &str) -> Option<Applied<'_>> {
        let tool = self.tools.get(tool)?;
        let rule = self.rule_of(tool);
        let stance = match (tool.access, rule) {
            (Access::Hidden, _) => Stance::Hide,
            (_, Some(rule)) => rule.stance,
            (_, None) if self.default == Effect::Allow => Stance::Allow,
            (_, None) => Stance::Deny,
        };
        Some(Applied {
            source: rule.map_or(RuleSource::Default, |rule| rule.source),
            pointer: rule.map(|rule| rule.set.pointer()),
            stance,
        })
    }

    pub(super) fn run<'p, W: Witness>(&'p self, call: &Call<'_>, witness: &mut W) -> Decision<'p> {
        self.run_known(call, Known::Values, witness)
    }

    /// The same of a call of whose arguments perhaps only the names are known.
    pub(crate) fn run_known<'p, W: Witness>(
        &'p self,
        call: &Call<'_>,
        known: Known,
        witness: &mut W,
    ) -> Decision<'p> {
        let tool = match self.reach(call.tool, witness) {
            Ok(tool) => tool,
            Err(refusal) => return Decision::Refuse(refusal),
        };
        self.conclude(&self.case(tool, call, known), witness)
    }

    /// Steps 2 and 3: the tool is there, shown and reviewed.
    fn reach<'p, W: Witness>(
        &'p self,
        name: &str,
        witness: &mut W,
    ) -> Result<&'p Tool, Refusal<'p>> {
        let known = self.tools.get(name);
        let is_hidden = match known {
            Some(tool) => tool.access == Access::Hidden,
            None => name.len() <= MAX_NAME_BYTES && self.hidden.holds(name),
        };
        if is_hidden {
            witness.step(Step::Visibility, rule::HIDDEN, true, || "The tool is hidden.".to_owned());
            return Err(unknown(rule::HIDDEN, name));
        }
        let Some(tool) = known else {
            let words = || "The server has no such tool.".to_owned();
            witness.step(Step::Visibility, rule::UNKNOWN_TOOL, true, words);
            return Err(unknown(rule::UNKNOWN_TOOL, name));
        };
        witness
            .step(Step::Visibility, "", false, || "The tool is known and not hidden.".to_owned());
        if tool.access == Access::Quarantined {
            let message = "This tool's definition changed and waits for review.";
            witness.step(Step::Definition, rule::DEFINITION_CHANGED, true, || message.to_owned());
            return Err(Refusal {
                outcome: Refused::Quarantined,
                rule: rule::DEFINITION_CHANGED,
                message: Cow::Borrowed(message),
            });
        }
        witness.step(Step::Definition, "", false, || "The definition is reviewed.".to_owned());
        Ok(tool)
    }

    fn case<'p, 'c>(&'p self, tool: &'p Tool, call: &Call<'c>, known: Known) -> Case<'p, 'c>
    where
        'p: 'c,
    {
        let rule = self.rule_of(tool);
        Case {
            shared: Some(&self.shared),
            rule: rule.map(|rule| &rule.set),
            default: self.default,
            keys: [Some(&self.shared_keys), rule.map(|rule| &rule.keys)],
            schema: tool.schema.as_ref().zip(rule.map(|rule| &*rule.validation_id)),
            scope: Scope {
                arguments: call.arguments,
                known,
                context: call.context,
                tool: Some(ToolScope {
                    category: tool.category,
                    risk: &tool.risk,
                    annotations: tool.annotations.as_deref(),
                }),
                effort: Effort::new(),
            },
        }
    }

    /// Steps 4 to 9, of which `mode: observe` waives the refusal.
    pub(super) fn conclude<'p, W: Witness>(
        &self,
        case: &Case<'p, '_>,
        witness: &mut W,
    ) -> Decision<'p> {
        let enforced = self.mode == Mode::Enforce;
        match case.judge(witness) {
            Ok(Passed { approval: None, limits }) => {
                let limits = if enforced { limits } else { limits.unenforced() };
                Decision::Allow { limits, observed: None }
            }
            Ok(Passed { approval: Some((rule, message)), limits }) if enforced => {
                Decision::Approve { rule, message, limits }
            }
            Ok(Passed { approval: Some((rule, message)), limits }) => Decision::Allow {
                limits: limits.unenforced(),
                observed: Some(Observed { rule, message: Cow::Borrowed(message) }),
            },
            Err(refusal) if enforced => Decision::Refuse(refusal),
            Err(Refusal { rule, message, .. }) => Decision::Allow {
                limits: case.countable_limits(),
                observed: Some(Observed { rule, message }),
            },
        }
    }

    fn rule_of(&self, tool: &Tool) -> Option<&AppliedRule> {
        self.rules.get(tool.rule?)
    }

    /// Whether no arguments whatever could make a call pass.
    fn denies_always(&self, tool: &Tool) -> bool {
        let rule = self.rule_of(tool);
        self.mode == Mode::Enforce
            && (self.shared.always_denies()
                || rule.map_or(self.default == Effect::Deny, |rule| rule.set.always_denies()))
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled")
            .field("mode", &self.mode)
            .field("tools", &self.tools.len())
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}

/// It is shared by every task of the gateway.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Compiled>();
};

fn unknown<'p>(rule: &'p str, name: &str) -> Refusal<'p> {
    let message = Cow::Owned(format!("Unknown tool: {name}"));
    Refusal { outcome: Refused::Hidden, rule, message }
}

// === Tool ===

/// One of the server's tools and what the policy makes of it.
struct Tool {
    access: Access,
    rule: Option<usize>,
    category: Category,
    risk: Box<str>,
    annotations: Option<Box<str>>,
    /// Only where its rule asks for validation.
    schema: Option<Schema>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Open,
    Hidden,
    Quarantined,
}

impl Tool {
    fn new(facts: &ToolFacts, access: Access, rule: Option<usize>, validates: bool) -> Self {
        Self {
            access,
            rule,
            category: facts.category,
            risk: facts.risk.as_str().into(),
            annotations: facts.annotations.as_deref().map(Into::into),
            schema: validates.then(|| Schema::compile(facts.input_schema.as_deref())),
        }
    }
}

// === AppliedRule ===

/// Which rule applies to a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied<'p> {
    /// How it was found.
    pub source: RuleSource,
    /// Where it stands in the normalised document; `None` where no rule applies.
    pub pointer: Option<&'p str>,
    /// What it comes to.
    pub stance: Stance,
}

/// How the rule of a tool is found, closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSource {
    /// `tools` names it.
    Tool,
    /// A glob in `tools` fits it.
    Glob,
    /// `categories` names its category.
    Category,
    /// No rule: `default` decides.
    Default,
}

/// A compiled rule and what people want to know of it.
pub(super) struct AppliedRule {
    source: RuleSource,
    stance: Stance,
    validates: bool,
    /// The rule id of a call that fails validation.
    validation_id: Box<str>,
    /// The keys that it names.
    keys: Keys,
    set: Ruleset,
    response: Option<Arc<ResponseRule>>,
}

impl AppliedRule {
    fn new(source: RuleSource, pointer: &str, rule: &Rule) -> Self {
        let mut keys = Keys::default();
        rule.gates.each_path(pointer, |path, rule| keys.add(path, &rule));
        Self {
            source,
            stance: rule.stance(),
            validates: rule.validate_arguments,
            validation_id: child(pointer, "validate_arguments").into(),
            keys,
            set: Ruleset::new(&rule.gates, pointer),
            response: ResponseRule::of(rule.response.as_ref(), pointer),
        }
    }
}
