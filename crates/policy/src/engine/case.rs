//! One call before the rules that apply to it: steps 4 to 9 of a decision.

use std::borrow::Cow;

use super::condition::{Elements, Known, Scope, Truth, all_hold};
use super::keys::{Clash, Layers, clash};
use super::quota::{self, NoRequest};
use super::schema::Schema;
use super::witness::{Blank, Step, Witness};
use crate::condition::{Condition, joined};
use crate::decision::{Refusal, Refused, rule};
use crate::document::{Effect, Gates, Predicate, conditions_text, limit_text};
use crate::limit::{Limit, Limits};
use crate::path::Path;
use crate::problem::{child, item};

/// The longest description of conditions that an agent is told.
const MAX_WORDS_CHARS: usize = 400;

/// The compiled form of a rule, or of `all_tools`.
#[derive(Debug, Default)]
pub(crate) struct Ruleset {
    pointer: Box<str>,
    require: Box<[Gate]>,
    deny_if: Box<[Gate]>,
    approve_if: Box<[Gate]>,
    limits: Box<[PinnedLimit]>,
}

/// A predicate with the id by which it is known and the words with which it refuses.
#[derive(Debug)]
struct Gate {
    rule: Box<str>,
    conditions: Box<[Condition]>,
    message: Box<str>,
}

#[derive(Debug)]
struct PinnedLimit {
    rule: Box<str>,
    limit: Limit,
}

impl Ruleset {
    pub(crate) fn new(gates: &Gates, pointer: &str) -> Self {
        let at = |name: &str, index| item(&child(pointer, name), index).into_boxed_str();
        let gates_of = |name: &str, predicates: &[Predicate], words: Words| {
            let gate = |(index, predicate): (usize, &Predicate)| Gate {
                rule: at(name, index),
                conditions: predicate.conditions.clone().into(),
                message: words(predicate).into(),
            };
            predicates.iter().enumerate().map(gate).collect()
        };
        let pinned = |(index, limit): (usize, &Limit)| PinnedLimit {
            rule: at("limits", index),
            limit: limit.clone(),
        };
        Self {
            pointer: pointer.into(),
            require: gates_of("require", &gates.require, require_words),
            deny_if: gates_of("deny_if", &gates.deny_if, deny_words),
            approve_if: gates_of("approve_if", &gates.approve_if, approve_words),
            limits: gates.limits.iter().enumerate().map(pinned).collect(),
        }
    }

    pub(crate) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Whether no call gets past it, whatever its arguments.
    pub(crate) fn always_denies(&self) -> bool {
        self.deny_if.iter().any(|gate| gate.conditions.is_empty())
    }
}

type Words = fn(&Predicate) -> String;

fn require_words(predicate: &Predicate) -> String {
    own_words(predicate, "Allowed.", |conditions| {
        format!("This call is allowed only if {conditions}.")
    })
}

fn deny_words(predicate: &Predicate) -> String {
    own_words(predicate, "This tool is not allowed by policy.", |conditions| {
        format!("This call is not allowed if {conditions}.")
    })
}

fn approve_words(predicate: &Predicate) -> String {
    own_words(predicate, "A person must approve every call of this tool.", |conditions| {
        format!("A person must approve this call, as {conditions}.")
    })
}

/// The author's words, or else what the predicate says in plain ones.
fn own_words(
    predicate: &Predicate,
    unconditional: &str,
    sentence: impl FnOnce(String) -> String,
) -> String {
    match &predicate.on_deny {
        Some(words) => words.clone(),
        None if predicate.conditions.is_empty() => unconditional.to_owned(),
        None => sentence(shortened(joined(&predicate.conditions, " and "))),
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_WORDS_CHARS) {
        Some((cut, _)) => format!("{}…", text.split_at(cut).0),
        None => text,
    }
}

// === Case ===

/// A call and all that decides it.
pub(crate) struct Case<'p, 'c> {
    /// What is said of every tool.
    pub(crate) shared: Option<&'p Ruleset>,
    /// The one rule that applies, if one does.
    pub(crate) rule: Option<&'p Ruleset>,
    /// What happens if none does.
    pub(crate) default: Effect,
    /// The keys that these rules name.
    pub(crate) keys: Layers<'p>,
    /// The schema and its rule id, if the rule asks for validation.
    pub(crate) schema: Option<(&'p Schema, &'p str)>,
    pub(crate) scope: Scope<'c>,
}

/// A call that is not refused.
pub(crate) struct Passed<'p> {
    /// The rule that asks for a person's approval, and its words.
    pub(crate) approval: Option<(&'p str, &'p str)>,
    pub(crate) limits: Limits<'p>,
}

