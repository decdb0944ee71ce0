//! Trying a draft on recorded calls, and learning from them. Both only read what a viewer may read
//! anyway, calls and policies, and save nothing, so a viewer may do it, as with `evaluate`.

use chrono::{DateTime, Utc};
use domain::perm::View;
use domain::{CallId, PolicyId};
use policy::replay::{Change, Example, Missing, RuleReport, Tally};
use serde::Serialize;
use serde_json::value::RawValue;

use super::view::raw;
use crate::acts;
use crate::acts::backtests::{BacktestForm, Backtested, LearnForm, Lesson, Read};
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// What a draft would have done with recorded calls, beside what is in force.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BacktestView {
    /// Calls from here on.
    since: DateTime<Utc>,
    /// Calls before this.
    until: DateTime<Utc>,
    /// `null`, or where reading ended early, because there are too many calls.
    ended_at: Option<DateTime<Utc>>,
    /// How many calls were decided once more.
    calls: u64,
    /// Of how many the values of all arguments were known, or there were none.
    with_values: u64,
    /// Calls on servers that are no longer there: they were left out.
    left_out: u64,
    /// How many would be newly `denied`, `hidden`, `limited`, `gated` (held for a person) or
    /// `allowed`; how many are `unknown`, as it takes a value that was not recorded; how many are
    /// `unchanged`.
    #[schema(value_type = Object)]
    changes: Tally,
    /// The same by rule, the most calls first.
    rules: Vec<RuleView>,
    /// The same over time, oldest first: only times with calls.
    series: Vec<BucketView>,
    /// What was not recorded and would have been needed.
    missing: Vec<MissingView>,
}

/// What one rule would change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RuleView {
    /// `denied`, `hidden`, `limited`, `gated`, `allowed` or `unknown`.
    #[schema(value_type = String, example = "denied")]
    change: Change,
    /// The rule of the draft; of calls newly allowed, the rule in force that stops them now.
    #[schema(example = "/tools/create_charge/deny_if/0")]
    rule: String,
    /// How many calls.
    count: u64,
    /// The first five of them.
    examples: Vec<ExampleView>,
}

/// A recorded call.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ExampleView {
    #[schema(value_type = String)]
    id: CallId,
    time: DateTime<Utc>,
    /// Label of the grant that called.
    grant: String,
    /// The tool, prompt or resource.
    tool: String,
    /// The outcome that was recorded.
    outcome: String,
}

/// What would have become of the calls of some time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BucketView {
    /// Its start: an hour, a day or a week.
    time: DateTime<Utc>,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    changes: Tally,
}

/// An argument whose value was not recorded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MissingView {
    /// Its path.
    #[schema(example = "args.amount")]
    path: String,
    /// How many calls cannot be known without it.
    calls: u64,
}

/// A document that was learned, and what it would have done.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LessonView {
    /// The smallest policy that lets through what was let through. Nothing is saved.
    #[schema(value_type = Object)]
    document: Box<RawValue>,
    /// Calls from here on.
    since: DateTime<Utc>,
    /// Calls before this.
    until: DateTime<Utc>,
    /// `null`, or where reading ended early, because there are too many calls.
    ended_at: Option<DateTime<Utc>>,
    /// What it was learned from.
    covered: CoveredView,
    /// What it would have denied of all calls on the server in that time, by rule.
    would_deny: Vec<RuleView>,
    /// Of how many calls it takes a value that was not recorded to say.
    unknown: u64,
    /// Which values those are.
    missing: Vec<MissingView>,
}

/// What was let through, and so is allowed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CoveredView {
    /// How many calls.
    calls: u64,
    /// The tools that were called.
    tools: Vec<LearnedToolView>,
    /// The prompts that were asked for; past a hundred, all are allowed.
    prompts: Vec<String>,
    /// The resources that were read; past a hundred, all are allowed.
    resources: Vec<String>,
    /// Tools that were not called, and are denied.
    never_called: Vec<String>,
}

