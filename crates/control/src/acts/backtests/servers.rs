//! The servers and the policies that recorded calls are about, looked up as they come.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;
use domain::{Permission, PolicyId, ServerId};
use policy::replay::{Backtest, Kind, Report, ServerAt, ThenAt};
use policy::{Document, ToolFacts};
use store::past::PastCall;
use store::servers::Server;

use super::past::{Opener, recorded};
use crate::acts::policies::uncompiled;
use crate::acts::tools;
use crate::failure::{Failure, Kind as FailureKind};
use crate::guard::Can;

/// Versions of policies whose past decisions are made use of.
const MAX_THEN: usize = 64;
/// Between the name of a server and that of its tool, on the URL of all servers.
const SEPARATOR: &str = "__";

/// What is held against each other.
pub(super) struct Sides {
    pub(super) live: Document,
    pub(super) draft: Document,
}

/// A version of a policy, on one server.
type Then = (ServerId, PolicyId, i32);

/// A backtest that looks up what it needs.
pub(super) struct Engine {
    sides: Sides,
    opener: Opener,
    backtest: Backtest,
    /// None: no longer there.
    servers: HashMap<ServerId, Option<Met>>,
    then: HashMap<Then, Option<ThenAt>>,
    gone: u64,
}

/// A server whose calls are fed.
struct Met {
    at: ServerAt,
    facts: Vec<ToolFacts>,
    names: Names,
}

impl Engine {
    pub(super) fn new(sides: Sides, opener: Opener, bucket: TimeDelta) -> Self {
        Self {
            sides,
            opener,
            backtest: Backtest::new(bucket),
            servers: HashMap::new(),
            then: HashMap::new(),
            gone: 0,
        }
    }

    /// Looks up the servers and policies of these calls that it has not met.
    pub(super) async fn meet<P: Permission>(
        &mut self,
        caller: &mut Can<P>,
        calls: &[PastCall],
    ) -> Result<(), Failure> {
        for call in calls {
            if !self.servers.contains_key(&call.server_id) {
                let met = self.server(caller, call.server_id).await?;
                self.servers.insert(call.server_id, met);
            }
            let Some(then) = decider(call) else { continue };
            if !self.then.contains_key(&then) && self.then.len() < MAX_THEN {
                let at = self.decider(caller, then).await?;
                self.then.insert(then, at);
            }
        }
        caller.close();
        Ok(())
    }

    async fn server<P: Permission>(
        &mut self,
        caller: &mut Can<P>,
        id: ServerId,
    ) -> Result<Option<Met>, Failure> {
        let (server, tools) = match tools::list(caller, id).await {
            Ok(found) => found,
            Err(failure) if failure.kind() == FailureKind::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let facts = tools::facts(&tools);
        let live = policy::compile(&self.sides.live, &facts).map_err(|_found| unkept())?;
        let draft = policy::compile(&self.sides.draft, &facts).map_err(uncompiled)?;
        let names = Names::of(&server, &facts);
        Ok(Some(Met { at: self.backtest.add_server(live, draft), facts, names }))
    }

    /// The version that decided a call; none if it is no longer there.
    async fn decider<P: Permission>(
        &mut self,
        caller: &mut Can<P>,
        (server, policy, version): Then,
    ) -> Result<Option<ThenAt>, Failure> {
        let Some(Some(met)) = self.servers.get(&server) else { return Ok(None) };
        let found = caller.tx().await?.find_policy_version(policy, version).await?;
        let document = found.and_then(|found| policy::parse(&found.document).ok());
        let compiled = document.and_then(|document| policy::compile(&document, &met.facts).ok());
        Ok(compiled.map(|compiled| self.backtest.add_then(met.at, compiled)))
    }

    /// Decides one call; its server must have been met.
    pub(super) fn feed(&mut self, call: &PastCall) {
        let Some(Some(met)) = self.servers.get(&call.server_id) else {
            self.gone += 1;
            return;
        };
        let then = decider(call).and_then(|then| self.then.get(&then).copied().flatten());
        recorded(call, &met.names, &self.opener, |call| self.backtest.feed(met.at, then, call));
    }

    /// What was found, and how many calls were on servers that are no longer there.
    pub(super) fn finish(self) -> (Report, u64) {
        (self.backtest.finish(), self.gone)
    }
}

fn decider(call: &PastCall) -> Option<Then> {
    Some((call.server_id, call.policy_id?, call.policy_version?))
}

fn unkept() -> Failure {
    Failure::internal("a stored document cannot be compiled")
}

/// How things of a server are called: by their own names, and on the URL of all servers.
#[derive(Clone)]
pub(super) struct Names {
    tools: Arc<HashSet<String>>,
    prefix: String,
}

impl Names {
    pub(super) fn of(server: &Server, facts: &[ToolFacts]) -> Self {
        Self {
            tools: Arc::new(facts.iter().map(|tool| tool.name.clone()).collect()),
            prefix: format!("{}{SEPARATOR}", server.slug),
        }
    }

    /// The server's own name of what was called.
    pub(super) fn own<'t>(&self, kind: Kind, target: &'t str) -> &'t str {
        let is_own = match kind {
            Kind::Tool => self.tools.contains(target),
            Kind::Prompt => false,
            Kind::Resource => true,
        };
        if is_own { target } else { target.strip_prefix(&*self.prefix).unwrap_or(target) }
    }
}
