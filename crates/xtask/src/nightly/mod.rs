//! `cargo xtask nightly`: what takes too long for every change.

mod fuzz;
mod laws;
mod plot;
mod soak;
mod visitors;

use anyhow::{Result, bail};

use crate::shell::{Steps, stop_in_order};

/// What to run, and for how long.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the step of this name.
    step: Option<String>,
    /// For how long clients come and go, and each fuzz target runs.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// How many of them at once.
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// How many times as many cases are made as the tests make by themselves.
    #[arg(long, default_value_t = 20)]
    times: u64,
}

type Step = fn(&Args) -> Result<()>;

/// Every step, in order. A new one is a line here.
const STEPS: [(&str, Step); 3] = [("soak", soak::soak), ("laws", laws::laws), ("fuzz", fuzz::fuzz)];

/// Runs them; the first that fails ends it.
pub(crate) fn nightly(args: &Args) -> Result<()> {
    stop_in_order()?;
    let is_wanted = |name: &str| args.step.as_deref().is_none_or(|only| only == name);
    if !STEPS.iter().any(|(name, _)| is_wanted(name)) {
        let names: Vec<_> = STEPS.iter().map(|(name, _)| *name).collect();
        bail!("there is no such step; there are: {}", names.join(", "));
    }
    let mut steps = Steps::default();
    let wanted = STEPS.iter().filter(|(name, _)| is_wanted(name));
    let result = wanted.into_iter().try_for_each(|(name, step)| steps.step(name, || step(args)));
    steps.summarise();
    result
}