/// What was learned of one tool.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LearnedToolView {
    name: String,
    calls: u64,
    /// The most calls of one grant in one minute.
    peak_a_minute: u64,
    /// What the document allows: the peak with head-room.
    max_a_minute: u64,
    /// What it says of arguments, in words.
    arguments: Vec<String>,
    /// Arguments of which it says nothing, as not all their values were recorded.
    unknown: Vec<String>,
}

impl BacktestView {
    fn of(Backtested { report, read }: Backtested) -> Self {
        let Read { since, until, cut, gone, .. } = read;
        let bucket = |(time, changes)| BucketView { time, changes };
        Self {
            since,
            until,
            ended_at: cut,
            calls: report.calls,
            with_values: report.with_values,
            left_out: gone,
            changes: report.tally,
            rules: report.rules.into_iter().map(RuleView::of).collect(),
            series: report.series.into_iter().map(bucket).collect(),
            missing: report.missing.into_iter().map(MissingView::of).collect(),
        }
    }
}

impl RuleView {
    fn of(RuleReport { change, rule, count, examples }: RuleReport) -> Self {
        Self { change, rule, count, examples: examples.into_iter().map(ExampleView::of).collect() }
    }
}

impl ExampleView {
    fn of(example: Example) -> Self {
        let Example { id, at, grant_label, target, outcome } = example;
        let id = CallId::from_uuid(uuid::Uuid::from_u128(id));
        Self { id, time: at, grant: grant_label, tool: target, outcome }
    }
}

impl MissingView {
    fn of(Missing { path, calls }: Missing) -> Self {
        Self { path, calls }
    }
}

impl LessonView {
    fn of(Lesson { learned, report, read }: Lesson) -> Result<Self, Failure> {
        let denies = |rule: &RuleReport| !matches!(rule.change, Change::Unknown | Change::Allowed);
        let tool = |tool: policy::replay::LearnedTool| LearnedToolView {
            name: tool.name,
            calls: tool.calls,
            peak_a_minute: tool.peak,
            max_a_minute: tool.max,
            arguments: tool.arguments,
            unknown: tool.unknown,
        };
        Ok(Self {
            document: raw(learned.document.to_json())?,
            since: read.since,
            until: read.until,
            ended_at: read.cut,
            covered: CoveredView {
                calls: learned.calls,
                tools: learned.tools.into_iter().map(tool).collect(),
                prompts: learned.prompts,
                resources: learned.resources,
                never_called: learned.unused,
            },
            would_deny: report.rules.into_iter().filter(denies).map(RuleView::of).collect(),
            unknown: report.tally.unknown,
            missing: report.missing.into_iter().map(MissingView::of).collect(),
        })
    }
}

/// `POST /api/v1/policies/{id}/backtest`: what a draft would have done with recorded calls that
/// what is in force would not: by rule and over time, with example calls. Both are replayed the
/// same way, limits with the times of the calls. Values of arguments are recorded only where the
/// organisation chose so, and made use of only for a role that may see them, unless one of the
/// call's looks like a secret; what takes one that is not there is `unknown`. Nothing is saved,
/// counted or sent. 409 while another one of the organisation runs.
#[utoipa::path(post, path = "/api/v1/policies/{id}/backtest", tag = "policies",
    params(("id" = String, Path)), request_body = BacktestForm,
    responses((status = 200, body = BacktestView)))]
pub(crate) async fn backtest(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
    Json(form): Json<BacktestForm>,
) -> Result<Json<BacktestView>, Failure> {
    acts::backtests::backtest(&mut caller, id, &form).await.map(BacktestView::of).map(Json)
}

/// `POST /api/v1/policies/learn`: the smallest policy that lets through what was really called on a
/// server, with the ranges of arguments where their values were recorded, and what it would have
/// denied. Nothing is saved. 409 while another one of the organisation runs.
#[utoipa::path(post, path = "/api/v1/policies/learn", tag = "policies",
    request_body = LearnForm, responses((status = 200, body = LessonView)))]
pub(crate) async fn learn(
    mut caller: Can<View>,
    Json(form): Json<LearnForm>,
) -> Result<Json<LessonView>, Failure> {
    LessonView::of(acts::backtests::learn(&mut caller, &form).await?).map(Json)
}