impl<'p> Case<'p, '_> {
    /// Steps 4 to 9. The first refusal wins.
    pub(crate) fn judge<W: Witness>(&self, witness: &mut W) -> Result<Passed<'p>, Refusal<'p>> {
        self.check_rule(witness)?;
        self.check_keys(witness)?;
        self.check_schema(witness)?;
        for set in self.sets() {
            self.check_require(&set.require, witness)?;
        }
        for set in self.sets() {
            self.check_deny_if(&set.deny_if, witness)?;
        }
        let approval = self.approval(witness)?;
        let limits = self.limits(witness)?;
        Ok(Passed { approval, limits })
    }

    /// What can be counted of a call that goes on although it should not: `mode: observe`.
    pub(crate) fn countable_limits(&self) -> Limits<'p> {
        let mut limits = Limits::new(false);
        for pinned in self.sets().flat_map(|set| &set.limits) {
            if let Ok(request) = quota::request(&pinned.rule, &pinned.limit, &self.scope) {
                limits.push(request);
            }
        }
        limits
    }

    /// `all_tools` first, then the rule.
    fn sets(&self) -> impl Iterator<Item = &'p Ruleset> + use<'p> {
        self.shared.into_iter().chain(self.rule)
    }

    fn check_rule<W: Witness>(&self, witness: &mut W) -> Result<(), Refusal<'p>> {
        match (self.rule, self.default) {
            (Some(rule), _) => {
                witness.step(Step::Rule, &rule.pointer, false, || "This rule applies.".to_owned());
                Ok(())
            }
            (None, Effect::Allow) => {
                witness.step(Step::Rule, "", false, || {
                    "No rule applies, and the default is to allow.".to_owned()
                });
                Ok(())
            }
            (None, Effect::Deny) => {
                witness.step(Step::Rule, rule::DEFAULT_DENY, true, || {
                    "No rule applies, and the default is to deny.".to_owned()
                });
                Err(denied(rule::DEFAULT_DENY, Cow::Borrowed("This is not allowed by policy.")))
            }
        }
    }

    fn check_keys<W: Witness>(&self, witness: &mut W) -> Result<(), Refusal<'p>> {
        let Some(found) = self.scope.arguments.and_then(|node| clash(node, self.keys)) else {
            return Ok(());
        };
        let id = match &found {
            Clash::Variant { rule, .. } => rule,
            // No predicate names the keys, so the rule that let the call come so far answers.
            Clash::Twins { .. } | Clash::Nul { .. } | Clash::NotAnObject => {
                self.rule.map_or("/default", Ruleset::pointer)
            }
        };
        let message = found.message();
        witness.step(Step::Keys, id, true, || message.clone());
        Err(denied(id, Cow::Owned(message)))
    }

    fn check_schema<W: Witness>(&self, witness: &mut W) -> Result<(), Refusal<'p>> {
        let Some((schema, id)) = self.schema else { return Ok(()) };
        let is_given = self.scope.arguments.is_some_and(|arguments| !arguments.is_empty());
        if self.scope.known != Known::Values && is_given {
            let step = Step::ValidateArguments;
            let question = || "the tool's own schema".to_owned();
            return decide_blank(
                &Blank { step, rule: id, path: "args", question: &question },
                id,
                witness,
            );
        }
        match schema.objection(self.scope.arguments) {
            None => {
                let words = || "The arguments fit the tool's schema.".to_owned();
                witness.step(Step::ValidateArguments, id, false, words);
                Ok(())
            }
            Some(objection) => {
                witness.step(Step::ValidateArguments, id, true, || objection.clone());
                Err(denied(id, Cow::Owned(objection)))
            }
        }
    }

    fn check_require<W: Witness>(
        &self,
        gates: &'p [Gate],
        witness: &mut W,
    ) -> Result<(), Refusal<'p>> {
        for gate in gates {
            let truth = all_hold(&gate.conditions, Elements::Every, &self.scope, witness);
            let refusal = match truth {
                Truth::Holds => None,
                Truth::Fails => Some(Cow::Borrowed(&*gate.message)),
                Truth::Unjudged(what) => Some(Cow::Owned(what.message())),
                Truth::Unknown(path) => {
                    gate.leave_blank(Step::Require, path, witness)?;
                    continue;
                }
            };
            conclude(Step::Require, gate, refusal, witness)?;
        }
        Ok(())
    }

    fn check_deny_if<W: Witness>(
        &self,
        gates: &'p [Gate],
        witness: &mut W,
    ) -> Result<(), Refusal<'p>> {
        for gate in gates {
            let truth = all_hold(&gate.conditions, Elements::Any, &self.scope, witness);
            let refusal = match truth {
                Truth::Holds => Some(Cow::Borrowed(&*gate.message)),
                Truth::Fails => None,
                Truth::Unjudged(what) => Some(Cow::Owned(what.message())),
                Truth::Unknown(path) => {
                    gate.leave_blank(Step::DenyIf, path, witness)?;
                    continue;
                }
            };
            conclude(Step::DenyIf, gate, refusal, witness)?;
        }
        Ok(())
    }

    /// The first predicate that asks for approval. All are looked at: what one of them cannot
    /// judge must not pass because another one was approved.
    fn approval<W: Witness>(
        &self,
        witness: &mut W,
    ) -> Result<Option<(&'p str, &'p str)>, Refusal<'p>> {
        let mut first = None;
        for gate in self.sets().flat_map(|set| &set.approve_if) {
            match all_hold(&gate.conditions, Elements::Any, &self.scope, witness) {
                Truth::Fails => conclude(Step::ApproveIf, gate, None, witness)?,
                Truth::Unknown(path) => gate.leave_blank(Step::ApproveIf, path, witness)?,
                Truth::Unjudged(what) => {
                    conclude(Step::ApproveIf, gate, Some(Cow::Owned(what.message())), witness)?;
                }
                Truth::Holds => {
                    let words = || "A person has to approve this call.".to_owned();
                    witness.step(Step::ApproveIf, &gate.rule, false, words);
                    first = first.or(Some((&*gate.rule, &*gate.message)));
                }
            }
        }
        Ok(first)
    }

    fn limits<W: Witness>(&self, witness: &mut W) -> Result<Limits<'p>, Refusal<'p>> {
        let mut limits = Limits::new(true);
        for pinned in self.sets().flat_map(|set| &set.limits) {
            match quota::request(&pinned.rule, &pinned.limit, &self.scope) {
                Ok(request) => {
                    let words = || "The call reserves its share of this limit.".to_owned();
                    witness.step(Step::Limit, &pinned.rule, false, words);
                    limits.push(request);
                }
                Err(NoRequest::Refused(message)) => {
                    witness.step(Step::Limit, &pinned.rule, true, || message.clone());
                    return Err(denied(&pinned.rule, Cow::Owned(message)));
                }
                Err(NoRequest::Unknown(path)) => pinned.leave_blank(path, witness)?,
            }
        }
        Ok(limits)
    }
}

