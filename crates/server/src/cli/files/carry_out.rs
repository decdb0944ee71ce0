//! Doing what was planned, step by step. Each step is whole in itself: after a failure in the
//! middle, `apply` plans what is left.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use chrono::{DateTime, Utc};
use http::Method;
use policy::suite::{self, Test};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::api::Api;
use super::plan::{Act, Bindings, Headers, Plan};
use super::state::State;
use crate::cli::say;

/// Where the tokens of new grants go.
pub(super) enum Tokens {
    Shown,
    Kept(File),
}

impl Tokens {
    /// Made before anything is done, so that no token is lost for want of a file.
    pub(super) fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::Shown) };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.with_context(|| format!("{}: nothing was applied", path.display()))?;
        Ok(Self::Kept(file))
    }

    fn put(&mut self, label: &str, token: &SecretString) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the one time that a token is given out")]
        let token = token.expose_secret();
        match self {
            Self::Shown => say(&format!("token  {label}  {token}"))?,
            Self::Kept(file) => {
                writeln!(file, "{}", json!({ "grant": label, "token": token }))?;
                file.sync_all()?;
            }
        }
        Ok(())
    }
}

/// Carries out the plan.
pub(super) async fn all(
    api: &Api,
    live: &State,
    plan: Plan,
    comment: &str,
    tokens: Tokens,
) -> Result<()> {
    let ids = |(name, id): (&String, &str)| (name.clone(), id.to_owned());
    let servers = live.servers.iter().map(|(slug, server)| (slug, server.from.id()));
    let policies = live.policies.iter().map(|(name, policy)| (name, policy.from.id()));
    let mut worker = Worker {
        api,
        comment,
        tokens,
        servers: servers.map(ids).collect(),
        policies: policies.map(ids).collect(),
    };
    let count = plan.steps.len();
    for (done, step) in plan.steps.into_iter().enumerate() {
        worker.act(step.act).await.with_context(|| {
            format!(
                "{} failed. {done} of {count} changes were made and stay; run apply again to go on",
                step.title
            )
        })?;
        say(&format!("done  {}", step.title))?;
    }
    Ok(())
}

struct Worker<'a> {
    api: &'a Api,
    comment: &'a str,
    tokens: Tokens,
    /// Ids by slug, those just made too.
    servers: BTreeMap<String, String>,
    /// Ids by name.
    policies: BTreeMap<String, String>,
}

