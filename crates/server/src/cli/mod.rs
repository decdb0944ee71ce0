//! The command line.

mod audit;
mod config;
mod connect;
mod doctor;
mod files;
mod migrate;
mod policy;
mod routes;
mod serve;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{Parser, Subcommand};

use crate::config::{Config, Sources};

/// The gateway between AI agents and their MCP servers, with policy on every tool call.
#[derive(Parser)]
#[command(name = "drawbridge", version, about)]
struct Cli {
    /// A TOML file with settings; the environment and flags win over it.
    #[arg(long, global = true, env = "DRAWBRIDGE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the product. With nothing set it needs nothing: a private Postgres in the data
    /// directory, limits counted in process, keys made at the first start.
    Serve(Serve),
    /// Brings the database of `DATABASE_URL` to this version's schema.
    Migrate,
    /// Lists every setting, its value and where it comes from. Secrets are masked.
    Config,
    /// Checks what `serve` would need, and says what to do about what is missing.
    Doctor,
    /// Serves a local MCP server that speaks over its standard streams over HTTP on loopback, so
    /// that it can be registered like any other.
    Connect(connect::Args),
    /// What can be said of an exported audit log, offline.
    #[command(subcommand)]
    Audit(audit::Task),
    /// Lists every route with the right it asks for.
    Routes,
    /// Prints the OpenAPI document of the admin REST API.
    Openapi,
    /// Works on policies as files.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Writes an organisation's servers, policies and grants as files, without secrets.
    Export(files::ExportArgs),
    /// Makes an organisation what files say: prints the plan, asks, and does it.
    Apply(files::ApplyArgs),
}

#[derive(clap::Args)]
struct Serve {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// all, control or gateway.
    #[arg(long)]
    role: Option<String>,
    /// Where the embedded database and generated keys are kept.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
}

/// Runs one command. A failure is one sentence on the standard error, and code 1.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// One sentence on the standard error.
fn complain(error: &anyhow::Error) {
    // Nothing is left to do if the standard error is closed.
    let _written = writeln!(std::io::stderr(), "drawbridge: {error:#}");
}

fn dispatch(cli: Cli) -> Result<ExitCode> {
    let flags = match &cli.command {
        Command::Serve(serve) => serve.flags(),
        _ => BTreeMap::new(),
    };
    let load = || load(Sources { flags, environment: environment(), file: cli.config });
    match cli.command {
        Command::Serve(_) => serve::run(load()?)?,
        Command::Connect(args) => connect::run(args)?,
        Command::Migrate => migrate::run(&load()?)?,
        Command::Config => config::run(&load()?)?,
        Command::Doctor => doctor::run(&load()?)?,
        Command::Audit(task) => audit::run(task)?,
        Command::Routes => routes::run()?,
        Command::Openapi => say(&serde_json::to_string_pretty(&control::openapi())?)?,
        Command::Policy(command) => return policy::run(command),
        Command::Export(args) => files::export(args)?,
        Command::Apply(args) => return files::apply(args),
    }
    Ok(ExitCode::SUCCESS)
}

impl Serve {
    fn flags(&self) -> BTreeMap<&'static str, String> {
        [
            ("DRAWBRIDGE_LISTEN", &self.listen),
            ("DRAWBRIDGE_ROLE", &self.role),
            ("DRAWBRIDGE_DATA_DIR", &self.data_dir),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .collect()
    }
}

fn load(sources: Sources) -> Result<Config> {
    Config::load(sources).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
        anyhow!("these settings do not fit:{}", lines.concat())
    })
}

/// The environment, as far as it is text.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// One line to whoever called.
fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// A runtime for a command that talks to the network.
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
