//! `cargo xtask up`: from a checkout to a running product.

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use embedded::{Binaries, Install};

use crate::shell::{build_product, check_room, product, root, say};

/// Where the product listens unless it is told otherwise.
const LISTEN: &str = "127.0.0.1:8080";

/// Installs what is missing, builds, and becomes the product.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Passed on to `drawbridge serve`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    serve: Vec<String>,
}

/// Returns only when something is missing: else this process becomes the product, so that a
/// Ctrl-C or a signal reaches it directly.
pub(crate) fn up(args: &Args) -> Result<()> {
    check_port(&args.serve)?;
    check_room()?;
    if env::var_os("DATABASE_URL").is_none() {
        Binaries::find_or_install(Install::IfAllowed, &say)?;
    }
    say("building (the first time takes some minutes)");
    build_product()?;
    let program = product();
    let error = Command::new(&program).arg("serve").args(&args.serve).current_dir(root()).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

/// Better said now than after the build.
fn check_port(serve: &[String]) -> Result<()> {
    if serve.iter().any(|argument| argument.starts_with("--listen")) {
        return Ok(());
    }
    let listen = env::var("DRAWBRIDGE_LISTEN").unwrap_or_else(|_| LISTEN.to_owned());
    // An address that we cannot read is for the product to explain.
    let Ok(address) = listen.parse::<SocketAddr>() else { return Ok(()) };
    if let Err(error) = TcpListener::bind(address) {
        bail!(
            "cannot listen on {address} ({error}); stop what listens there, or choose another \
             port: DRAWBRIDGE_LISTEN=127.0.0.1:{} cargo xtask up",
            address.port().saturating_add(1)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_on_the_command_line_is_not_checked_here() {
        let busy = TcpListener::bind(LISTEN);
        assert!(check_port(&["--listen=127.0.0.1:1".to_owned()]).is_ok());
        let refused = check_port(&[]).unwrap_err().to_string();
        assert!(refused.contains("DRAWBRIDGE_LISTEN=127.0.0.1:8081"), "{refused}");
        drop(busy);
    }
}
