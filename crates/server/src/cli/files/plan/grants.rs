//! Grants: minted, changed. A grant that has ended is not brought back to life with its old token:
//! a new one takes its place.

use chrono::{DateTime, Utc};

use super::super::state::Grant;
use super::{Act, Planner, changed};

impl Planner<'_> {
    pub(super) fn grants(&mut self) {
        for (label, wanted) in &self.wanted.grants {
            self.bound(wanted);
            match self.live.grants.get(label) {
                None => self.new_grant(label, wanted),
                Some(live) => self.known_grant(label, live, wanted),
            }
        }
    }

    /// Its servers and policies must be there when it is minted.
    fn bound(&mut self, grant: &Grant) {
        let file = grant.from.shown();
        for (server, policy) in &grant.bindings {
            if !self.has_server(server) {
                self.wrong.push(format!("{file}: there is no server {server}"));
            }
            if let Some(policy) = policy.as_ref().filter(|policy| !self.has_policy(policy)) {
                self.wrong.push(format!("{file}: there is no policy “{policy}”"));
            }
        }
    }

    fn is_over(&self, grant: &Grant) -> bool {
        grant.expires_at.is_some_and(|at| at <= self.wish.now)
    }

    fn new_grant(&mut self, label: &str, wanted: &Grant) {
        if self.is_over(wanted) {
            self.plan.kept.push(format!("the file of grant {label}, which would have expired"));
            return;
        }
        let mut details: Vec<_> = wanted.bindings.iter().map(binding).collect();
        if let Some(at) = wanted.expires_at {
            details.push(format!("until {}", shown(at)));
        }
        let act = Act::CreateGrant {
            label: label.to_owned(),
            expires_at: wanted.expires_at,
            bindings: wanted.bindings.clone(),
        };
        self.step(format!("+ grant {label}"), details, act);
    }

    fn known_grant(&mut self, label: &str, live: &Grant, wanted: &Grant) {
        if live.expires_at == wanted.expires_at && live.bindings == wanted.bindings {
            return;
        }
        let id = live.from.id().to_owned();
        if self.is_over(live) {
            if !self.is_over(wanted) {
                let details = vec!["it has expired; a new one takes its place".to_owned()];
                self.step(format!("- grant {label}"), details, Act::RevokeGrant { id });
                self.new_grant(label, wanted);
            }
            return;
        }
        if self.is_over(wanted) {
            let detail = "\"expires_at\" is in the past. To end a grant, remove its file and use \
                          --prune";
            self.wrong.push(format!("{}: {detail}", wanted.from.shown()));
            return;
        }
        let mut details = Vec::new();
        let until = |at: Option<DateTime<Utc>>| at.map_or("no end".to_owned(), shown);
        changed(&mut details, "until", &until(live.expires_at), &until(wanted.expires_at));
        for (server, policy) in &wanted.bindings {
            match live.bindings.get(server) {
                Some(old) => {
                    changed(
                        &mut details,
                        server,
                        &policy_name(old.as_ref()),
                        &policy_name(policy.as_ref()),
                    );
                }
                None => details.push(format!("+ {}", binding((server, policy)))),
            }
        }
        let gone = live.bindings.keys().filter(|server| !wanted.bindings.contains_key(*server));
        details.extend(gone.map(|server| format!("- {server}")));
        let (expires_at, bindings) = (wanted.expires_at, wanted.bindings.clone());
        let act = Act::ChangeGrant { id, expires_at, bindings };
        self.step(format!("~ grant {label}"), details, act);
    }
}

fn binding((server, policy): (&String, &Option<String>)) -> String {
    format!("{server} under {}", policy_name(policy.as_ref()))
}

fn policy_name(policy: Option<&String>) -> String {
    policy.map_or("no policy".to_owned(), |name| format!("“{name}”"))
}

fn shown(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