impl Gate {
    fn leave_blank<'p, W: Witness>(
        &'p self,
        step: Step,
        path: &Path,
        witness: &mut W,
    ) -> Result<(), Refusal<'p>> {
        let question = || conditions_text(&self.conditions);
        let blank = Blank { step, rule: &self.rule, path: path.as_str(), question: &question };
        decide_blank(&blank, &self.rule, witness)
    }
}

impl PinnedLimit {
    fn leave_blank<'p, W: Witness>(
        &'p self,
        path: &Path,
        witness: &mut W,
    ) -> Result<(), Refusal<'p>> {
        let question = || limit_text(&self.limit);
        let (step, rule) = (Step::Limit, &*self.rule);
        decide_blank(&Blank { step, rule, path: path.as_str(), question: &question }, rule, witness)
    }
}

/// Passes over what is not known, where the witness wants that; else it refuses.
fn decide_blank<'p, W: Witness>(
    blank: &Blank<'_>,
    rule: &'p str,
    witness: &mut W,
) -> Result<(), Refusal<'p>> {
    if witness.goes_on_without(blank) {
        return Ok(());
    }
    Err(denied(rule, Cow::Owned(format!("{} is not known.", blank.path))))
}

fn conclude<'p, W: Witness>(
    step: Step,
    gate: &'p Gate,
    refusal: Option<Cow<'p, str>>,
    witness: &mut W,
) -> Result<(), Refusal<'p>> {
    match refusal {
        None => {
            let words = match step {
                Step::Require => "What is required holds.",
                Step::ApproveIf => "No approval is needed here.",
                _ => "This does not hold, so it denies nothing.",
            };
            witness.step(step, &gate.rule, false, || words.to_owned());
            Ok(())
        }
        Some(message) => {
            witness.step(step, &gate.rule, true, || message.clone().into_owned());
            Err(denied(&gate.rule, message))
        }
    }
}

fn denied<'p>(rule: &'p str, message: Cow<'p, str>) -> Refusal<'p> {
    Refusal { outcome: Refused::Denied, rule, message }
}
