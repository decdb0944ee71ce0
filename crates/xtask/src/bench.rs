//! `cargo xtask bench`: the benchmarks of the workspace, or `rivals`: the same policies in other
//! languages, from a workspace of its own so that nothing else has to build them.

use anyhow::Result;

use crate::shell::{cargo, offline_cargo, root, run, target};

const RIVALS: &str = "crates/policy/benches/rivals/Cargo.toml";

/// Passes the arguments on to `cargo bench`.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((first, rest)) if first == "rivals" => {
            let mut command = cargo(&["bench", "--locked", "--manifest-path"]);
            command.arg(root().join(RIVALS)).arg("--target-dir").arg(target().join("rivals"));
            run(command.args(rest))
        }
        _ => run(offline_cargo(&["bench", "--workspace"]).args(args)),
    }
}
