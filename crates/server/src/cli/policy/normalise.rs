//! `drawbridge policy normalise`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use policy::Note;

use super::{OthersArg, file};

/// Which file.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// A policy of Drawbridge, of PolicyLayer or of Intercept, or bare rules of tools.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What becomes of prompts, resources and server requests that it says nothing about.
    #[arg(long, value_enum, default_value_t = OthersArg::Inherit)]
    others: OthersArg,
}

/// The normal form on the standard output, what changed on the standard error.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let text = file::text(&args.file)?;
    let imported = file::import(&text, args.others.into());
    let imported = imported.map_err(|problems| file::wrong(&args.file, &problems))?;
    for note in &imported.report {
        writeln!(std::io::stderr(), "{}", told(&args.file, note))?;
    }
    write!(std::io::stdout(), "{}", imported.document.to_json())?;
    Ok(ExitCode::SUCCESS)
}

/// A note as a line.
pub(super) fn told(path: &Path, note: &Note) -> String {
    let line = note.line.map(|line| format!(":{line}")).unwrap_or_default();
    let place =
        if note.pointer.is_empty() { String::new() } else { format!(" ({})", note.pointer) };
    let weight = note.weight.as_str();
    format!("{}{line}: {weight}: {} {}{place}", path.display(), note.what, note.why)
}
