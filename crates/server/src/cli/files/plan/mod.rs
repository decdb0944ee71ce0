//! What has to be done so that an organisation is what its files say. Pure: two states in, the
//! steps out, or everything that stands in the way.

mod grants;
mod policies;
mod servers;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use policy::ToolFacts;
use policy::suite::Test;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::state::State;

/// How it shall be done, and what is known.
pub(super) struct Wish {
    /// What has no file goes.
    pub(super) prune: bool,
    /// Credentials are sent again.
    pub(super) credentials: bool,
    pub(super) now: DateTime<Utc>,
    pub(super) environment: BTreeMap<String, String>,
    /// The tools of servers, by slug, for the tests of policies.
    pub(super) tools: BTreeMap<String, Vec<ToolFacts>>,
}

/// The steps, in their order.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// What stays although no file names it.
    kept: Vec<String>,
}

/// One step.
pub(super) struct Step {
    /// `+ server billing`.
    pub(super) title: String,
    /// What changes, in words.
    details: Vec<String>,
    pub(super) act: Act,
}

/// What is asked of the product.
pub(super) enum Act {
    ChangeOrganisation(Value),
    CreateServer { slug: String, body: Map<String, Value>, headers: Headers, paused: bool },
    ChangeServer { id: String, body: Map<String, Value>, headers: Option<Headers> },
    PauseServer { id: String, paused: bool },
    CreatePolicy { name: String, server: Option<String>, document: String, tests: Vec<Test> },
    MovePolicy { id: String, server: Option<String> },
    ReplaceTests { id: String, tests: Vec<Test> },
    Publish { id: String, document: String, version: i32 },
    CreateGrant { label: String, expires_at: Option<DateTime<Utc>>, bindings: Bindings },
    ChangeGrant { id: String, expires_at: Option<DateTime<Utc>>, bindings: Bindings },
    RevokeGrant { id: String },
    RemovePolicy { id: String },
    RemoveServer { id: String },
}

/// Values of headers.
pub(super) type Headers = BTreeMap<String, SecretString>;

/// The policy of each server, both by what people call them.
pub(super) type Bindings = BTreeMap<String, Option<String>>;

/// Compares what is there with what is wanted.
pub(super) fn plan(live: &State, wanted: &State, wish: &Wish) -> Result<Plan, Vec<String>> {
    let mut planner = Planner { live, wanted, wish, plan: Plan::default(), wrong: Vec::new() };
    planner.organisation();
    planner.servers();
    planner.policies();
    planner.grants();
    planner.goodbyes();
    let Planner { plan, wrong, .. } = planner;
    if wrong.is_empty() { Ok(plan) } else { Err(wrong) }
}

struct Planner<'s> {
    live: &'s State,
    wanted: &'s State,
    wish: &'s Wish,
    plan: Plan,
    wrong: Vec<String>,
}

impl Planner<'_> {
    fn step(&mut self, title: impl Into<String>, details: Vec<String>, act: Act) {
        self.plan.steps.push(Step { title: title.into(), details, act });
    }

    fn organisation(&mut self) {
        let (Some(live), Some(wanted)) = (&self.live.organisation, &self.wanted.organisation)
        else {
            return;
        };
        let mut details = Vec::new();
        changed(&mut details, "name", &live.name, &wanted.name);
        let mut settings = Map::new();
        for (key, value) in &wanted.settings {
            let old = live.settings.get(key).unwrap_or(&Value::Null);
            if old != value {
                changed(&mut details, key, &old.to_string(), &value.to_string());
                settings.insert(key.clone(), value.clone());
            }
        }
        if !details.is_empty() {
            let body = json!({ "name": wanted.name, "settings": settings });
            self.step("~ organisation", details, Act::ChangeOrganisation(body));
        }
    }

    /// What has no file: last of all, and what depends on other things first.
    fn goodbyes(&mut self) {
        let (live, wanted) = (self.live, self.wanted);
        let gone = |has: bool, is_wanted: bool| has && !is_wanted;
        for (label, grant) in &live.grants {
            if gone(wanted.has.grants, wanted.grants.contains_key(label)) {
                let is_over = grant.expires_at.is_some_and(|at| at <= self.wish.now);
                let act = Act::RevokeGrant { id: grant.from.id().to_owned() };
                if !is_over {
                    self.goodbye(format!("grant {label}"), "revoked; that is final", act);
                }
            }
        }
        for (name, policy) in &live.policies {
            if gone(wanted.has.policies, wanted.policies.contains_key(name)) {
                let act = Act::RemovePolicy { id: policy.from.id().to_owned() };
                self.goodbye(format!("policy {name}"), "removed", act);
            }
        }
        for (slug, server) in &live.servers {
            if gone(wanted.has.servers, wanted.servers.contains_key(slug)) {
                let act = Act::RemoveServer { id: server.from.id().to_owned() };
                self.goodbye(format!("server {slug}"), "removed with its tools", act);
            }
        }
    }

    fn goodbye(&mut self, what: String, how: &str, act: Act) {
        if self.wish.prune {
            self.step(format!("- {what}"), vec![how.to_owned()], act);
        } else {
            self.plan.kept.push(what);
        }
    }

    /// Whether a server will be there.
    fn has_server(&self, slug: &str) -> bool {
        let stays = !(self.wish.prune && self.wanted.has.servers);
        self.wanted.servers.contains_key(slug) || (stays && self.live.servers.contains_key(slug))
    }

    /// Whether a policy will be there.
    fn has_policy(&self, name: &str) -> bool {
        let stays = !(self.wish.prune && self.wanted.has.policies);
        self.wanted.policies.contains_key(name) || (stays && self.live.policies.contains_key(name))
    }
}

/// `name: “Old” → “New”`, where it changed.
fn changed(details: &mut Vec<String>, what: &str, old: &str, new: &str) {
    if old != new {
        details.push(format!("{what}: {old} → {new}"));
    }
}

impl Plan {
    /// The plan as people read it.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for step in &self.steps {
            lines.push(step.title.clone());
            lines.extend(step.details.iter().map(|detail| format!("    {detail}")));
        }
        if !self.kept.is_empty() {
            let kept = self.kept.join(", ");
            lines.push(format!("Kept, though no file names it (--prune): {kept}"));
        }
        lines.push(match self.steps.len() {
            0 => "Nothing to do.".to_owned(),
            1 => "1 change.".to_owned(),
            n => format!("{n} changes."),
        });
        lines
    }
}

#[cfg(test)]
mod tests;
