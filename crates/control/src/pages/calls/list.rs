//! The list of calls, with its filters.

use askama::Template;
use chrono::TimeDelta;
use domain::perm::{ManageGrants, View};
use domain::{GrantId, Outcome, ServerId};
use serde::Deserialize;
use store::calls::CallFilter;

use super::rows;
use crate::extract::Query;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    CallRow, Choice, Frame, News, Pager, Pages, Section, in_frame, outcome_label,
};
use crate::urls;

#[derive(Template)]
#[template(path = "calls/list.html")]
pub(crate) struct CallList {
    frame: Frame,
    can_create: bool,
    filtered: bool,
    q: String,
    tool: String,
    outcomes: Vec<Choice>,
    servers: Vec<Choice>,
    grants: Vec<Choice>,
    periods: Vec<Choice>,
    calls: Vec<CallRow>,
    pages: Pages,
}

in_frame!(CallList);

/// The filter in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    q: Option<String>,
    tool: Option<String>,
    outcome: Option<Outcome>,
    server: Option<ServerId>,
    grant: Option<GrantId>,
    since: Option<Period>,
    before: Option<String>,
}

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Period {
    #[serde(rename = "1h")]
    Hour,
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
}

impl Period {
    const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    const fn table(self) -> (&'static str, &'static str, i64) {
        match self {
            Self::Hour => ("1h", "Last hour", 1),
            Self::Day => ("24h", "Last 24 hours", 24),
            Self::Week => ("7d", "Last 7 days", 24 * 7),
            Self::Month => ("30d", "Last 30 days", 24 * 30),
        }
    }
}

/// `GET /o/{organisation}/calls`.
pub(crate) async fn list(
    mut caller: Can<View>,
    news: News,
    Query(asked): Query<Asked>,
) -> Result<CallList, Failure> {
    let frame = Frame::of(&mut caller, news, Section::Calls).await?;
    let path = urls::organisation(caller.slug(), "calls");
    let pager = Pager::new(&path, asked.before.as_deref()).keeping(asked.kept());
    let now = caller.now();
    let since = asked.since.map(|period| now - TimeDelta::hours(period.table().2));
    let tx = caller.tx().await?;
    let calls = tx.list_calls(&CallFilter { since, ..asked.filter() }, pager.page()).await?;
    let servers = tx.list_server_names().await?;
    let servers = servers.into_iter().map(|server| (server.id.to_string(), server.name));
    let grants = tx.list_grant_labels().await?.into_iter().map(|(id, l)| (id.to_string(), l));
    let ends = pager.pages(&calls);
    Ok(CallList {
        frame,
        can_create: caller.may::<ManageGrants>(),
        filtered: !asked.kept().iter().all(|(_, value)| value.is_empty()),
        outcomes: choices("Any", outcomes(), asked.outcome),
        servers: choices("Any", servers, asked.server),
        grants: choices("Any", grants, asked.grant),
        periods: choices("Any time", periods(), asked.since.map(|period| period.table().0)),
        calls: rows(&mut caller, &calls.rows).await?,
        q: asked.q.unwrap_or_default(),
        tool: asked.tool.unwrap_or_default(),
        pages: ends,
    })
}

impl Asked {
    fn filter(&self) -> CallFilter {
        CallFilter {
            server: self.server,
            grant: self.grant,
            target: self.tool.clone(),
            outcome: self.outcome,
            text: self.q.clone(),
            ..CallFilter::default()
        }
    }

    fn kept(&self) -> Vec<(&'static str, String)> {
        fn text(value: Option<impl ToString>) -> String {
            value.map(|value| value.to_string()).unwrap_or_default()
        }
        vec![
            ("q", text(self.q.as_ref())),
            ("tool", text(self.tool.as_ref())),
            ("outcome", text(self.outcome)),
            ("server", text(self.server)),
            ("grant", text(self.grant)),
            ("since", text(self.since.map(|period| period.table().0))),
        ]
    }
}

fn outcomes() -> impl Iterator<Item = (String, String)> {
    Outcome::ALL.iter().map(|o| (o.to_string(), outcome_label(*o).to_owned()))
}

fn periods() -> impl Iterator<Item = (String, String)> {
    Period::ALL.iter().map(|period| {
        let (word, label, _) = period.table();
        (word.to_owned(), label.to_owned())
    })
}

/// The options of a filter, with one that does not restrict first.
fn choices(
    any: &str,
    options: impl Iterator<Item = (String, String)>,
    chosen: Option<impl ToString>,
) -> Vec<Choice> {
    let chosen = chosen.map(|chosen| chosen.to_string()).unwrap_or_default();
    let any = Choice::of("", any, &chosen);
    let options = options.map(|(value, label)| Choice::of(value, label, &chosen));
    std::iter::once(any).chain(options).collect()
}

#[cfg(test)]
impl crate::pages::samples::Samples for CallList {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, calls, frame, pages};
        let of = |text: &str, rows, filtered| Self {
            frame: frame(Section::Calls, text),
            can_create: true,
            filtered,
            q: text.to_owned(),
            tool: text.to_owned(),
            outcomes: choices("Any", outcomes(), Some("denied")),
            servers: choices(
                "Any",
                [("srv_1".to_owned(), text.to_owned())].into_iter(),
                None::<&str>,
            ),
            grants: choices("Any", std::iter::empty(), None::<&str>),
            periods: choices("Any time", periods(), Some("7d")),
            calls: calls(text, rows),
            pages: pages(rows > 1),
        };
        vec![of("", 0, false), of("x", 0, true), of("", 1, false), of(HOSTILE, 50, true)]
    }
}
