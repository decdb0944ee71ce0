//! `drawbridge policy diff`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use policy::Change;

use super::{code, file};
use crate::cli::say;

/// From what to what.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The older policy.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The newer policy.
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

/// Says what changes. Code 2 if that cannot be said.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let both = file::document(&args.old).and_then(|old| Ok((old, file::document(&args.new)?)));
    let (old, new) = match both {
        Ok(both) => both,
        Err(error) => {
            super::super::complain(&error);
            return Ok(ExitCode::from(2));
        }
    };
    let changes = policy::diff(&old, &new);
    changes.iter().try_for_each(|change| say(&told(change)))?;
    Ok(code(!changes.is_empty()))
}

/// `looser    create_charge: limit 30 → 60 calls a minute`.
pub(in crate::cli) fn told(change: &Change) -> String {
    format!("{:8}  {}", change.bearing.as_str(), change.summary)
}
