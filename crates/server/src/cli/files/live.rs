//! The organisation as the product has it.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use chrono::{DateTime, Utc};
use policy::ToolFacts;
use policy::suite;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::api::{Api, Raw};
use super::state::{From, Grant, Has, Organisation, Policy, Server, State};
use crate::cli::policy::facts;

#[derive(Deserialize)]
struct OrganisationView {
    name: String,
    settings: Map<String, Value>,
}

#[derive(Deserialize)]
struct ServerView {
    id: String,
    name: String,
    slug: String,
    url: String,
    transport: String,
    auth: AuthView,
    paused_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct AuthView {
    #[serde(default)]
    header_names: Vec<String>,
}

#[derive(Deserialize)]
struct PolicyView {
    id: String,
    name: String,
    server_id: Option<String>,
    version: i32,
    document: Raw,
}

#[derive(Deserialize)]
struct TestsView {
    data: Vec<TestView>,
}

#[derive(Deserialize)]
struct TestView {
    test: Raw,
}

#[derive(Deserialize)]
struct GrantView {
    id: String,
    label: String,
    bindings: Vec<BindingView>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct BindingView {
    server_slug: String,
    policy_name: Option<String>,
}

/// Reads everything. Grants that were revoked are over and not part of it.
pub(super) async fn read(api: &Api) -> Result<State> {
    let organisation: OrganisationView = api.get("/organisation").await?;
    let OrganisationView { name, settings } = organisation;
    let has = Has { servers: true, policies: true, grants: true };
    let mut state =
        State { organisation: Some(Organisation { name, settings }), has, ..State::default() };
    let mut slugs = BTreeMap::new();
    for view in api.list::<ServerView>("/servers").await? {
        slugs.insert(view.id.clone(), view.slug.clone());
        state.servers.insert(view.slug.clone(), server(view));
    }
    for view in api.list::<PolicyView>("/policies").await? {
        let (name, policy) = policy(api, view, &slugs).await?;
        state.policies.insert(name, policy);
    }
    for view in api.list::<GrantView>("/grants").await? {
        if view.revoked_at.is_none() {
            state.grants.insert(view.label.clone(), grant(view));
        }
    }
    Ok(state)
}

fn server(view: ServerView) -> Server {
    Server {
        from: From::Product(view.id),
        name: view.name,
        url: view.url,
        transport: view.transport,
        paused: view.paused_at.is_some(),
        headers: view.auth.header_names.into_iter().map(|name| (name, String::new())).collect(),
    }
}

async fn policy(
    api: &Api,
    view: PolicyView,
    slugs: &BTreeMap<String, String>,
) -> Result<(String, Policy)> {
    let tests: TestsView = api.get(&format!("/policies/{}/tests", view.id)).await?;
    let unread = || anyhow!("the policy “{}” is of a newer version of the language", view.name);
    let document = policy::parse(view.document.get()).map_err(|_found| unread())?;
    let written: Vec<_> = tests.data.iter().map(|test| test.test.get()).collect();
    let suite = format!(r#"{{"version":"1","tests":[{}]}}"#, written.join(","));
    let tests = suite::parse(&suite).map_err(|_found| unread())?;
    let server = view.server_id.as_ref().and_then(|id| slugs.get(id)).cloned();
    let from = From::Product(view.id);
    Ok((view.name, Policy { from, server, document, tests, version: view.version }))
}

fn grant(view: GrantView) -> Grant {
    Grant {
        from: From::Product(view.id),
        expires_at: view.expires_at,
        bindings: view.bindings.into_iter().map(|b| (b.server_slug, b.policy_name)).collect(),
    }
}

/// The tools of the servers whose policies have tests, by slug.
pub(super) async fn tools(
    api: &Api,
    live: &State,
    wanted: &State,
) -> Result<BTreeMap<String, Vec<ToolFacts>>> {
    let tested = wanted.policies.values().filter(|policy| !policy.tests.is_empty());
    let mut all = BTreeMap::new();
    for slug in tested.filter_map(|policy| policy.server.as_ref()) {
        let Some(server) = live.servers.get(slug).filter(|_| !all.contains_key(slug)) else {
            continue;
        };
        let answer: Raw = api.get(&format!("/servers/{}/tools", server.from.id())).await?;
        all.insert(slug.clone(), facts::of_answer(&answer)?);
    }
    Ok(all)
}
