//! The admin audit log: who changed what, with what it was before.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use domain::UserId;
use domain::perm::SeeAudit;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::Page;
use store::audit::{EventFilter, LoggedEvent};
use url::form_urlencoded::Serializer;

use crate::api::audit_events::export::answer;
use crate::api::audit_events::view::{ChangeView, changes};
use crate::export::Format;
use crate::extract::Query;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Pager, Pages, Section, Time, end_of_day, in_frame,
};
use crate::urls;

/// Longest value shown on the page; exports have the whole.
const SHOWN_CHARS: usize = 600;

#[derive(Template)]
#[template(path = "settings/audit.html")]
pub(crate) struct AuditLog {
    frame: Frame,
    filtered: bool,
    kinds: Vec<Choice>,
    actors: Vec<Choice>,
    since: Field,
    until: Field,
    /// The query of this filter, for the export.
    query: String,
    events: Vec<EventRow>,
    pages: Pages,
}

struct EventRow {
    time: Time,
    actor: String,
    kind: String,
    subject: String,
    origin: String,
    detail: String,
    changes: Vec<ChangeRow>,
    seq: String,
    digest: String,
}

struct ChangeRow {
    what: String,
    id: String,
    fields: Vec<FieldRow>,
}

/// One field, before and after; empty where it was not there.
struct FieldRow {
    name: String,
    before: String,
    after: String,
}

in_frame!(AuditLog);

/// The filter in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    kind: Option<String>,
    actor: Option<String>,
    since: Option<String>,
    until: Option<String>,
    before: Option<String>,
    format: Format,
}

/// `GET /o/{organisation}/settings/audit`.
pub(crate) async fn show(
    mut caller: Can<SeeAudit>,
    news: News,
    Query(asked): Query<Asked>,
) -> Result<AuditLog, Failure> {
    let frame = Frame::of(&mut caller, news, Section::Settings).await?;
    let path = urls::organisation(caller.slug(), "settings/audit");
    let pager = Pager::new(&path, asked.before.as_deref()).keeping(asked.kept());
    let (filter, now) = (asked.filter(), caller.now());
    let tx = caller.tx().await?;
    let events = tx.list_events(&filter, pager.page()).await?;
    let kinds = tx.event_kinds().await?;
    let actors = tx.event_actors().await?;
    let names = names(&mut caller, &actors).await?;
    let shown = |id: &str| names.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let row = |event: &LoggedEvent| EventRow::of(event, shown(&event.actor), now);
    let kept = asked.kept();
    let mut query = Serializer::new(String::new());
    query.extend_pairs(kept.iter().filter(|(_, value)| !value.is_empty()));
    Ok(AuditLog {
        frame,
        filtered: kept.iter().any(|(_, value)| !value.is_empty()),
        kinds: choices("Anything", groups(&kinds), asked.kind.as_deref()),
        actors: choices(
            "Anybody",
            actors.iter().map(|id| (id.clone(), shown(id))).collect(),
            asked.actor.as_deref(),
        ),
        since: day(asked.since.as_deref()),
        until: day(asked.until.as_deref()),
        query: query.finish(),
        events: events.rows.iter().map(row).collect(),
        pages: pager.pages(&events),
    })
}

/// `GET /o/{organisation}/settings/audit/export`: what the filter shows, whole.
pub(crate) async fn export(
    caller: Can<SeeAudit>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    answer(&caller, asked.filter(), asked.format).await
}

impl Asked {
    /// Days that cannot be read do not restrict; the field says so.
    fn filter(&self) -> EventFilter {
        let start = |text: &String| text.trim().parse::<NaiveDate>().ok();
        let since = self.since.as_ref().and_then(start).and_then(|day| day.and_hms_opt(0, 0, 0));
        EventFilter {
            actor: self.actor.clone(),
            kind: self.kind.clone(),
            subject: None,
            since: since.map(|at| at.and_utc()),
            until: self.until.as_deref().and_then(|text| end_of_day(text).ok().flatten()),
        }
    }

    fn kept(&self) -> Vec<(&'static str, String)> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            ("kind", text(&self.kind)),
            ("actor", text(&self.actor)),
            ("since", text(&self.since)),
            ("until", text(&self.until)),
        ]
    }
}

/// What people and keys are called, by id; those that are gone keep their id.
async fn names(
    caller: &mut Can<SeeAudit>,
    actors: &[String],
) -> Result<BTreeMap<String, String>, Failure> {
    let keys = caller.tx().await?.list_api_keys(Page::first()).await?.rows;
    let keys = keys.into_iter().map(|key| (key.id.to_string(), format!("API key {}", key.name)));
    let mut names: BTreeMap<String, String> = keys.collect();
    names.insert("system".to_owned(), "Drawbridge".to_owned());
    for id in actors.iter().filter_map(|actor| actor.parse::<UserId>().ok()) {
        if let Some(user) = caller.app().store().find_user(id).await? {
            names.insert(id.to_string(), user.email);
        }
    }
    Ok(names)
}

