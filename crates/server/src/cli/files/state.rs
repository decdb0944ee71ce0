//! An organisation as people describe it, whether it comes from files or from the product.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use policy::Document;
use policy::suite::Test;
use serde_json::{Map, Value};

/// Everything there is of an organisation.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) organisation: Option<Organisation>,
    /// By slug.
    pub(super) servers: BTreeMap<String, Server>,
    /// By name.
    pub(super) policies: BTreeMap<String, Policy>,
    /// By label.
    pub(super) grants: BTreeMap<String, Grant>,
    /// Which of them were looked for: what has no folder is not meant to be empty.
    pub(super) has: Has,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Has {
    pub(super) servers: bool,
    pub(super) policies: bool,
    pub(super) grants: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Organisation {
    pub(super) name: String,
    pub(super) settings: Map<String, Value>,
}

#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) from: From,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) transport: String,
    pub(super) paused: bool,
    /// Values by name, with references to the environment; from the product the names alone.
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) from: From,
    /// The slug of its server.
    pub(super) server: Option<String>,
    pub(super) document: Document,
    pub(super) tests: Vec<Test>,
    /// The version in force; 0 in a file.
    pub(super) version: i32,
}

#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) from: From,
    pub(super) expires_at: Option<DateTime<Utc>>,
    /// The policy of each server that it reaches, by slug.
    pub(super) bindings: BTreeMap<String, Option<String>>,
}

/// Where a thing was read.
#[derive(Debug, Clone)]
pub(super) enum From {
    /// In the product, under this id.
    Product(String),
    File(PathBuf),
}

impl From {
    /// The id in the product; nothing of a file.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Product(id) => id,
            Self::File(_) => "",
        }
    }

    /// What an error names.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Product(id) => id.clone(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// Tests are the same whatever the spaces in their arguments.
pub(super) fn same_tests(one: &[Test], other: &[Test]) -> bool {
    let values = |tests: &[Test]| {
        let value = |test: &Test| serde_json::to_value(test).unwrap_or_default();
        tests.iter().map(value).collect::<Vec<_>>()
    };
    values(one) == values(other)
}
