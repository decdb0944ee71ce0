//! `cargo xtask conformance`: the official MCP suite against our fixture, directly and through the
//! gateway, and the suite's own servers behind it.

use std::process::Command;

use anyhow::Result;
use embedded::Settings;

use crate::shell::{Steps, build_product, check_room, product, run, say, stop_in_order};
use crate::tools::{self, Tools};

/// Runs the official conformance suite.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these parts.
    parts: Vec<Part>,
}

/// What can be run alone.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Part {
    /// Each set of scenarios, directly and through the gateway: nothing may differ.
    Same,
    /// Each set through the gateway to a server of the other era.
    Crossed,
    /// The scenarios for clients, with the gateway in the middle.
    Clients,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Crossed => "crossed",
            Self::Clients => "clients",
        }
    }
}

/// Installs what is missing, builds the product, and runs the suite.
pub(crate) fn conformance(args: &Args) -> Result<()> {
    stop_in_order()?;
    let mut steps = Steps::default();
    let result = all(args, &mut steps);
    steps.summarise();
    result
}

fn all(args: &Args, steps: &mut Steps) -> Result<()> {
    check_room()?;
    let settings = Settings { progress: &say, ..Settings::new("drawbridge", "") };
    let tools = steps.step("tools", || tools::prepare(&settings))?;
    steps.step("build the product", build_product)?;
    let Some(mut command) = command(&tools) else { return Ok(()) };
    command.args(args.parts.iter().map(|part| part.name()));
    steps.step("conformance", || run(&mut command))
}

/// The suite's run, where its folder is there. It starts what it needs: nothing is shared.
pub(crate) fn command(tools: &Tools) -> Option<Command> {
    let folder = tools.browser_tests.as_ref()?;
    let mut command = Command::new(&tools.node);
    command.arg("conformance/run.mjs").current_dir(folder).env("DRAWBRIDGE_BIN", product());
    if let Some(python) = &tools.python {
        command.env("TEST_PYTHON", python);
    }
    Some(command)
}
