//! `cargo xtask lint`: everything that needs no running program, cheapest first, up to the first
//! failure.

use anyhow::Result;

use crate::shell::{Steps, cargo, check_room, has, offline_cargo, run, stop_in_order};
use crate::tidy;

/// Runs the checks.
pub(crate) fn lint() -> Result<()> {
    stop_in_order()?;
    let mut steps = Steps::default();
    let result = all(&mut steps);
    steps.summarise();
    result
}

fn all(steps: &mut Steps) -> Result<()> {
    check_room()?;
    steps.step("fmt", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    steps.step("tidy", tidy::tidy)?;
    steps.step("clippy", || {
        let scope = ["clippy", "--workspace", "--all-targets", "--locked", "--quiet"];
        run(offline_cargo(&scope).args(["--", "-D", "warnings"]))
    })?;
    steps.step("doc", || {
        let scope = ["doc", "--workspace", "--no-deps", "--locked", "--quiet"];
        run(offline_cargo(&scope).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    if has("cargo-deny") {
        steps
            .step("deny", || run(&mut cargo(&["deny", "check", "licenses", "bans", "sources"])))?;
    }
    Ok(())
}
