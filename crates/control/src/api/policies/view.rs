//! How policies look from outside.

use chrono::{DateTime, Utc};
use domain::{PolicyId, ServerId};
use policy::Problem;
use serde::Serialize;
use serde_json::value::RawValue;
use store::policies::Policy;

use crate::failure::Failure;

/// A policy with its live document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyView {
    #[schema(value_type = String, example = "pol_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: PolicyId,
    /// Its name for people.
    name: String,
    /// The server it was written for.
    #[schema(value_type = Option<String>)]
    server_id: Option<ServerId>,
    /// The live version, counted from 1.
    version: i32,
    /// The live document, in its normal form.
    #[schema(value_type = Object)]
    document: Box<RawValue>,
    /// How many bindings are under it.
    bindings_count: i64,
    created_at: DateTime<Utc>,
    /// When the live version was published.
    published_at: DateTime<Utc>,
}

impl PolicyView {
    /// The view of a row.
    pub(super) fn new(policy: Policy) -> Result<Self, Failure> {
        Ok(Self {
            id: policy.id,
            name: policy.name,
            server_id: policy.server_id,
            version: policy.version,
            document: raw(policy.document)?,
            bindings_count: policy.bindings,
            created_at: policy.created_at,
            published_at: policy.published_at,
        })
    }
}

/// A document as it is stored.
pub(super) fn raw(document: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(document).map_err(Failure::internal)
}

/// Something wrong with a document, or probably not meant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ProblemView {
    /// Where, as a JSON Pointer into the document.
    #[schema(example = "/tools/pay/limits/0/window")]
    pointer: String,
    /// Line of that place, from 1.
    line: u32,
    /// Column of that place, from 1.
    column: u32,
    /// What is wrong, in a sentence.
    detail: String,
    /// The nearest right word.
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<String>,
}

impl From<Problem> for ProblemView {
    fn from(problem: Problem) -> Self {
        let Problem { pointer, line, column, detail, suggestion } = problem;
        Self { pointer, line, column, detail, suggestion }
    }
}

/// Problems, for an answer.
pub(super) fn problems(problems: Vec<Problem>) -> Vec<ProblemView> {
    problems.into_iter().map(ProblemView::from).collect()
}
