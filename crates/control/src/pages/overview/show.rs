//! The first page of an organisation: what is left to set up, and how its calls go.

use askama::Template;
use chrono::{DateTime, Days, NaiveTime, Utc};
use domain::perm::{ManageGrants, ManageServers, View, WritePolicies};
use domain::{GrantId, Outcome, ServerId, Slug};
use store::calls::{CallCount, CallFilter};
use store::policies::PolicyName;
use store::servers::ServerName;
use store::{Page, TenantTx};

use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::calls::rows;
use crate::pages::parts::{
    CallRow, Chart, Frame, News, Section, count, in_frame, outcome_label, thousands,
};
use crate::urls;

/// Days that the chart and the figures look back, today included.
const DAYS: u64 = 7;
/// Latest calls that are shown.
const CALLS: u32 = 8;
/// Most refused tools that are shown.
const REFUSED: i64 = 5;

#[derive(Template)]
#[template(path = "overview/show.html")]
pub(crate) struct Overview {
    frame: Frame,
    can_add: bool,
    steps: Vec<Step>,
    stats: Vec<Stat>,
    chart: Option<Chart>,
    calls: Vec<CallRow>,
    denied: Vec<TopTool>,
}

/// A step of the set-up, with its result or what to do.
struct Step {
    state: &'static str,
    title: &'static str,
    text: String,
    href: String,
    action: &'static str,
}

struct Stat {
    label: &'static str,
    value: String,
}

struct TopTool {
    tool: String,
    outcome: &'static str,
    outcome_label: &'static str,
    count: String,
    url: String,
}

in_frame!(Overview);

/// What there is in an organisation.
struct Things {
    servers: Vec<ServerName>,
    /// A server whose tools are known.
    ready: Option<ServerId>,
    policies: Vec<PolicyName>,
    grants: Vec<(GrantId, String)>,
    has_called: bool,
}

/// `GET /o/{organisation}/`.
pub(crate) async fn show(mut caller: Can<View>, news: News) -> Result<Overview, Failure> {
    let frame = Frame::of(&mut caller, news, Section::Overview).await?;
    let now = caller.now();
    let since = first_day(now);
    let tx = caller.tx().await?;
    let things = Things::of(tx).await?;
    let counts = tx.count_calls(since, "day", &CallFilter::default()).await?;
    let refused = tx.top_refused(since, REFUSED).await?;
    let calls = tx.list_calls(&CallFilter::default(), Page::new(Some(CALLS), None)).await?;
    let calls = rows(&mut caller, &calls.rows).await?;
    Ok(Overview {
        frame,
        can_add: caller.may::<ManageServers>(),
        steps: things.steps(&caller),
        stats: things.stats(&counts),
        chart: Chart::of(&counts, DAYS, now),
        denied: refused.into_iter().map(|top| TopTool::of(top, caller.slug())).collect(),
        calls,
    })
}

/// The start of the first day that the figures cover.
fn first_day(now: DateTime<Utc>) -> DateTime<Utc> {
    let day = now.date_naive().checked_sub_days(Days::new(DAYS - 1)).unwrap_or(now.date_naive());
    day.and_time(NaiveTime::MIN).and_utc()
}

impl Things {
    async fn of(tx: &mut TenantTx) -> Result<Self, Failure> {
        let servers = tx.list_server_names().await?;
        let ids: Vec<ServerId> = servers.iter().map(|server| server.id).collect();
        let counted = tx.count_categories(&ids).await?;
        Ok(Self {
            ready: counted.first().map(|(server, _, _)| *server),
            servers,
            policies: tx.list_policy_names().await?,
            grants: tx.list_grant_labels().await?,
            has_called: tx.has_calls().await?,
        })
    }

    /// The checklist; empty once everything on it is done.
    fn steps(&self, caller: &Can<View>) -> Vec<Step> {
        let done = [
            !self.servers.is_empty(),
            !self.policies.is_empty(),
            !self.grants.is_empty(),
            self.has_called,
        ];
        if done.iter().all(|done| *done) {
            return Vec::new();
        }
        let current = done.iter().position(|done| !done);
        let all = [self.server(caller), self.policy(caller), self.grant(caller), self.call(caller)];
        let state = |at, done: bool| match (done, current == Some(at)) {
            (true, _) => "done",
            (false, true) => "current",
            (false, false) => "later",
        };
        let steps = all.into_iter().zip(done).enumerate();
        steps.map(|(at, (step, done))| step.in_state(state(at, done))).collect()
    }

    fn server(&self, caller: &Can<View>) -> Step {
        let text = match self.servers.as_slice() {
            [] => "Paste the URL of an MCP server, or take the built-in demo server.".to_owned(),
            [only] => format!("{} is connected.", only.name),
            many => format!("{} are connected.", plural(many.len(), "server")),
        };
        let href = link(caller.may::<ManageServers>(), caller.slug(), "servers/new");
        Step::new("Add a server", text, href, "Add server")
    }

