//! The commands of developers, of newcomers and of CI: `cargo xtask --help`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to people")]
#![expect(
    clippy::disallowed_methods,
    reason = "product rules about clocks and settings; a developer's command reads both"
)]

mod bench;
mod conformance;
mod db;
mod http;
mod lint;
mod load;
mod nightly;
mod services;
mod shell;
mod test;
mod tidy;
mod tools;
mod up;

use std::process::ExitCode;

use clap::Parser;

/// Everything one does with this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Install what is missing, build, and run the product.
    Up(up::Args),
    /// Install what the tests lack, and run them all.
    Test(test::Args),
    /// The official MCP suite, directly and through the gateway.
    Conformance(conformance::Args),
    /// Format, structure, lints and documentation.
    Lint,
    /// Only the rules about the structure of the tree.
    Tidy,
    /// The database of developers.
    #[command(subcommand)]
    Db(db::Task),
    /// Fail if generated files are out of date.
    Drift,
    /// Run the benchmarks; arguments are those of `cargo bench`, or `rivals` first.
    Bench {
        /// Passed on.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Call one tool over and over, and report throughput, latency and the gateway's CPU.
    Load(load::Args),
    /// What takes too long for every change: clients that come and go for minutes.
    Nightly(nightly::Args),
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Up(args) => up::up(&args),
        Task::Test(args) => test::test(&args),
        Task::Conformance(args) => conformance::conformance(&args),
        Task::Lint => lint::lint(),
        Task::Tidy => tidy::tidy(),
        Task::Db(task) => db::db(&task),
        Task::Drift => db::drift(),
        Task::Bench { args } => bench::bench(&args),
        Task::Load(args) => load::load(&args),
        Task::Nightly(args) => nightly::nightly(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}
