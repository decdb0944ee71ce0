//! `drawbridge policy test`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use domain::Clock;
use policy::suite;

use super::{code, facts, file, tests_beside};
use crate::cli::say;

/// Which policy, which tests.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// A policy.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its tests; of `billing.json` they are in `billing.tests.json` unless said otherwise.
    #[arg(long, value_name = "FILE")]
    tests: Option<PathBuf>,
    /// The tools that it is for: an answer of tools/list, or of the admin API. Without them, those
    /// that the policy and its tests name.
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
}

/// Runs each test and says how it went.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let document = file::document(&args.file)?;
    let path = args.tests.clone().unwrap_or_else(|| tests_beside(&args.file));
    let tests = suite::parse(&file::text(&path)?).map_err(|found| file::wrong(&path, &found))?;
    let tools = match &args.tools {
        Some(path) => facts::read(path)?,
        None => facts::imagined(&document, &tests),
    };
    let verdicts = suite::run(&document, &tools, &tests, Clock::system().now());
    let verdicts = verdicts.map_err(|problems| file::wrong(&args.file, &problems))?;
    let failed = verdicts.iter().filter(|verdict| !verdict.passed).count();
    for verdict in &verdicts {
        let word = if verdict.passed { "ok    " } else { "failed" };
        say(&format!("{word}  {}: {}", verdict.name, verdict.detail))?;
    }
    if verdicts.is_empty() {
        return Err(anyhow!("{}: there are no tests in it", path.display()));
    }
    say(&format!("{} passed, {failed} failed", verdicts.len() - failed))?;
    Ok(code(failed > 0))
}
