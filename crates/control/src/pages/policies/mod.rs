//! Policies: the list, the builder, the versions.

mod backtest;
mod create;
mod edit;
mod fields;
mod found;
mod learn;
mod lines;
mod list;
mod period;
mod publish;
mod remove;
mod restore;
mod table;
mod tests;
mod try_call;
mod validate;
mod versions;

pub(crate) use backtest::{answer as backtested, show as backtest};
pub(crate) use create::{create, filled, new};
pub(crate) use edit::{draft, show};
pub(crate) use fields::fields;
pub(crate) use learn::{answer as learned, show as learn};
pub(crate) use list::list;
pub(crate) use publish::publish;
pub(crate) use remove::remove;
pub(crate) use restore::restore;
pub(crate) use tests::{add as add_test, list as tests, remove as remove_test};
pub(crate) use try_call::{answer as try_answer, show as try_call};
pub(crate) use validate::validate;
pub(crate) use versions::{compare, diff, list as versions};

#[cfg(test)]
pub(super) use backtest::BacktestPage;
#[cfg(test)]
pub(super) use create::NewPolicy;
#[cfg(test)]
pub(super) use edit::PolicyPage;
#[cfg(test)]
pub(super) use learn::LearnPage;
#[cfg(test)]
pub(super) use list::PolicyList;
#[cfg(test)]
pub(super) use tests::TestList;
#[cfg(test)]
pub(super) use try_call::TryPage;
#[cfg(test)]
pub(super) use versions::{VersionDiff, VersionList};

use crate::failure::Failure;

/// An error of a document, with its place in the text.
struct DocumentError {
    line: u32,
    column: u32,
    /// Within the document; whoever used the table looks for the tool, not for a line.
    pointer: String,
    detail: String,
}

/// The errors that a refused form has in its document.
fn document_errors(refused: Option<&Failure>) -> Vec<DocumentError> {
    let errors = refused.map(Failure::fields).unwrap_or_default().iter();
    let errors = errors.filter(|error| error.pointer.starts_with("/document"));
    errors
        .map(|error| DocumentError {
            line: error.line.unwrap_or(1),
            column: error.column.unwrap_or(1),
            pointer: error.pointer.strip_prefix("/document").unwrap_or_default().to_owned(),
            detail: error.detail.clone(),
        })
        .collect()
}
