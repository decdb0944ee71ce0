//! Documents of other kinds: what they become here, and what of their meaning changed on the way.
//!
//! Nothing becomes looser on the way. What cannot be carried exactly is carried stricter and told,
//! or it is an error.

mod go;
mod intercept;
mod notes;
mod origin;
mod others;
mod yaml;

use serde::Serialize;

use crate::document::Document;
use crate::parse::{MAX_BYTES, MAX_PROBLEMS, parse_import};
use crate::problem::{Problem, position};

pub use notes::{Note, Weight};
pub use others::Others;

/// A document that was taken over.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What it is here.
    pub document: Document,
    /// What it was.
    pub dialect: Dialect,
    /// What a person should know about it, most important first.
    pub report: Vec<Note>,
}

/// The kinds of documents that are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// A document of this language that says something only this language can say.
    Drawbridge,
    /// A document as PolicyLayer publishes them.
    PolicyLayer,
    /// Rules of tools alone.
    Fragment,
    /// A policy of Intercept, in YAML or in JSON.
    Intercept,
}

impl Dialect {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drawbridge => "drawbridge",
            Self::PolicyLayer => "policy_layer",
            Self::Fragment => "fragment",
            Self::Intercept => "intercept",
        }
    }

    /// What it is called among people.
    pub const fn said(self) -> &'static str {
        match self {
            Self::Drawbridge => "a Drawbridge policy",
            Self::PolicyLayer => "a PolicyLayer policy",
            Self::Fragment => "rules of tools",
            Self::Intercept => "an Intercept policy",
        }
    }
}

/// Reads a document of any known kind, or says everything that is wrong with it, with places in
/// the text as it was written.
///
/// ```
/// use policy::{Dialect, Others};
///
/// let text = "version: \"1\"\ntools:\n  create_issue:\n    rules:\n      - rate_limit: 5/hour\n";
/// let imported = policy::import(text, Others::Inherit).unwrap();
/// assert_eq!(imported.dialect, Dialect::Intercept);
/// assert!(imported.document.to_json().contains("create_issue_rate"));
/// ```
pub fn import(text: &str, others: Others) -> Result<Imported, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > MAX_BYTES {
        let detail = format!("The text has {} bytes; it may have at most {MAX_BYTES}.", text.len());
        return Err(vec![Problem::at_start(detail)]);
    }
    let mut imported = match Form::of(text) {
        Form::Json => ours(text)?,
        Form::InterceptJson => {
            let place = |offset| position(offset, text);
            intercept::read(text, |problem| problem, |node| place(node.span().start).0)?
        }
        Form::Yaml => from_yaml(text)?,
    };
    others.settle(&mut imported);
    imported.report.sort_by_key(|note| note.weight);
    Ok(imported)
}

/// How a text is written.
enum Form {
    Json,
    InterceptJson,
    Yaml,
}

impl Form {
    fn of(text: &str) -> Self {
        match json::parse(text.as_bytes()) {
            Ok(tape) if intercept::is_intercept(tape.root()) => Self::InterceptJson,
            Ok(_) => Self::Json,
            // What begins like JSON gets the errors of JSON.
            Err(_) if text.trim_start().starts_with(['{', '[', '"']) => Self::Json,
            Err(_) if text.trim().is_empty() => Self::Json,
            Err(_) => Self::Yaml,
        }
    }
}

fn ours(text: &str) -> Result<Imported, Vec<Problem>> {
    let (document, is_fragment) = parse_import(text)?;
    let dialect = if is_fragment {
        Dialect::Fragment
    } else if origin::is_policy_layer(&document) {
        Dialect::PolicyLayer
    } else {
        Dialect::Drawbridge
    };
    Ok(Imported { document, dialect, report: Vec::new() })
}

fn from_yaml(text: &str) -> Result<Imported, Vec<Problem>> {
    let yaml = yaml::read(text)?;
    // What the YAML itself gets wrong and what Intercept would are told together.
    let read = intercept::read(
        &yaml.json,
        |problem| yaml.located(problem),
        |node| yaml.line(node.span().start),
    );
    match read {
        Ok(imported) if yaml.problems.is_empty() => Ok(imported),
        Ok(_) => Err(yaml.problems),
        Err(problems) => {
            let mut all = yaml.problems;
            all.extend(problems);
            all.sort_by_key(|problem| (problem.line, problem.column));
            all.truncate(MAX_PROBLEMS);
            Err(all)
        }
    }
}
