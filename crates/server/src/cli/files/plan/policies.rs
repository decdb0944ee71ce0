//! Policies: made, published, tested. The tests are run before anything is done.

use policy::suite;

use super::super::state::{Policy, same_tests};
use super::{Act, Planner};
use crate::cli::policy::{diff, facts, file};

impl Planner<'_> {
    pub(super) fn policies(&mut self) {
        for (name, wanted) in &self.wanted.policies {
            if let Some(server) = wanted.server.as_ref().filter(|slug| !self.has_server(slug)) {
                self.wrong.push(format!("{}: there is no server {server}", wanted.from.shown()));
            }
            match self.live.policies.get(name) {
                None => self.new_policy(name, wanted),
                Some(live) => self.known_policy(name, live, wanted),
            }
        }
    }

    fn new_policy(&mut self, name: &str, wanted: &Policy) {
        self.tested(wanted);
        let mut details = Vec::new();
        if let Some(server) = &wanted.server {
            details.push(format!("for {server}"));
        }
        if !wanted.tests.is_empty() {
            details.push(format!("with {} tests", wanted.tests.len()));
        }
        let act = Act::CreatePolicy {
            name: name.to_owned(),
            server: wanted.server.clone(),
            document: wanted.document.to_json(),
            tests: wanted.tests.clone(),
        };
        self.step(format!("+ policy {name}"), details, act);
    }

    fn known_policy(&mut self, name: &str, live: &Policy, wanted: &Policy) {
        let id = || live.from.id().to_owned();
        let title = format!("~ policy {name}");
        let changes = policy::diff(&live.document, &wanted.document);
        let other_tests = !same_tests(&live.tests, &wanted.tests);
        let moved = live.server != wanted.server;
        if !changes.is_empty() || other_tests || moved {
            self.tested(wanted);
        }
        if moved {
            let said = |server: &Option<String>| server.clone().unwrap_or("none".to_owned());
            let detail = format!("server: {} → {}", said(&live.server), said(&wanted.server));
            let act = Act::MovePolicy { id: id(), server: wanted.server.clone() };
            self.step(title.clone(), vec![detail], act);
        }
        // The new document is published under its own tests, not under those of the old one.
        if other_tests {
            let detail = format!("tests: {} → {}", live.tests.len(), wanted.tests.len());
            let act = Act::ReplaceTests { id: id(), tests: wanted.tests.clone() };
            self.step(title.clone(), vec![detail], act);
        }
        if !changes.is_empty() {
            let details = changes.iter().map(diff::told).collect();
            let (document, version) = (wanted.document.to_json(), live.version);
            self.step(title, details, Act::Publish { id: id(), document, version });
        }
    }

    /// Runs the tests of a policy as publishing would.
    fn tested(&mut self, policy: &Policy) {
        let tools = policy.server.as_ref().and_then(|slug| self.wish.tools.get(slug));
        let tools = match tools {
            Some(tools) => tools.clone(),
            None => facts::imagined(&policy.document, &policy.tests),
        };
        let shown = policy.from.shown();
        match suite::run(&policy.document, &tools, &policy.tests, self.wish.now) {
            Ok(verdicts) => {
                let failed = verdicts.iter().filter(|verdict| !verdict.passed);
                self.wrong.extend(failed.map(|verdict| {
                    format!("{shown}: the test “{}” fails. {}", verdict.name, verdict.detail)
                }));
            }
            Err(problems) => {
                let path = std::path::Path::new(&shown);
                self.wrong.extend(problems.iter().map(|p| file::line(path, "error", p)));
            }
        }
    }
}
