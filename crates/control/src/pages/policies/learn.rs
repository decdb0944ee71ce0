//! From what was called: the smallest policy that lets through what was let through, as a document
//! to go on with. Nothing is saved.

use askama::Template;
use domain::perm::{ManageSettings, View, WritePolicies};
use domain::{GrantId, Permission, PolicyId, ServerId};
use policy::replay::{Change, LearnedTool};
use serde::Deserialize;
use store::servers::ServerName;

use super::found::{RuleRow, left_out, missing, said, span};
use super::period::{PeriodFields, Typed, period};
use crate::acts;
use crate::acts::backtests::{LearnForm, Lesson};
use crate::extract::{Form, Query};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Problem, Section, belongs_in_form, count, in_frame, thousands,
};
use crate::urls;

/// Tools never called that are named.
const MAX_NAMED: usize = 60;

#[derive(Template)]
#[template(path = "policies/learn.html")]
pub(crate) struct LearnPage {
    frame: Frame,
    can_write: bool,
    problem: Option<Problem>,
    servers: Vec<Choice>,
    server: Field,
    grants: Vec<Choice>,
    grant: Field,
    when: PeriodFields,
    /// The policy from whose page one comes.
    policy: Option<Onto>,
    result: Option<Proposal>,
}

/// A policy that the document can be tried on.
struct Onto {
    id: String,
    url: String,
    name: String,
}

/// What was learned.
struct Proposal {
    sentence: String,
    name: String,
    server: String,
    document: String,
    tools: Vec<ToolRow>,
    others: Vec<String>,
    unused: Vec<String>,
    /// How many more there are than are named.
    unused_more: String,
    denied: Vec<RuleRow>,
    missing: Vec<String>,
    left_out: Vec<String>,
    settings_url: String,
}

struct ToolRow {
    name: String,
    calls: String,
    peak: String,
    max: String,
    arguments: Vec<String>,
    unknown: String,
}

in_frame!(LearnPage);

/// What links to the form fill in beforehand.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    server: Option<ServerId>,
    policy: Option<PolicyId>,
}

/// `GET /o/{organisation}/policies/learn`.
pub(crate) async fn show(
    mut caller: Can<View>,
    news: News,
    Query(wanted): Query<Wanted>,
) -> Result<LearnPage, Failure> {
    let mut typed = Typed::default();
    if let Some(server) = wanted.server {
        typed.insert("server".to_owned(), server.to_string());
    }
    if let Some(policy) = wanted.policy {
        typed.insert("policy".to_owned(), policy.to_string());
    }
    LearnPage::of(&mut caller, news, &typed, None).await
}

/// `POST /o/{organisation}/policies/learn`.
pub(crate) async fn answer(
    mut caller: Can<View>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<LearnPage, Failure> {
    let typed: Typed = fields.into_iter().collect();
    let learned = match run(&mut caller, &typed).await {
        Ok(lesson) => Ok(lesson),
        Err(failure) => Err(belongs_in_form(failure)?),
    };
    LearnPage::of(&mut caller, News::default(), &typed, Some(learned)).await
}

async fn run<P: Permission>(caller: &mut Can<P>, typed: &Typed) -> Result<Lesson, Failure> {
    let get = |name: &str| typed.get(name).map(String::as_str).unwrap_or_default();
    let server = match get("server") {
        "" => return Err(Failure::invalid_at("/server_id", "choose the server that was called")),
        id => id.parse::<ServerId>().map_err(|e| Failure::invalid_at("/server_id", e))?,
    };
    let grant_id = match get("grant") {
        "" => None,
        id => Some(id.parse::<GrantId>().map_err(|e| Failure::invalid_at("/grant_id", e))?),
    };
    let (since, until) = period(typed, caller.now())?;
    acts::backtests::learn(caller, &LearnForm { server_id: server, since, until, grant_id }).await
}

impl LearnPage {
    async fn of<P: Permission>(
        caller: &mut Can<P>,
        news: News,
        typed: &Typed,
        learned: Option<Result<Lesson, Failure>>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Policies).await?;
        let get = |name: &str| typed.get(name).cloned().unwrap_or_default();
        let refused = learned.as_ref().and_then(|learned| learned.as_ref().err());
        let policy = Onto::of(caller, &get("policy")).await?;
        let servers = caller.tx().await?.list_server_names().await?;
        let grants = caller.tx().await?.list_grant_labels().await?;
        let (server, grant) = (get("server"), get("grant"));
        let choose = Choice::of("", "Choose a server", &server);
        let of_server = |s: &ServerName| Choice::of(s.id.to_string(), &s.name, &server);
        let everybody = Choice::of("", "All grants", &grant);
        let of_grant = |(id, label): &(GrantId, String)| Choice::of(id.to_string(), label, &grant);
        let shown = ["/server_id", "/grant_id", "/since", "/until"];
        let problem = Problem::of(refused, &shown);
        let named = servers.iter().find(|named| named.id.to_string() == server);
        let name = named.map(|named| named.name.clone()).unwrap_or_default();
        Ok(Self {
            frame,
            can_write: caller.may::<WritePolicies>(),
            problem: problem.map(|p| Problem::new("Nothing was read", p.detail)),
            servers: std::iter::once(choose).chain(servers.iter().map(of_server)).collect(),
            server: Field::default().judged(refused, "/server_id"),
            grants: std::iter::once(everybody).chain(grants.iter().map(of_grant)).collect(),
            grant: Field::default().judged(refused, "/grant_id"),
            when: PeriodFields::of(typed, refused),
            policy,
            result: learned
                .and_then(Result::ok)
                .map(|lesson| Proposal::of(caller, &lesson, &name, &server)),
        })
    }
}

