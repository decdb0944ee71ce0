//! What a document would have done with the calls that were recorded, and what document they would
//! have needed. One at a time for each organisation; nothing is saved.

mod past;
mod servers;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{GrantId, Permission, PolicyId, ServerId};
use policy::replay::{Learned, Learner, Report};
use policy::{Document, Problem};
use serde::Deserialize;
use store::past::PastFilter;

use self::past::{Opener, Past};
use self::servers::{Engine, Sides};
use super::check::Checks;
use super::policies::{DocumentText, checked, find, parsed, uncompiled};
use super::tools;
use crate::failure::{Failure, Kind};
use crate::guard::Can;
use crate::turns::Turn;

/// The longest time that is looked back at.
const MAX_DAYS: i64 = 366;
/// Most calls that are decided once more.
const MAX_CALLS: usize = 2_000_000;
/// When to come back while another one runs.
const RETRY: Duration = Duration::from_secs(5);

/// A draft, and which calls to try it on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BacktestForm {
    /// The draft.
    #[schema(value_type = Object)]
    pub(crate) document: DocumentText,
    /// Calls from here on; at most 366 days before `until`.
    pub(crate) since: DateTime<Utc>,
    /// Calls before this; now, if left out.
    pub(crate) until: Option<DateTime<Utc>>,
    /// All calls on this server, whatever policy decided them; left out, the calls that this
    /// policy decided.
    #[schema(value_type = Option<String>)]
    pub(crate) server_id: Option<ServerId>,
}

/// From which calls to learn.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LearnForm {
    /// Calls on this server.
    #[schema(value_type = String)]
    pub(crate) server_id: ServerId,
    /// Calls from here on; at most 366 days before `until`.
    pub(crate) since: DateTime<Utc>,
    /// Calls before this; now, if left out.
    pub(crate) until: Option<DateTime<Utc>>,
    /// Only calls of this grant.
    #[schema(value_type = Option<String>)]
    pub(crate) grant_id: Option<GrantId>,
}

/// What a draft would have done.
pub(crate) struct Backtested {
    pub(crate) report: Report,
    pub(crate) read: Read,
}

/// What was learned, and what it would have done.
pub(crate) struct Lesson {
    pub(crate) learned: Learned,
    /// Beside a policy that allows everything: what is denied is what it denies.
    pub(crate) report: Report,
    pub(crate) read: Read,
}

/// Which calls were read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    pub(crate) since: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
    /// Length of a bucket of the figures over time.
    pub(crate) bucket: TimeDelta,
    /// Where reading ended early: there are too many calls.
    pub(crate) cut: Option<DateTime<Utc>>,
    /// Calls on servers that are no longer there.
    pub(crate) gone: u64,
    /// Whether values of arguments are recorded now.
    pub(crate) records_values: bool,
    /// Whether they are for the caller.
    pub(crate) sees_values: bool,
}

/// Replays recorded calls under a draft beside what is in force.
pub(crate) async fn backtest<P: Permission>(
    caller: &mut Can<P>,
    id: PolicyId,
    form: &BacktestForm,
) -> Result<Backtested, Failure> {
    let policy = find(caller, id).await?;
    let mut checks = Checks::default();
    let period = period(form.since, form.until, caller.now(), &mut checks);
    let draft = checked(&form.document, &mut checks);
    if let Some(server) = form.server_id {
        check_server(caller, server, &mut checks).await?;
    }
    let (Some((since, until)), Some(draft)) = (period, draft) else { return Err(checks.refuse()) };
    checks.done()?;
    // What cannot be compiled is told also where there are no calls.
    policy::compile(&draft, &[]).map_err(uncompiled)?;
    let live = parsed(&DocumentText(policy.document))?;
    let server = form.server_id;
    let policy = if server.is_none() { Some(id) } else { None };
    let values = Opener::of(caller).may_see;
    let filter = PastFilter { server, policy, grant: None, since, until, values };
    let _turn = turn(caller)?;
    let read = read(caller, since, until).await?;
    let (report, read) = replay(caller, Sides { live, draft }, filter, read).await?;
    Ok(Backtested { report, read })
}

