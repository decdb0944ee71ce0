//! `drawbridge export` and `drawbridge apply`: an organisation as files, over the admin REST API
//! of a running product.
//!
//! ```text
//! organisation.json
//! servers/billing.json            the name of the file is the slug
//! policies/billing-read.json      name, server, document
//! policies/billing-read.tests.json
//! grants/ci-runner.json           label, expiry, bindings; never a token
//! ```
//!
//! Everything is known by what people call it: a server by its slug, a policy by its name, a grant
//! by its label. [`plan`] compares two such states and knows nothing of the network.

mod api;
mod carry_out;
mod folder;
mod forms;
mod live;
mod plan;
mod references;
mod state;
mod write;

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use domain::Clock;
use secrecy::SecretString;

use self::api::Api;
use self::plan::Wish;
use super::{environment, runtime, say};

/// Which product, and as whom.
#[derive(clap::Args)]
struct Product {
    /// Where the product is: the address of its pages.
    #[arg(long, env = "DRAWBRIDGE_URL", value_name = "URL")]
    url: url::Url,
    /// An API key (dbk_…) of the organisation. The environment is the better place for it.
    #[arg(long, env = "DRAWBRIDGE_API_KEY", hide_env_values = true, value_name = "KEY")]
    key: SecretString,
    /// Send the key to another machine without TLS.
    #[arg(long)]
    plain_http: bool,
}

impl Product {
    fn connect(self) -> Result<Api> {
        Api::new(&self.url, &self.key, self.plain_http)
    }
}

/// Where to.
#[derive(clap::Args)]
pub(super) struct ExportArgs {
    /// The folder. It is made if need be; files of the same things are written anew.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Remove files of servers, policies and grants that are no longer there.
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    product: Product,
}

/// From where, and how.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct ApplyArgs {
    /// The folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print the plan and do nothing.
    #[arg(long, visible_alias = "plan")]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Remove servers and policies, and revoke grants, that have no file.
    #[arg(long)]
    prune: bool,
    /// Send the credentials of every server again, also where only their values may have changed.
    #[arg(long)]
    credentials: bool,
    /// Write the tokens of new grants to this file, which must not exist yet, instead of showing
    /// them.
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// What changed, for colleagues; it stands beside the new versions of policies.
    #[arg(long, value_name = "TEXT", default_value = "Applied from files")]
    comment: String,
    #[command(flatten)]
    product: Product,
}

/// Writes the organisation's files.
pub(super) fn export(args: ExportArgs) -> Result<()> {
    let api = args.product.connect()?;
    let live = runtime()?.block_on(live::read(&api))?;
    let known = folder::names(&args.folder);
    let files = write::files(&live, &known);
    folder::write(&args.folder, &files, args.prune)
}

/// Makes the organisation what the files say.
pub(super) fn apply(args: ApplyArgs) -> Result<ExitCode> {
    let wanted = folder::read(&args.folder)?;
    let api = args.product.connect()?;
    let runtime = runtime()?;
    let live = runtime.block_on(live::read(&api))?;
    let tools = runtime.block_on(live::tools(&api, &live, &wanted))?;
    let wish = Wish {
        prune: args.prune,
        credentials: args.credentials,
        now: Clock::system().now(),
        environment: environment(),
        tools,
    };
    let plan = plan::plan(&live, &wanted, &wish)
        .map_err(|wrong| anyhow!("nothing was applied:\n  {}", wrong.join("\n  ")))?;
    plan.lines().iter().try_for_each(|line| say(line))?;
    if plan.steps.is_empty() || args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !agreed()? {
        bail!("nothing was applied");
    }
    let tokens = carry_out::Tokens::open(args.tokens.as_deref())?;
    runtime.block_on(carry_out::all(&api, &live, plan, &args.comment, tokens))?;
    Ok(ExitCode::SUCCESS)
}

/// Asks, where somebody can answer.
fn agreed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody is there to ask: add --yes. Nothing was applied");
    }
    write!(std::io::stdout(), "Apply? [y/N] ")?;
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
