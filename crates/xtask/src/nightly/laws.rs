//! The laws of the policy language and the bodies of the fuzzers, over many more made cases.

use anyhow::Result;

use super::Args;
use crate::shell::{offline_cargo, run, say};

/// What a test makes of `PROPTEST_CASES` that are not said.
const USUAL: u64 = 256;

/// Every test whose cases are made, each with so many times as many. Not by nextest, which ends
/// tests that take long.
pub(super) fn laws(args: &Args) -> Result<()> {
    say(&format!("{} times as many cases", args.times));
    let mut command = offline_cargo(&["test", "--workspace", "--lib", "--", "fuzz::tests"]);
    run(command.env("PROPTEST_CASES", (USUAL * args.times).to_string()))
}
