//! `drawbridge policy …`: policies as files, in a shell and in CI. Nothing here needs a database.

mod check;
pub(super) mod diff;
pub(super) mod facts;
pub(super) mod file;
mod normalise;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use policy::Others;

/// What to do with policies.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Says everything that is wrong with policies, and what is probably not meant. Code 1 if
    /// anything is wrong.
    Check(check::Args),
    /// Prints a policy in its normal form. Policies of PolicyLayer and of Intercept (YAML) are
    /// taken over; what changes in meaning is said on the standard error.
    Normalise(normalise::Args),
    /// Runs the tests of a policy. Code 1 if one fails.
    Test(test::Args),
    /// Says in words what changes from one policy to another. Code 1 if anything does.
    Diff(diff::Args),
}

/// What becomes of what is not a tool.
#[derive(Clone, Copy, ValueEnum)]
enum OthersArg {
    /// It follows the document's default.
    Inherit,
    /// It passes.
    Allow,
}

impl From<OthersArg> for Others {
    fn from(arg: OthersArg) -> Self {
        match arg {
            OthersArg::Inherit => Self::Inherit,
            OthersArg::Allow => Self::Allow,
        }
    }
}

/// Runs one of them.
pub(super) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Normalise(args) => normalise::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Diff(args) => diff::run(&args),
    }
}

/// The tests that stand beside a policy: `billing.json` has `billing.tests.json`.
pub(super) fn tests_beside(policy: &std::path::Path) -> PathBuf {
    policy.with_extension("tests.json")
}

/// Code 0, or 1 if something was found.
fn code(found: bool) -> ExitCode {
    if found { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
