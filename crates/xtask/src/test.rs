//! `cargo xtask test`: everything the tests need, then all of them.

use std::process::Command;

use anyhow::{Context as _, Result};
use embedded::Settings;

use crate::conformance;
use crate::services::Services;
use crate::shell::{
    Steps, build_product, check_room, has, offline_cargo, product, run, say, stop_in_order,
};
use crate::tools::{self, Tools};

/// Runs the tests.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only tests whose name contains this; `doc`, `conformance` and `browser` name whole groups.
    filter: Option<String>,
}

/// Which of the groups a filter leaves.
#[derive(Default)]
struct Plan<'a> {
    rust: Option<&'a [&'a str]>,
    doc: bool,
    conformance: bool,
    browser: bool,
}

/// Installs what is missing, starts private servers, and runs the tests cheapest first.
pub(crate) fn test(args: &Args) -> Result<()> {
    stop_in_order()?;
    let mut steps = Steps::default();
    let result = all(args, &mut steps);
    steps.summarise();
    result
}

fn all(args: &Args, steps: &mut Steps) -> Result<()> {
    let names: Vec<&str> = args.filter.iter().map(String::as_str).collect();
    let plan = match args.filter.as_deref() {
        // Without nextest cargo's own runner does the documentation too.
        None => {
            Plan { rust: Some(&[]), doc: has("cargo-nextest"), conformance: true, browser: true }
        }
        Some("doc") => Plan { doc: true, ..Plan::default() },
        Some("conformance") => Plan { conformance: true, ..Plan::default() },
        Some("browser") => Plan { browser: true, ..Plan::default() },
        Some(_) => Plan { rust: Some(&names), ..Plan::default() },
    };
    check_room()?;
    let settings = Settings { progress: &say, ..Settings::new("drawbridge", "") };
    let tools = steps.step("tools", || tools::prepare(&settings))?;
    if plan.rust.is_some() {
        steps.step("build the tests", || run(&mut runner(&["--no-run"])))?;
    }
    // The runner builds what it runs, which is not the product.
    if plan.browser || plan.conformance {
        steps.step("build the product", build_product)?;
    }
    let services = steps.step("private Postgres and Redis", Services::start)?;
    let environment = services.environment();
    if let Some(names) = plan.rust {
        steps
            .step("unit and integration tests", || run(runner(names).envs(environment.clone())))?;
    }
    if plan.doc {
        steps.step("documentation tests", || {
            run(offline_cargo(&["test", "--workspace", "--doc", "--quiet"])
                .envs(environment.clone()))
        })?;
    }
    if let Some(mut command) = plan.conformance.then(|| conformance::command(&tools)).flatten() {
        steps.step("conformance", || run(&mut command))?;
    }
    if let Some(mut command) = plan.browser.then(|| browser(&tools)).transpose()?.flatten() {
        steps.step("browser tests", || run(command.envs(environment)))?;
    }
    Ok(())
}

/// The runner of Rust tests: nextest where it is installed, else what every Rust has.
fn runner(args: &[&str]) -> Command {
    let mut command = if has("cargo-nextest") {
        let mut nextest = offline_cargo(&["nextest", "run", "--workspace"]);
        if !args.is_empty() && !args.contains(&"--no-run") {
            nextest.arg("--no-tests=fail");
        }
        nextest
    } else {
        // No choice of targets: with one, cargo would build the examples as tests.
        offline_cargo(&["test", "--workspace"])
    };
    command.args(args);
    command
}

fn browser(tools: &Tools) -> Result<Option<Command>> {
    let Some(folder) = &tools.browser_tests else { return Ok(None) };
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .flatten()
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Ok(None);
    }
    let mut command = Command::new(&tools.node);
    // One after another: they share two cores with a browser and a server.
    command.args(["--test", "--test-concurrency=1"]).args(files).current_dir(folder);
    command.env("DRAWBRIDGE_BIN", product());
    if let Some(chromium) = &tools.chromium {
        command.env("CHROMIUM", chromium);
    }
    if let Some(python) = &tools.python {
        command.env("TEST_PYTHON", python);
    }
    Ok(Some(command))
}
