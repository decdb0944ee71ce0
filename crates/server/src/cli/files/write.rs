//! From an organisation to its files: the same text for the same organisation, whatever the day.

use std::collections::{BTreeMap, BTreeSet};

use domain::Slug;
use policy::suite;
use serde::Serialize;

use super::folder::Names;
use super::forms::{BindingFile, GrantFile, OrganisationFile, ServerFile};
use super::references;
use super::state::{Grant, Policy, Server, State};

/// The files by their names within the folder.
pub(super) fn files(state: &State, known: &Names) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    if let Some(organisation) = &state.organisation {
        let form = OrganisationFile {
            name: organisation.name.clone(),
            settings: organisation.settings.clone(),
        };
        files.insert("organisation.json".to_owned(), pretty(&form));
    }
    for (slug, server) in &state.servers {
        let text = pretty(&server_file(slug, server, known.headers.get(slug)));
        files.insert(format!("servers/{slug}.json"), text);
    }
    let stems = stems(state.policies.keys(), &known.policies, "policy");
    for (stem, (name, policy)) in stems.iter().zip(&state.policies) {
        files.insert(format!("policies/{stem}.json"), policy_file(name, policy));
        if !policy.tests.is_empty() {
            files.insert(format!("policies/{stem}.tests.json"), suite::to_json(&policy.tests));
        }
    }
    let stems = self::stems(state.grants.keys(), &known.grants, "grant");
    for (stem, (label, grant)) in stems.iter().zip(&state.grants) {
        files.insert(format!("grants/{stem}.json"), pretty(&grant_file(label, grant)));
    }
    files
}

/// Two spaces a level, and a newline at the end.
fn pretty(form: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(form).unwrap_or_default();
    text.push('\n');
    text
}

fn server_file(
    slug: &str,
    server: &Server,
    references: Option<&BTreeMap<String, String>>,
) -> ServerFile {
    let reference = |header: &String| {
        let there = references.and_then(|all| all.get(header)).cloned();
        (header.clone(), there.unwrap_or_else(|| references::usual(slug, header)))
    };
    ServerFile {
        name: server.name.clone(),
        url: server.url.clone(),
        transport: server.transport.clone(),
        headers: server.headers.keys().map(reference).collect(),
        paused: server.paused,
    }
}

/// By hand, so that the document is written as everywhere, number for number.
fn policy_file(name: &str, policy: &Policy) -> String {
    let server = policy.server.as_deref().map_or("null".to_owned(), json::quoted);
    let document = policy.document.to_json().trim_end().replace('\n', "\n  ");
    let name = json::quoted(name);
    format!("{{\n  \"name\": {name},\n  \"server\": {server},\n  \"document\": {document}\n}}\n")
}

fn grant_file(label: &str, grant: &Grant) -> GrantFile {
    let binding = |(server, policy): (&String, &Option<String>)| BindingFile {
        server: server.clone(),
        policy: policy.clone(),
    };
    GrantFile {
        label: label.to_owned(),
        expires_at: grant.expires_at,
        bindings: grant.bindings.iter().map(binding).collect(),
    }
}

/// A file name for each name: the one it has, or else one like it that is free.
fn stems<'n>(
    names: impl Iterator<Item = &'n String> + Clone,
    known: &BTreeMap<String, String>,
    fallback: &str,
) -> Vec<String> {
    let mut taken: BTreeSet<String> =
        names.clone().filter_map(|name| known.get(name)).cloned().collect();
    names
        .map(|name| {
            if let Some(stem) = known.get(name) {
                return stem.clone();
            }
            let plain = Slug::from_name(name, fallback);
            let numbered = (2..).map(|n| plain.numbered(n));
            let mut all = std::iter::once(plain.clone()).chain(numbered);
            let free = all.find(|slug| !taken.contains(slug.as_str()));
            let stem = free.unwrap_or(plain).as_str().to_owned();
            taken.insert(stem.clone());
            stem
        })
        .collect()
}
