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
