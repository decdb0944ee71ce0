//! Someone who watches the engine work. The gateway's sees nothing and costs nothing; the
//! explanation's writes everything down. There is one engine for both.

use super::condition::{Scope, Truth};
use crate::condition::Test;

/// What the engine tells of its work.
pub(crate) trait Witness {
    /// A test was made; `negated` if an odd number of `not` stands above it.
    fn tested(&mut self, test: &Test, negated: bool, scope: &Scope<'_>, truth: &Truth<'_>);

    /// A step was taken, after the tests that belong to it. The words are only made if needed.
    fn step(&mut self, step: Step, rule: &str, refuses: bool, words: impl FnOnce() -> String);

    /// Something could not be decided, as names alone are known of the arguments. Whether to go on
    /// as if it let the call pass; by default it does not.
    fn goes_on_without(&mut self, _blank: &Blank<'_>) -> bool {
        false
    }
}

/// What a decision could not find out.
pub(crate) struct Blank<'b> {
    /// Where.
    pub(crate) step: Step,
    /// The rule that asks.
    pub(crate) rule: &'b str,
    /// The argument whose value it asks for.
    pub(crate) path: &'b str,
    /// What exactly is asked: two that ask the same have the same answer.
    pub(crate) question: &'b dyn Fn() -> String,
}

/// The steps of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Visibility,
    Definition,
    Rule,
    Keys,
    ValidateArguments,
    Require,
    DenyIf,
    ApproveIf,
    Limit,
}

impl Step {
    /// Whether it is taken before the one that a rule id is about, as far as the id says.
    pub(crate) fn is_before_rule(self, rule: &str) -> bool {
        let is_of = |word: &str| rule.rsplit_once('/').is_some_and(|(at, _)| at.ends_with(word));
        match self {
            Self::ValidateArguments => {
                is_of("/require") || is_of("/deny_if") || is_of("/approve_if") || is_of("/limits")
            }
            Self::Require => is_of("/deny_if") || is_of("/approve_if") || is_of("/limits"),
            Self::DenyIf => is_of("/approve_if") || is_of("/limits"),
            Self::ApproveIf => is_of("/limits"),
            _ => false,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Visibility => "visibility",
            Self::Definition => "definition",
            Self::Rule => "rule",
            Self::Keys => "keys",
            Self::ValidateArguments => "validate_arguments",
            Self::Require => "require",
            Self::DenyIf => "deny_if",
            Self::ApproveIf => "approve_if",
            Self::Limit => "limits",
        }
    }
}

/// Watches nothing.
pub(crate) struct Silent;

impl Witness for Silent {
    #[inline]
    fn tested(&mut self, _: &Test, _: bool, _: &Scope<'_>, _: &Truth<'_>) {}

    #[inline]
    fn step(&mut self, _: Step, _: &str, _: bool, _: impl FnOnce() -> String) {}
}
