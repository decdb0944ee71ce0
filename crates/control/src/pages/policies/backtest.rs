//! Backtest: what a draft would have done with the calls that were recorded, before it is published.
//! Nothing is saved, counted or sent.

use askama::Template;
use domain::perm::{ManageSettings, View};
use domain::{Permission, PolicyId, ServerId};
use store::policies::Policy;
use store::servers::ServerName;

use super::found::{RuleRow, chart, left_out, missing, sentence, span};
use super::period::{PeriodFields, Typed, period};
use super::{DocumentError, document_errors};
use crate::acts;
use crate::acts::backtests::{BacktestForm, Backtested};
use crate::acts::policies::DocumentText;
use crate::extract::{Form, Path};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    Chart, Choice, Frame, News, Problem, Section, belongs_in_form, in_frame,
};
use crate::urls;

#[derive(Template)]
#[template(path = "policies/backtest.html")]
pub(crate) struct BacktestPage {
    frame: Frame,
    url: String,
    name: String,
    problem: Option<Problem>,
    errors: Vec<DocumentError>,
    /// The draft; empty where what is in force is tried.
    draft: String,
    /// The version that the draft was made from.
    version: i32,
    servers: Vec<Choice>,
    when: PeriodFields,
    learn_url: String,
    result: Option<Found>,
}

/// What was found.
struct Found {
    sentence: String,
    span: String,
    chart: Option<Chart>,
    rules: Vec<RuleRow>,
    missing: Vec<String>,
    left_out: Vec<String>,
    /// Where values can be recorded from now on; empty where they are, or for whom may not.
    settings_url: String,
}

in_frame!(BacktestPage);

/// `GET /o/{organisation}/policies/{id}/backtest`.
pub(crate) async fn show(
    mut caller: Can<View>,
    news: News,
    Path(id): Path<PolicyId>,
) -> Result<BacktestPage, Failure> {
    BacktestPage::of(&mut caller, news, id, &Typed::default()).await
}

/// `POST /o/{organisation}/policies/{id}/backtest`: the builder's whole form may be sent here, with
/// the draft in `document`; `deed` is `backtest` where calls are to be read.
pub(crate) async fn answer(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<BacktestPage, Failure> {
    let typed: Typed = fields.into_iter().collect();
    BacktestPage::of(&mut caller, News::default(), id, &typed).await
}

impl BacktestPage {
    async fn of<P: Permission>(
        caller: &mut Can<P>,
        news: News,
        id: PolicyId,
        typed: &Typed,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Policies).await?;
        let policy = acts::policies::find(caller, id).await?;
        let get = |name: &str| typed.get(name).map(String::as_str).unwrap_or_default();
        let draft = match get("document") {
            text if text.trim() == policy.document.trim() => String::new(),
            text => text.to_owned(),
        };
        let chosen = typed.get("server").cloned().unwrap_or_else(|| usual_calls(&policy));
        let document = if draft.is_empty() { &policy.document } else { &draft };
        let found = if get("deed") == "backtest" {
            match run(caller, id, document, &chosen, typed).await {
                Ok(found) => Some(Ok(Found::of(caller, &found))),
                Err(failure) => Some(Err(belongs_in_form(failure)?)),
            }
        } else {
            None
        };
        let refused = found.as_ref().and_then(|found| found.as_ref().err());
        let errors = document_errors(refused);
        let servers = caller.tx().await?.list_server_names().await?;
        let url = urls::item(caller.slug(), "policies", id);
        let title = "Nothing was tried";
        Ok(Self {
            frame,
            problem: match errors.as_slice() {
                [] => Problem::of(refused, &["/since", "/until"])
                    .map(|problem| Problem::new(title, problem.detail)),
                _ => Some(Problem::new(title, "The draft has errors, listed below.")),
            },
            errors,
            servers: calls_of(&servers, &chosen),
            when: PeriodFields::of(typed, refused),
            learn_url: learn_url(caller, &policy),
            result: found.and_then(Result::ok),
            version: get("version").parse().unwrap_or(policy.version),
            name: policy.name,
            draft,
            url,
        })
    }
}

/// Which calls a policy is tried on if nothing is chosen: its own, or if it decides nothing yet,
/// those on its server.
fn usual_calls(policy: &Policy) -> String {
    match policy.server_id {
        Some(server) if policy.bindings == 0 => server.to_string(),
        _ => String::new(),
    }
}

fn calls_of(servers: &[ServerName], chosen: &str) -> Vec<Choice> {
    let own = Choice::of("", "Calls that this policy decided", chosen);
    let all = |server: &ServerName| {
        Choice::of(server.id.to_string(), format!("All calls on {}", server.name), chosen)
    };
    std::iter::once(own).chain(servers.iter().map(all)).collect()
}

fn learn_url<P>(caller: &Can<P>, policy: &Policy) -> String {
    let server = policy.server_id.map(|server| format!("&server={server}"));
    let query = format!("policies/learn?policy={}{}", policy.id, server.unwrap_or_default());
    urls::organisation(caller.slug(), &query)
}

async fn run<P: Permission>(
    caller: &mut Can<P>,
    id: PolicyId,
    document: &str,
    server: &str,
    typed: &Typed,
) -> Result<Backtested, Failure> {
    let (since, until) = period(typed, caller.now())?;
    let server_id = match server {
        "" => None,
        id => Some(id.parse::<ServerId>().map_err(|e| Failure::invalid_at("/server_id", e))?),
    };
    let document = DocumentText(document.to_owned());
    let form = BacktestForm { document, since, until, server_id };
    acts::backtests::backtest(caller, id, &form).await
}

impl Found {
    fn of<P>(caller: &Can<P>, Backtested { report, read }: &Backtested) -> Self {
        let can_choose = caller.may::<ManageSettings>() && !read.records_values;
        let settings_url = if can_choose && report.tally.unknown > 0 {
            urls::organisation(caller.slug(), "settings/organisation")
        } else {
            String::new()
        };
        Self {
            sentence: sentence(report),
            span: span(read),
            chart: chart(report, read),
            rules: RuleRow::all(report.rules.iter(), caller.slug(), caller.now()),
            missing: missing(report),
            left_out: left_out(read),
            settings_url,
        }
    }
}

#[cfg(test)]
mod samples {
    use super::super::found::tests::rows;
    use super::*;
    use crate::pages::parts::chart as sample_chart;
    use crate::pages::samples::{HOSTILE, Samples, frame};

    impl Samples for BacktestPage {
        fn samples() -> Vec<Self> {
            let of = |text: &str, n: usize| Self {
                frame: frame(Section::Policies, text),
                url: "/o/acme/policies/pol_1".to_owned(),
                name: text.to_owned(),
                problem: Some(Problem::new("Nothing was tried", text)),
                errors: vec![DocumentError {
                    line: 1,
                    column: 1,
                    pointer: String::new(),
                    detail: text.to_owned(),
                }],
                draft: text.to_owned(),
                version: 3,
                servers: vec![Choice::of("srv_1", text, "srv_1")],
                when: PeriodFields::of(&Typed::default(), None),
                learn_url: "/o/acme/policies/learn".to_owned(),
                result: Some(Found {
                    sentence: text.to_owned(),
                    span: text.to_owned(),
                    chart: if n > 0 { sample_chart(99) } else { None },
                    rules: rows(text, n),
                    missing: vec![text.to_owned(); n],
                    left_out: vec![text.to_owned(); n],
                    settings_url: if n > 0 { "/x".to_owned() } else { String::new() },
                }),
            };
            vec![Self { result: None, ..of("shop", 0) }, of("shop", 0), of(HOSTILE, 6)]
        }
    }
}