/// Learns the smallest policy that lets through what was let through, and tries it.
pub(crate) async fn learn<P: Permission>(
    caller: &mut Can<P>,
    form: &LearnForm,
) -> Result<Lesson, Failure> {
    let mut checks = Checks::default();
    let period = period(form.since, form.until, caller.now(), &mut checks);
    check_server(caller, form.server_id, &mut checks).await?;
    if let Some(grant) = form.grant_id
        && caller.tx().await?.find_grant(grant).await?.is_none()
    {
        checks.wrong("/grant_id", "there is no such grant");
    }
    let Some((since, until)) = period else { return Err(checks.refuse()) };
    checks.done()?;
    let _turn = turn(caller)?;
    let mut read = read(caller, since, until).await?;
    let (server, tools) = tools::list(caller, form.server_id).await?;
    let facts = tools::facts(&tools);
    let server_id = Some(form.server_id);
    let opener = Opener::of(caller);
    let (grant, values) = (form.grant_id, opener.may_see);
    let filter = PastFilter { server: server_id, policy: None, grant, since, until, values };
    let mut past = Past::new(filter.clone(), MAX_CALLS);
    let mut lesson = Learner::new();
    let names = servers::Names::of(&server, &facts);
    let mut batch = past.next(caller).await?;
    while !batch.is_empty() {
        let work = tokio::task::spawn_blocking({
            let (names, opener) = (names.clone(), opener.clone());
            move || {
                for call in &batch {
                    past::recorded(call, &names, &opener, |call| lesson.see(call));
                }
                lesson
            }
        });
        let (next, seen) = tokio::join!(past.next(caller), work);
        (batch, lesson) = (next?, seen.map_err(Failure::internal)?);
    }
    read.cut = past.cut();
    let learned = lesson.finish(&facts).map_err(unlearned)?;
    let sides = Sides { live: Document::allow_all(), draft: learned.document.clone() };
    let until = read.cut.unwrap_or(until);
    let everybodys = PastFilter { grant: None, until, ..filter };
    let (report, read) = replay(caller, sides, everybodys, read).await?;
    Ok(Lesson { learned, report, read })
}

/// Feeds the calls of a filter, a batch at a time and off the async threads, while the next batch
/// is read. Dropped, as when the client leaves, it stops after a batch.
async fn replay<P: Permission>(
    caller: &mut Can<P>,
    sides: Sides,
    filter: PastFilter,
    read: Read,
) -> Result<(Report, Read), Failure> {
    let mut past = Past::new(filter, MAX_CALLS);
    let mut engine = Engine::new(sides, Opener::of(caller), read.bucket);
    let mut batch = past.next(caller).await?;
    while !batch.is_empty() {
        engine.meet(caller, &batch).await?;
        let work = tokio::task::spawn_blocking(move || {
            for call in &batch {
                engine.feed(call);
            }
            engine
        });
        let (next, fed) = tokio::join!(past.next(caller), work);
        (batch, engine) = (next?, fed.map_err(Failure::internal)?);
    }
    let cut = past.cut().or(read.cut);
    let (report, gone) = engine.finish();
    Ok((report, Read { cut, gone, ..read }))
}

async fn read<P>(
    caller: &mut Can<P>,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Read, Failure> {
    let settings = caller.tx().await?.organisation().await?.settings;
    let bucket = bucket(until - since);
    let records_values = settings.audit_values;
    let sees_values = Opener::of(caller).may_see;
    Ok(Read { since, until, bucket, cut: None, gone: 0, records_values, sees_values })
}

/// A length of time of which a chart can show all.
fn bucket(span: TimeDelta) -> TimeDelta {
    match span.num_days() {
        ..=2 => TimeDelta::hours(1),
        3..=92 => TimeDelta::days(1),
        _ => TimeDelta::days(7),
    }
}

fn turn<P>(caller: &Can<P>) -> Result<Turn, Failure> {
    caller.app().backtests().take(caller.organisation()).ok_or_else(|| {
        let words = "Past calls of your organisation are being read for somebody already. Try \
                     again in a few seconds.";
        Failure::new(Kind::Conflict, words).retry_after(RETRY.as_secs())
    })
}

async fn check_server<P: Permission>(
    caller: &mut Can<P>,
    server: ServerId,
    checks: &mut Checks,
) -> Result<(), Failure> {
    match super::servers::find(caller, server).await {
        Ok(_server) => Ok(()),
        Err(failure) if failure.kind() == Kind::NotFound => {
            checks.wrong("/server_id", "there is no such server");
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

/// From when to when.
fn period(
    since: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    checks: &mut Checks,
) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let until = until.unwrap_or(now);
    if until <= since {
        let at = if since >= now { "/since" } else { "/until" };
        checks.wrong(at, "the period must begin in the past, and end after it begins");
        return None;
    }
    if until - since > TimeDelta::days(MAX_DAYS) {
        checks.wrong("/since", format!("look back at most {MAX_DAYS} days"));
        return None;
    }
    Some((since, until))
}

fn unlearned(problems: Vec<Problem>) -> Failure {
    uncompiled(problems).because("a learned document is not in order")
}
