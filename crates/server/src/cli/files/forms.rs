//! How each file is written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// `organisation.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrganisationFile {
    pub(super) name: String,
    #[serde(default)]
    pub(super) settings: Map<String, Value>,
}

/// `servers/{slug}.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerFile {
    pub(super) name: String,
    pub(super) url: String,
    #[serde(default = "auto")]
    pub(super) transport: String,
    /// `{"Authorization": "Bearer ${BILLING_TOKEN}"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) paused: bool,
}

/// `policies/{name}.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    pub(super) name: String,
    /// The slug of the server that it is written for.
    #[serde(default)]
    pub(super) server: Option<String>,
    /// Read at its place in the file, so that errors have their lines.
    #[serde(rename = "document")]
    pub(super) _document: Box<RawValue>,
}

/// `grants/{label}.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantFile {
    pub(super) label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) bindings: Vec<BindingFile>,
}

/// A server that a grant reaches, by its slug, and the policy there, by its name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BindingFile {
    pub(super) server: String,
    /// `null` denies everything.
    pub(super) policy: Option<String>,
}

fn auto() -> String {
    "auto".to_owned()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}