impl Worker<'_> {
    async fn act(&mut self, act: Act) -> Result<()> {
        match act {
            Act::ChangeOrganisation(body) => self.patch("/organisation", &body).await,
            Act::CreateServer { slug, body, headers, paused } => {
                self.create_server(slug, body, &headers, paused).await
            }
            Act::ChangeServer { id, mut body, headers } => {
                if let Some(headers) = headers {
                    body.insert("auth".to_owned(), auth(&headers));
                }
                self.patch(&format!("/servers/{id}"), &Value::Object(body)).await
            }
            Act::PauseServer { id, paused } => self.pause(&id, paused).await,
            Act::CreatePolicy { name, server, document, tests } => {
                self.create_policy(name, server.as_deref(), &document, &tests).await
            }
            Act::MovePolicy { id, server } => {
                let server = self.server(server.as_deref())?;
                self.patch(&format!("/policies/{id}"), &json!({ "server_id": server })).await
            }
            Act::ReplaceTests { id, tests } => self.replace_tests(&id, &tests).await,
            Act::Publish { id, document, version } => {
                let comment = json!(self.comment);
                let body = format!(r#"{{"document":{document},"comment":{comment}}}"#);
                self.api.put_over(&format!("/policies/{id}/document"), body, version).await?;
                Ok(())
            }
            Act::CreateGrant { label, expires_at, bindings } => {
                self.create_grant(&label, expires_at, &bindings).await
            }
            Act::ChangeGrant { id, expires_at, bindings } => {
                let bindings = self.bindings(&bindings)?;
                let body = json!({ "expires_at": expires_at, "bindings": bindings });
                self.patch(&format!("/grants/{id}"), &body).await
            }
            Act::RevokeGrant { id } => {
                self.send(Method::POST, &format!("/grants/{id}/revoke")).await
            }
            Act::RemovePolicy { id } => self.send(Method::DELETE, &format!("/policies/{id}")).await,
            Act::RemoveServer { id } => self.send(Method::DELETE, &format!("/servers/{id}")).await,
        }
    }

    async fn patch(&self, path: &str, body: &Value) -> Result<()> {
        self.api.send(Method::PATCH, path, body).await.map(drop)
    }

    async fn send(&self, method: Method, path: &str) -> Result<()> {
        self.api.send(method, path, &json!({})).await.map(drop)
    }

    async fn create_server(
        &mut self,
        slug: String,
        mut body: Map<String, Value>,
        headers: &Headers,
        paused: bool,
    ) -> Result<()> {
        body.insert("slug".to_owned(), json!(slug));
        if !headers.is_empty() {
            body.insert("auth".to_owned(), auth(headers));
        }
        let made = self.api.send(Method::POST, "/servers", &Value::Object(body)).await?;
        let id = id(&made)?;
        if let Some(problem) = made.get("problem").and_then(Value::as_str) {
            say(&format!("note  server {slug}: {problem}"))?;
        }
        if paused {
            self.pause(&id, true).await?;
        }
        self.servers.insert(slug, id);
        Ok(())
    }

    async fn pause(&self, id: &str, paused: bool) -> Result<()> {
        let what = if paused { "pause" } else { "resume" };
        self.send(Method::POST, &format!("/servers/{id}/{what}")).await
    }

    async fn create_policy(
        &mut self,
        name: String,
        server: Option<&str>,
        document: &str,
        tests: &[Test],
    ) -> Result<()> {
        let (server, shown) = (json!(self.server(server)?), json!(name));
        let body = format!(r#"{{"name":{shown},"server_id":{server},"document":{document}}}"#);
        let made = self.api.send_text(Method::POST, "/policies", body).await?;
        let id = id(&made)?;
        self.policies.insert(name, id.clone());
        if tests.is_empty() { Ok(()) } else { self.replace_tests(&id, tests).await }
    }

    async fn replace_tests(&self, id: &str, tests: &[Test]) -> Result<()> {
        let path = format!("/policies/{id}/tests");
        self.api.send_text(Method::PUT, &path, suite::to_json(tests)).await.map(drop)
    }

    async fn create_grant(
        &mut self,
        label: &str,
        expires_at: Option<DateTime<Utc>>,
        bindings: &Bindings,
    ) -> Result<()> {
        let bindings = self.bindings(bindings)?;
        let body = json!({ "label": label, "expires_at": expires_at, "bindings": bindings });
        let made = self.api.send(Method::POST, "/grants", &body).await?;
        let token = made.get("token").and_then(Value::as_str).context("no token came back")?;
        self.tokens.put(label, &SecretString::from(token))
    }

    fn server(&self, slug: Option<&str>) -> Result<Option<&str>> {
        let find = |slug: &str| self.servers.get(slug).map(String::as_str);
        slug.map(|slug| find(slug).ok_or_else(|| anyhow!("there is no server {slug}"))).transpose()
    }

    fn bindings(&self, bindings: &Bindings) -> Result<Vec<Value>> {
        let one = |(server, policy): (&String, &Option<String>)| {
            let policy = policy.as_ref().map(|name| {
                self.policies.get(name).ok_or_else(|| anyhow!("there is no policy “{name}”"))
            });
            let server = self.server(Some(server))?;
            Ok(json!({ "server_id": server, "policy_id": policy.transpose()? }))
        };
        bindings.iter().map(one).collect()
    }
}

/// Credentials as the API takes them.
fn auth(headers: &Headers) -> Value {
    if headers.is_empty() {
        return json!({ "type": "none" });
    }
    #[expect(clippy::disallowed_methods, reason = "they are for the product, which seals them")]
    let values: Map<String, Value> =
        headers.iter().map(|(name, value)| (name.clone(), json!(value.expose_secret()))).collect();
    json!({ "type": "headers", "headers": values })
}

fn id(made: &Value) -> Result<String> {
    Ok(made.get("id").and_then(Value::as_str).context("no id came back")?.to_owned())
}
