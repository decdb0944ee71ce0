//! One policy before recorded calls: each decision by the one engine, and what it could not know.
//! Calls that look alike to a policy are decided once.

use std::sync::Arc;

use smallvec::SmallVec;

use super::counts::{Ask, Counts};
use super::{Kind, MAX_NAMES, Recorded};
use crate::compiled::Compiled;
use crate::condition::Test;
use crate::decision::{Call, Context, Decision, Refused};
use crate::engine::{Blank, Known, Scope, Step, Truth, Witness};
use crate::limit::Limits;
use crate::path::Root;

/// A policy, on each of the servers where it decides.
#[derive(Default)]
pub(super) struct Judge {
    policies: Vec<Option<Compiled>>,
    /// By the shape of the call.
    memo: Vec<Option<Arc<Judged>>>,
    pub(super) counts: Counts,
}

/// What came of a call, limits aside.
pub(super) struct Judged {
    pub(super) base: Base,
    /// What could not be known, in the order of the decision.
    pub(super) blanks: Vec<Gap>,
    pub(super) asks: SmallVec<[Ask; 3]>,
    /// Whether limits refuse.
    pub(super) enforced: bool,
    /// Whether the policy only observes.
    pub(super) observes: bool,
}

/// A decision, if everything that could not be known lets the call pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    Passes,
    Gated(Arc<str>),
    Denied(Arc<str>),
    Hidden(Arc<str>),
}

/// Something that a decision could not know.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) step: Step,
    pub(super) rule: Arc<str>,
    pub(super) path: String,
    pub(super) question: String,
}

impl Gap {
    /// Whether both ask the same of a call, wherever they stand.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.step == other.step && self.question == other.question
    }
}

impl Judge {
    pub(super) fn add(&mut self, server: u32, policy: Compiled) {
        let at = server as usize;
        if self.policies.len() <= at {
            self.policies.resize_with(at + 1, || None);
        }
        if let Some(place) = self.policies.get_mut(at) {
            *place = Some(policy);
        }
    }

    /// Forgets what it knows of shapes, which are about to be counted anew.
    pub(super) fn forget(&mut self) {
        self.memo.clear();
    }

    /// Decides. Calls of one `shape` are alike in all but their time, their caller and their
    /// values. `None` on a server where it does not decide.
    pub(super) fn judge(
        &mut self,
        server: u32,
        shape: Option<usize>,
        call: &Recorded<'_>,
    ) -> Option<Arc<Judged>> {
        if let Some(known) = shape.and_then(|shape| self.memo.get(shape)?.as_ref()) {
            return Some(Arc::clone(known));
        }
        let policy = self.policies.get(server as usize)?.as_ref()?;
        let mut watcher = Watcher::default();
        let judged = decided(policy, call, &mut watcher, &mut self.counts);
        let judged = Arc::new(judged);
        if let Some(shape) = shape.filter(|_| !watcher.looked_at_caller) {
            if self.memo.len() <= shape {
                self.memo.resize_with(shape + 1, || None);
            }
            if let Some(place) = self.memo.get_mut(shape) {
                *place = Some(Arc::clone(&judged));
            }
        }
        Some(judged)
    }
}

fn decided(
    policy: &Compiled,
    call: &Recorded<'_>,
    watcher: &mut Watcher,
    counts: &mut Counts,
) -> Judged {
    let stand_in = if call.arguments.is_none() { stand_in(call.names) } else { String::new() };
    let tape = json::parse(stand_in.as_bytes()).ok();
    let (arguments, known) = match (call.arguments, &tape) {
        (Some(values), _) => (Some(values), Known::Values),
        (None, Some(tape)) if call.names.len() < MAX_NAMES => (Some(tape.root()), Known::Names),
        (None, Some(tape)) => (Some(tape.root()), Known::SomeNames),
        (None, None) => (None, Known::Names),
    };
    let context =
        Context { grant_label: call.grant_label, client_name: call.client_name, now: call.at };
    let decision = match call.kind {
        Kind::Tool => {
            let call = Call { tool: call.target, arguments, context: &context };
            policy.run_known(&call, known, watcher)
        }
        Kind::Prompt => policy.run_prompt(call.target, arguments, known, &context, watcher),
        Kind::Resource => policy.run_resource(call.target, &context, watcher),
    };
    let nothing = Limits::new(true);
    let (base, limits) = match &decision {
        Decision::Allow { limits, .. } => (Base::Passes, limits),
        Decision::Approve { rule, limits, .. } => (Base::Gated((*rule).into()), limits),
        Decision::Refuse(refusal) => {
            let rule = refusal.rule.into();
            let base = match refusal.outcome {
                Refused::Hidden => Base::Hidden(rule),
                Refused::Denied | Refused::Quarantined => Base::Denied(rule),
            };
            (base, &nothing)
        }
    };
    let of_caller = |path: &crate::Path| !path.is_of_arguments() && !path.is_of_tool();
    let keys = limits.requests().iter().filter_map(|request| request.limit.key.as_ref());
    watcher.looked_at_caller |= keys.into_iter().any(of_caller);
    Judged {
        base,
        blanks: std::mem::take(&mut watcher.gaps),
        asks: limits.requests().iter().map(|request| counts.ask(request)).collect(),
        enforced: limits.is_enforced(),
        observes: policy.mode() == crate::Mode::Observe,
    }
}

/// An object with these names, to stand for arguments whose values are not known.
fn stand_in(names: &[String]) -> String {
    let members: Vec<_> = names.iter().map(|name| format!("{}:null", json::quoted(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// Watches for what a decision depends on.
#[derive(Default)]
struct Watcher {
    gaps: Vec<Gap>,
    looked_at_caller: bool,
}

impl Witness for Watcher {
    fn tested(&mut self, test: &Test, _: bool, _: &Scope<'_>, _: &Truth<'_>) {
        let root = test.path.root();
        self.looked_at_caller |=
            matches!(root, Root::GrantLabel | Root::ClientName | Root::Hour | Root::Weekday);
    }

    fn step(&mut self, _: Step, _: &str, _: bool, _: impl FnOnce() -> String) {}

    fn goes_on_without(&mut self, blank: &Blank<'_>) -> bool {
        self.gaps.push(Gap {
            step: blank.step,
            rule: blank.rule.into(),
            path: blank.path.to_owned(),
            question: (blank.question)(),
        });
        true
    }
}