impl Onto {
    async fn of<P: Permission>(caller: &mut Can<P>, id: &str) -> Result<Option<Self>, Failure> {
        let Ok(id) = id.parse::<PolicyId>() else { return Ok(None) };
        let policy = acts::policies::find(caller, id).await?;
        let url = urls::item(caller.slug(), "policies", id);
        Ok(Some(Self { id: id.to_string(), url, name: policy.name }))
    }
}

impl Proposal {
    fn of<P>(caller: &Can<P>, lesson: &Lesson, name: &str, server: &str) -> Self {
        let Lesson { learned, report, read } = lesson;
        let is_denied = |change| !matches!(change, Change::Unknown | Change::Allowed);
        let denied = report.rules.iter().filter(|rule| is_denied(rule.change));
        let lacks_values = learned.tools.iter().any(|tool| !tool.unknown.is_empty());
        let can_choose = caller.may::<ManageSettings>() && !read.records_values && lacks_values;
        let settings = urls::organisation(caller.slug(), "settings/organisation");
        let others = [("prompts", &learned.prompts), ("resources", &learned.resources)];
        let others = others.into_iter().filter(|(_, names)| !names.is_empty());
        Self {
            sentence: summary(lesson),
            name: format!("{name} as called"),
            server: server.to_owned(),
            document: learned.document.to_json(),
            tools: learned.tools.iter().map(ToolRow::of).collect(),
            others: others.map(|(what, names)| other(what, names)).collect(),
            unused: learned.unused.iter().take(MAX_NAMED).cloned().collect(),
            unused_more: match learned.unused.len().saturating_sub(MAX_NAMED) {
                0 => String::new(),
                more => thousands(i128::try_from(more).unwrap_or(0)),
            },
            denied: RuleRow::all(denied, caller.slug(), caller.now()),
            missing: missing(report),
            left_out: left_out(read),
            settings_url: if can_choose { settings } else { String::new() },
        }
    }
}

fn other(what: &str, names: &[String]) -> String {
    const SHOWN: usize = 100;
    if names.len() > SHOWN {
        return format!("All {what}: more than {SHOWN} were asked for.");
    }
    format!("These {what}: {}", names.join(", "))
}

/// What the proposal comes to, in one sentence or two.
fn summary(Lesson { learned, report, read }: &Lesson) -> String {
    if learned.calls == 0 {
        return format!(
            "No call was let through {}, so the smallest policy denies everything.",
            span(read)
        );
    }
    let tools = learned.tools.len();
    let all = tools + learned.unused.len();
    let calls = count(learned.calls, "call");
    let n = |n: usize| i128::try_from(n).unwrap_or(0);
    let denied = said(&report.tally);
    let denied = match denied.as_slice() {
        [] => "It would have refused none of the calls of that time.".to_owned(),
        said => format!(
            "Of {} of that time it would have {}.",
            count(report.calls, "call"),
            said.join(", ")
        ),
    };
    format!(
        "Learned from {calls} that were let through {}: {} of {} may be called. {denied}",
        span(read),
        thousands(n(tools)),
        count(n(all), "tool"),
    )
}

impl ToolRow {
    fn of(tool: &LearnedTool) -> Self {
        Self {
            name: tool.name.clone(),
            calls: thousands(tool.calls),
            peak: thousands(tool.peak),
            max: thousands(tool.max),
            arguments: tool.arguments.clone(),
            unknown: tool.unknown.join(", "),
        }
    }
}

#[cfg(test)]
mod samples {
    use super::super::found::tests::rows;
    use super::*;
    use crate::pages::samples::{HOSTILE, Samples, frame};

    impl Samples for LearnPage {
        fn samples() -> Vec<Self> {
            let of = |text: &str, n: usize| {
                let texts = || vec![text.to_owned(); n];
                let field = || Field { value: text.to_owned(), error: text.to_owned() };
                let onto = || Onto {
                    id: "pol_1".to_owned(),
                    url: "/o/acme/policies/pol_1".to_owned(),
                    name: text.to_owned(),
                };
                Self {
                    frame: frame(Section::Policies, text),
                    can_write: n > 0,
                    problem: Some(Problem::new("Nothing was read", text)),
                    servers: vec![Choice::of("srv_1", text, "srv_1")],
                    server: field(),
                    grants: vec![Choice::of("grt_1", text, "grt_1")],
                    grant: field(),
                    when: PeriodFields::of(&Typed::default(), None),
                    policy: (n > 0).then(onto),
                    result: Some(Proposal {
                        sentence: text.to_owned(),
                        name: text.to_owned(),
                        server: text.to_owned(),
                        document: text.to_owned(),
                        tools: (0..n)
                            .map(|_| ToolRow {
                                name: text.to_owned(),
                                calls: "7".to_owned(),
                                peak: "2".to_owned(),
                                max: "5".to_owned(),
                                arguments: texts(),
                                unknown: text.to_owned(),
                            })
                            .collect(),
                        others: texts(),
                        unused: texts(),
                        unused_more: if n > 0 { "7".to_owned() } else { String::new() },
                        denied: rows(text, n),
                        missing: texts(),
                        left_out: texts(),
                        settings_url: if n > 0 { "/x".to_owned() } else { String::new() },
                    }),
                }
            };
            vec![Self { result: None, ..of("shop", 0) }, of("shop", 0), of(HOSTILE, 3)]
        }
    }
}
