//! `drawbridge policy check`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use policy::{Note, Others, Problem, ToolFacts, suite};
use serde::Serialize;
use serde_json::json;

use super::{code, facts, file};
use crate::cli::say;

/// Which files, and what for.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// Policies, and tests of policies (`….tests.json`).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The tools that warnings go by: an answer of tools/list, or of the admin API.
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
    /// How to say it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line each: `file:line:column`.
    Text,
    /// One object.
    Json,
    /// SARIF 2.1.0, which code hosts show beside the lines.
    Sarif,
}

/// What was found in one file.
#[derive(Serialize)]
struct Found {
    file: String,
    valid: bool,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    /// What changes in meaning of a policy of another kind.
    report: Vec<Note>,
}

/// Says what is wrong with each file.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let tools = args.tools.as_deref().map(facts::read).transpose()?;
    let mut all = Vec::new();
    for path in &args.files {
        all.push(found(path, tools.as_deref())?);
    }
    let wrong = all.iter().any(|found| !found.valid);
    match args.format {
        Format::Text => all.iter().try_for_each(tell)?,
        Format::Json => say(&serde_json::to_string_pretty(&json!({ "files": all }))?)?,
        Format::Sarif => say(&serde_json::to_string_pretty(&sarif(&all))?)?,
    }
    Ok(code(wrong))
}

fn found(path: &Path, tools: Option<&[ToolFacts]>) -> Result<Found> {
    let text = file::text(path)?;
    let file = path.display().to_string();
    if file.ends_with(".tests.json") {
        let errors = suite::parse(&text).err().unwrap_or_default();
        let (warnings, report) = (Vec::new(), Vec::new());
        return Ok(Found { file, valid: errors.is_empty(), errors, warnings, report });
    }
    let imported = match file::import(&text, Others::Inherit) {
        Ok(imported) => imported,
        Err(errors) => {
            let (warnings, report) = (Vec::new(), Vec::new());
            return Ok(Found { file, valid: false, errors, warnings, report });
        }
    };
    let errors = policy::compile(&imported.document, tools.unwrap_or_default()).err();
    // The warnings of a document know their lines; those of one that was taken over have none.
    let checked = policy::check(&file::document_text(&text), tools);
    let warnings =
        if checked.valid { checked.warnings } else { policy::warnings(&imported.document, tools) };
    let errors = errors.unwrap_or_default();
    Ok(Found { file, valid: errors.is_empty(), errors, warnings, report: imported.report })
}

fn tell(found: &Found) -> Result<()> {
    let path = Path::new(&found.file);
    for (kind, problems) in [("error", &found.errors), ("warning", &found.warnings)] {
        for problem in problems {
            say(&file::line(path, kind, problem))?;
        }
    }
    for note in &found.report {
        say(&super::normalise::told(path, note))?;
    }
    if found.valid {
        say(&format!("{}: valid", found.file))?;
    }
    Ok(())
}

fn sarif(all: &[Found]) -> serde_json::Value {
    let result = |file: &str, level: &str, problem: &Problem| {
        json!({
            "ruleId": level,
            "level": level,
            "message": { "text": problem.detail },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": file },
                "region": { "startLine": problem.line, "startColumn": problem.column },
            } }],
        })
    };
    let results: Vec<_> = all
        .iter()
        .flat_map(|found| {
            let errors = found.errors.iter().map(|problem| result(&found.file, "error", problem));
            let warnings = found.warnings.iter();
            errors.chain(warnings.map(|problem| result(&found.file, "warning", problem)))
        })
        .collect();
    let driver = json!({ "name": "drawbridge", "version": env!("CARGO_PKG_VERSION") });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": results }],
    })
}
