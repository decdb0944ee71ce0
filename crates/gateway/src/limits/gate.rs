//! Where limits meet calls: what a permit must reserve, and what happens while the shared
//! counters are out of reach.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Clock, GrantId, OrganisationId, RedisFailure};
use policy::{Algorithm, LimitRequest, Scope, limit_message};

use super::demand::{CountKey, Demand, Part, Subject};
use super::memory::MemoryCounters;
use super::over::{Over, Why};
use super::{CounterStore, NotReserved, Reservation};
use crate::call::Verdict;
use crate::meters::Meters;
use crate::path::Post;
use crate::permit::Permit;
use crate::refusal::{Left, Refusal, Ruling};
use crate::view::BindingView;

/// Reserves what permits demand.
pub(crate) struct Gate {
    shared: Arc<dyn CounterStore>,
    local: Arc<dyn CounterStore>,
    replicas: u64,
    meters: Arc<Meters>,
}

/// Who is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) organisation: OrganisationId,
    pub(crate) grant: GrantId,
    pub(crate) session: Option<[u8; 16]>,
    pub(crate) on_failure: RedisFailure,
}

impl Counted {
    pub(crate) fn of(post: &Post<'_>) -> Self {
        Self {
            organisation: post.caller.view.id,
            grant: post.caller.grant.id,
            session: post.call.session,
            on_failure: post.caller.view.settings.redis_failure,
        }
    }
}

/// A permit with its limits reserved: the only thing that can be sent.
pub(crate) struct Pass<'v> {
    binding: &'v Arc<BindingView>,
    verdict: Verdict,
    taken: Option<Taken>,
}

struct Taken {
    store: Arc<dyn CounterStore>,
    demand: Demand,
    reservation: Reservation,
}

impl<'v> Pass<'v> {
    /// Where it may be sent.
    pub(crate) fn binding(&self) -> &'v Arc<BindingView> {
        self.binding
    }

    /// What is recorded once it went through.
    pub(crate) fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Gives back what was reserved: no byte of the call was sent.
    pub(crate) async fn give_back(self) {
        if let Some(Taken { store, demand, reservation }) = self.taken {
            store.give_back(demand, reservation).await;
        }
    }
}

impl Gate {
    pub(crate) fn new(
        shared: Arc<dyn CounterStore>,
        clock: Clock,
        replicas: u64,
        meters: Arc<Meters>,
    ) -> Self {
        Self { shared, local: Arc::new(MemoryCounters::new(clock)), replicas, meters }
    }

    /// Reserves all that a call needs, or refuses it.
    pub(crate) async fn reserve<'v>(
        &self,
        permit: Permit<'v>,
        counted: Counted,
    ) -> Result<Pass<'v>, Refusal> {
        let (binding, limits, verdict) = permit.into_parts();
        let Some(limits) = limits.filter(|limits| !limits.is_empty()) else {
            return Ok(Pass { binding, verdict, taken: None });
        };
        let requests = limits.requests();
        let demand = demand(requests, counted, binding);
        match self.take(demand, counted.on_failure).await {
            Ok(taken) => Ok(Pass { binding, verdict, taken: Some(taken) }),
            Err((demand, NotReserved::Over(over))) => {
                let (ruling, left) = over_limit(requests, over);
                if limits.is_enforced() {
                    return Err(Refusal::Limited(ruling, left));
                }
                let taken = self.take(demand.unchecked(), counted.on_failure).await.ok();
                let verdict = Verdict::observed(&ruling.rule, &ruling.message);
                Ok(Pass { binding, verdict, taken })
            }
            Err((_, NotReserved::Unavailable)) if !limits.is_enforced() => {
                Ok(Pass { binding, verdict, taken: None })
            }
            Err((_, NotReserved::Unavailable)) => Err(out_of_reach(requests)),
        }
    }

    async fn take(
        &self,
        demand: Demand,
        on_failure: RedisFailure,
    ) -> Result<Taken, (Demand, NotReserved)> {
        let began = Instant::now();
        let reserved = self.shared.reserve(&demand).await;
        let is_up = !matches!(reserved, Err(NotReserved::Unavailable));
        self.meters.counters(began.elapsed(), is_up);
        match reserved {
            Ok(reservation) => Ok(Taken { store: Arc::clone(&self.shared), demand, reservation }),
            Err(NotReserved::Unavailable) if on_failure == RedisFailure::Local => {
                let share = demand.share(self.replicas);
                match self.local.reserve(&share).await {
                    Ok(reservation) => {
                        Ok(Taken { store: Arc::clone(&self.local), demand: share, reservation })
                    }
                    Err(reason) => Err((share, reason)),
                }
            }
            Err(reason) => Err((demand, reason)),
        }
    }
}

