//! The fuzzer, guided by coverage, over the bodies that the tests run with inputs of their own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Args;
use crate::shell::{output, root, run, say, target};

/// The packages of fuzz targets; each is a workspace of its own.
const PACKAGES: [&str; 2] = ["crates/gateway/fuzz", "crates/policy/fuzz"];
/// What one input may take of memory.
const MEMORY_MIB: u32 = 4096;

/// Every target for the same time.
pub(super) fn fuzz(args: &Args) -> Result<()> {
    let program = program()?;
    for package in PACKAGES {
        let folder = root().join(package);
        let listed = output("ls", &[&folder.join("fuzz_targets").to_string_lossy()]);
        let listed = listed.context("no fuzz targets")?;
        for name in listed.lines().filter_map(|file| file.strip_suffix(".rs")) {
            say(&format!("{package}: {name} for {} minutes", args.minutes));
            one(&program, &folder, name, args.minutes)?;
        }
    }
    Ok(())
}

/// New inputs are kept apart from the corpus of the tests, which is small by intent.
fn one(program: &PathBuf, folder: &PathBuf, name: &str, minutes: u64) -> Result<()> {
    let found = target().join("fuzz").join(name);
    std::fs::create_dir_all(&found)?;
    let mut command = Command::new(program);
    command.args(["run", "--fuzz-dir"]).arg(folder).arg("--target-dir");
    command.arg(target().join("fuzz-build")).arg(name);
    command.arg(found).arg(folder.join("corpus").join(name)).arg("--");
    command.arg(format!("-max_total_time={}", minutes * 60));
    command.arg(format!("-rss_limit_mb={MEMORY_MIB}")).arg("-print_final_stats=1");
    run(command.env("RUSTUP_TOOLCHAIN", "nightly").current_dir(folder))
}

/// `cargo-fuzz`, built once.
fn program() -> Result<PathBuf> {
    let folder = target().join("fuzz-tool");
    let program = folder.join("bin/cargo-fuzz");
    if !program.exists() {
        say("building cargo-fuzz");
        let mut install = Command::new("cargo");
        install.args(["install", "cargo-fuzz", "--version", "0.13.2", "--locked", "--root"]);
        run(install.arg(folder))?;
        run(Command::new("rustup").args([
            "toolchain",
            "install",
            "nightly",
            "--profile",
            "minimal",
        ]))?;
    }
    Ok(program)
}