/// Groups of kinds, each before its kinds.
fn groups(kinds: &[String]) -> Vec<(String, String)> {
    let all: BTreeSet<&str> = kinds
        .iter()
        .flat_map(|kind| kind.split_once('.').map(|(group, _)| group).into_iter().chain([&**kind]))
        .collect();
    all.into_iter()
        .map(|kind| {
            let label = if kind.contains('.') { kind.to_owned() } else { format!("{kind} (all)") };
            (kind.to_owned(), label)
        })
        .collect()
}

fn choices(any: &str, options: Vec<(String, String)>, chosen: Option<&str>) -> Vec<Choice> {
    let chosen = chosen.unwrap_or_default();
    let options = options.into_iter().map(|(value, label)| Choice::of(value, label, chosen));
    std::iter::once(Choice::of("", any, chosen)).chain(options).collect()
}

fn day(typed: Option<&str>) -> Field {
    let typed = typed.unwrap_or_default();
    let error = end_of_day(typed).err().map(crate::failure::sentence).unwrap_or_default();
    Field { value: typed.to_owned(), error }
}

impl EventRow {
    fn of(event: &LoggedEvent, actor: String, now: DateTime<Utc>) -> Self {
        let address = event.address.clone().unwrap_or_default();
        let origin = [event.credential.as_str(), address.as_str()];
        let origin: Vec<&str> = origin.into_iter().filter(|text| !text.is_empty()).collect();
        let detail = event.detail.as_object().filter(|detail| !detail.is_empty());
        Self {
            time: Time::of(event.at, now),
            actor,
            kind: event.kind.clone(),
            subject: event.subject.clone(),
            origin: origin.join(" from "),
            detail: detail.map(told).unwrap_or_default(),
            changes: changes(event).into_iter().map(ChangeRow::of).collect(),
            seq: event.seq.map(|seq| seq.to_string()).unwrap_or_default(),
            digest: event.digest.as_deref().map(domain::chain::hex).unwrap_or_default(),
        }
    }
}

/// `version: 3, tool: x`.
fn told(detail: &Map<String, Value>) -> String {
    let pairs: Vec<String> =
        detail.iter().map(|(name, value)| format!("{name}: {}", shown(Some(value)))).collect();
    pairs.join(", ")
}

impl ChangeRow {
    fn of(change: ChangeView) -> Self {
        let side = |side: &Option<Value>| side.as_ref().and_then(Value::as_object).cloned();
        let (before, after) = (side(&change.before), side(&change.after));
        let names: BTreeSet<&String> = before.iter().chain(&after).flat_map(Map::keys).collect();
        let field = |name: &&String| FieldRow {
            name: (*name).clone(),
            before: shown(before.as_ref().and_then(|fields| fields.get(*name))),
            after: shown(after.as_ref().and_then(|fields| fields.get(*name))),
        };
        let fields = names.iter().map(field).filter(|f| f.before != f.after).collect();
        Self { what: change.what, id: change.id, fields }
    }
}

/// A value in short; nothing for null.
fn shown(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for AuditLog {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, frame, pages, time};
        let of = |text: &str, rows: usize, filtered| Self {
            frame: frame(Section::Settings, text),
            filtered,
            kinds: choices("Anything", groups(&["grant.created".to_owned()]), Some("grant")),
            actors: choices("Anybody", vec![("usr_1".to_owned(), text.to_owned())], None),
            since: day(Some(text)),
            until: day(None),
            query: "kind=grant".to_owned(),
            events: (0..rows)
                .map(|n| EventRow {
                    time: time(),
                    actor: text.to_owned(),
                    kind: "grant.created".to_owned(),
                    subject: "grt_1".to_owned(),
                    origin: text.to_owned(),
                    detail: if n == 0 { String::new() } else { text.to_owned() },
                    changes: (0..n)
                        .map(|_| ChangeRow {
                            what: "grants".to_owned(),
                            id: "grt_1".to_owned(),
                            fields: vec![FieldRow {
                                name: "label".to_owned(),
                                before: String::new(),
                                after: text.to_owned(),
                            }],
                        })
                        .collect(),
                    seq: n.to_string(),
                    digest: "ab".repeat(32),
                })
                .collect(),
            pages: pages(rows > 1),
        };
        vec![
            of("", 0, false),
            of("x", 0, true),
            of("ada@example.com", 1, false),
            of(HOSTILE, 3, true),
        ]
    }
}