    fn policy(&self, caller: &Can<View>) -> Step {
        let text = match self.policies.as_slice() {
            [] => {
                "Start from the recommended one: each tool is treated by what it can do.".to_owned()
            }
            [only] => format!("{} is in force.", only.name),
            many => format!("{} are in force.", plural(many.len(), "policy")),
        };
        let server = self.ready.map(|server| format!("?server={server}"));
        let page = format!("policies/new{}", server.unwrap_or_default());
        Step::new(
            "Choose a policy",
            text,
            link(caller.may::<WritePolicies>(), caller.slug(), &page),
            "Choose policy",
        )
    }

    fn grant(&self, caller: &Can<View>) -> Step {
        let text = match self.grants.as_slice() {
            [] => "A token for one agent, and the snippet that connects it.".to_owned(),
            [(_, label)] => format!("{label} can connect."),
            many => format!("{} can connect.", plural(many.len(), "grant")),
        };
        let href = link(caller.may::<ManageGrants>(), caller.slug(), "grants/new");
        Step::new("Create a grant", text, href, "Create grant")
    }

    fn call(&self, caller: &Can<View>) -> Step {
        let text =
            "Connect the agent; its first tool call shows up here with its decision.".to_owned();
        let href = match self.grants.as_slice() {
            [.., (id, _)] => urls::item(caller.slug(), "grants", id),
            [] => String::new(),
        };
        Step::new("See the first call", text, href, "Show how to connect")
    }

    fn stats(&self, counts: &[CallCount]) -> Vec<Stat> {
        let sum = |refused: bool| -> i64 {
            counts.iter().filter(|c| !refused || is_refusal(c.outcome)).map(|c| c.count).sum()
        };
        let size = |n: usize| thousands(i128::try_from(n).unwrap_or(i128::MAX));
        let stat = |label, value| Stat { label, value };
        vec![
            stat("Calls, last 7 days", thousands(sum(false))),
            stat("Refused", thousands(sum(true))),
            stat("Servers", size(self.servers.len())),
            stat("Grants", size(self.grants.len())),
        ]
    }
}

const fn is_refusal(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Denied
            | Outcome::Limited
            | Outcome::Hidden
            | Outcome::Quarantined
            | Outcome::ApprovalRequired
    )
}

fn plural(n: usize, noun: &str) -> String {
    let noun = if noun == "policy" && n != 1 { "policie" } else { noun };
    count(i128::try_from(n).unwrap_or(i128::MAX), noun)
}

/// The address of a page, for those who may use it.
fn link(may: bool, slug: &Slug, page: &str) -> String {
    if may { urls::organisation(slug, page) } else { String::new() }
}

impl Step {
    const fn new(title: &'static str, text: String, href: String, action: &'static str) -> Self {
        Self { state: "later", title, text, href, action }
    }

    /// Only the step that is next has something to press.
    fn in_state(self, state: &'static str) -> Self {
        let href = if state == "current" { self.href } else { String::new() };
        Self { state, href, ..self }
    }
}

impl TopTool {
    fn of((tool, outcome, count): (String, Outcome, i64), slug: &Slug) -> Self {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("tool", &tool)
            .append_pair("outcome", outcome.as_str())
            .append_pair("since", "7d")
            .finish();
        Self {
            url: format!("{}?{query}", urls::organisation(slug, "calls")),
            tool,
            outcome: outcome.as_str(),
            outcome_label: outcome_label(outcome),
            count: thousands(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::parts::chart;
    use crate::pages::samples::{HOSTILE, Samples, calls, frame};

    impl Samples for Overview {
        fn samples() -> Vec<Self> {
            let of = |text: &str, rows: usize| Self {
                frame: frame(Section::Overview, text),
                can_add: true,
                steps: vec![
                    Step::new("Add a server", text.to_owned(), "/x".to_owned(), "Add")
                        .in_state("done"),
                    Step::new("Choose", text.to_owned(), "/x".to_owned(), "Go").in_state("current"),
                    Step::new("Create", text.to_owned(), "/x".to_owned(), "Go").in_state("later"),
                ],
                stats: vec![Stat { label: "Calls", value: "1,084".to_owned() }],
                chart: if rows > 0 { chart(99) } else { None },
                calls: calls(text, rows),
                denied: (0..rows)
                    .map(|_| {
                        let slug = "acme".parse().unwrap();
                        TopTool::of((text.to_owned(), Outcome::Denied, 7), &slug)
                    })
                    .collect(),
            };
            vec![of("", 0), of("run_workflow", 1), of(HOSTILE, 8)]
        }
    }

    #[test]
    fn the_figures_cover_whole_days() {
        let now = DateTime::from_timestamp(1_750_000_000, 0).unwrap();
        assert_eq!(first_day(now).to_rfc3339(), "2025-06-09T00:00:00+00:00");
        assert_eq!(plural(2, "policy"), "2 policies");
    }
}
