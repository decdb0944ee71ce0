//! `drawbridge connect --stdio -- CMD ARGS…`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use connect::Options;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{runtime, say};

/// A local MCP server, so that it can be registered.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The server speaks over its standard streams. (The only kind there is so far.)
    #[arg(long, required = true)]
    stdio: bool,
    /// Loopback address and port to listen on; a free port unless said otherwise.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Ask no secret of callers. Everything on this machine can then call the server.
    #[arg(long)]
    no_auth: bool,
    /// Sessions, each with a process of its own, at once.
    #[arg(long, value_name = "N", default_value_t = 32)]
    max_sessions: usize,
    /// Seconds without a call after which a session's process is ended.
    #[arg(long, value_name = "SECONDS", default_value_t = 1_800)]
    idle_secs: u64,
    /// The program that is the server, and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Serves until a signal.
pub(super) fn run(args: Args) -> Result<()> {
    if !args.listen.ip().is_loopback() {
        bail!("--listen: `connect` serves this machine only; choose a loopback address");
    }
    runtime()?.block_on(serve(args))
}

async fn serve(args: Args) -> Result<()> {
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let mut options = Options::new(args.command);
    options.max_sessions = args.max_sessions;
    options.idle = Duration::from_secs(args.idle_secs);
    if args.no_auth {
        options.secret = None;
    }
    introduce(&options, listener.local_addr()?)?;
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let told = {
        let stop = stop.clone();
        async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            stop.cancel();
        }
    };
    let (served, ()) = tokio::join!(connect::serve(listener, options, stop), told);
    Ok(served?)
}

/// Says where it is and how it is registered.
fn introduce(options: &Options, at: SocketAddr) -> Result<()> {
    let words: Vec<_> = options.command.iter().map(|word| word.to_string_lossy()).collect();
    say(&format!("Serving `{}`", words.join(" ")))?;
    say(&format!("url: http://{at}/mcp"))?;
    match &options.secret {
        Some(secret) => say(&format!("header: Authorization: Bearer {}", secret.reveal()))?,
        None => say("header: none; everything on this machine can call it")?,
    }
    say("Register that URL in Drawbridge under Servers, Add server, with the header as its \
         credential. A Drawbridge that listens on another address than loopback needs \
         DRAWBRIDGE_UPSTREAM_ALLOW=127.0.0.1 to reach it.")
}