fn demand(requests: &[LimitRequest<'_>], counted: Counted, binding: &BindingView) -> Demand {
    let mut demand = Demand::default();
    for request in requests {
        let limit = request.limit;
        let subject = match (limit.scope, counted.session) {
            (Scope::Session, Some(session)) => Subject::Session(session),
            (Scope::Grant | Scope::Session, _) => Subject::Grant(counted.grant),
            (Scope::Server | Scope::Organisation, _) => Subject::All,
        };
        let key = CountKey {
            organisation: counted.organisation,
            server: (!limit.spans_servers()).then_some(binding.server.id),
            subject,
            counter: limit.counter.as_str().into(),
            window: limit.window,
            sum: limit.sum_path().map(Into::into),
            part: request.key.map_or(Part::Whole, Part::Key),
        };
        demand.add(key, request.amount, limit.max, limit.algorithm == Algorithm::Sliding);
    }
    demand
}

fn over_limit(requests: &[LimitRequest<'_>], over: Over) -> (Ruling, Left) {
    let Some(request) = requests.get(over.which) else { return nothing_left(requests) };
    let wait = Duration::from_millis(over.retry_after_ms.unwrap_or_default());
    let message = match over.why {
        Why::Max => limit_message(request, over.remaining, wait),
        Why::Keys => "This limit already counts as many different keys as it can. Try again when \
                      its window is over."
            .to_owned(),
    };
    let remaining = match request.limit.sum_path() {
        Some(_) => millionths(over.remaining),
        None => over.remaining.to_string(),
    };
    let counter = request.limit.counter.clone();
    let left = Left { counter, remaining, retry_after_ms: over.retry_after_ms };
    (Ruling { rule: request.rule.to_owned(), message }, left)
}

/// Nobody knows whether a limit is passed, so the call is refused, and told so.
fn out_of_reach(requests: &[LimitRequest<'_>]) -> Refusal {
    let (mut ruling, left) = nothing_left(requests);
    "The rate limits cannot be checked at the moment. Try again in a few seconds."
        .clone_into(&mut ruling.message);
    Refusal::Limited(ruling, left)
}

fn nothing_left(requests: &[LimitRequest<'_>]) -> (Ruling, Left) {
    let first = requests.first();
    let rule = first.map(|request| request.rule).unwrap_or_default().to_owned();
    let counter = first.map(|request| request.limit.counter.clone()).unwrap_or_default();
    let left = Left { counter, remaining: "0".to_owned(), retry_after_ms: Some(2_000) };
    (Ruling { rule, message: String::new() }, left)
}

/// An amount in its own unit, as a JSON number.
fn millionths(amount: u64) -> String {
    const SCALE: u64 = 1_000_000;
    let (whole, rest) = (amount / SCALE, amount % SCALE);
    let text = format!("{whole}.{rest:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::millionths;

    #[test]
    fn amounts_are_written_in_their_own_unit() {
        assert_eq!(millionths(0), "0");
        assert_eq!(millionths(1_200_500_000), "1200.5");
        assert_eq!(millionths(10_000_000), "10");
        assert_eq!(millionths(1), "0.000001");
    }
}
