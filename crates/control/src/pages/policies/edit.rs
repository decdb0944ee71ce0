//! The builder: the table of tools and the JSON, two views of one document; its versions and
//! where it is used.

use std::collections::HashMap;

use ::policy::Category;
use askama::Template;
use chrono::TimeDelta;
use domain::perm::{ManageGrants, View, WritePolicies};
use domain::{Permission, PolicyId, Slug, ToolState, UserId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::policies::{Policy, PolicyChange};
use store::servers::Server;
use store::tools::Tool;

use super::table::{Table, Together};
use super::{DocumentError, document_errors};
use crate::acts;
use crate::extract::{Form, Path};
use crate::failure::{Failure, Kind};
use crate::guard::Can;
use crate::pages::parts::{Frame, News, Problem, Section, Time, count, in_frame, short, thousands};
use crate::pages::servers::{Evidence, ToolWords, category_label};
use crate::urls;

/// How far back calls are counted beside a tool.
const COUNTED_DAYS: i64 = 7;

#[derive(Template)]
#[template(path = "policies/edit.html")]
pub(crate) struct PolicyPage {
    frame: Frame,
    can_write: bool,
    can_grant: bool,
    policy: About,
    problem: Option<Problem>,
    document: String,
    /// The version that the document was made from.
    base: i32,
    comment: String,
    default_allow: bool,
    all_tools: Together,
    conflict: Option<String>,
    errors: Vec<DocumentError>,
    categories: Vec<Chip>,
    data: String,
    tools: Vec<BuilderRow>,
    versions: Vec<Version>,
    uses: Vec<Use>,
}

struct About {
    url: String,
    id: String,
    name: String,
    version: i32,
    server: String,
    server_id: String,
    server_url: String,
    validate_url: String,
    changed: Time,
}

struct Chip {
    category: &'static str,
    label: &'static str,
    count: String,
}

struct BuilderRow {
    name: String,
    description: String,
    category: String,
    category_label: &'static str,
    level: String,
    level_label: &'static str,
    confidence: String,
    evidence: Vec<Evidence>,
    calls: String,
    segment: &'static str,
    max: String,
    window: String,
    note: &'static str,
    recommended: &'static str,
}

struct Version {
    version: i32,
    is_live: bool,
    comment: String,
    author: String,
    time: Time,
}

struct Use {
    url: String,
    grant: String,
    server: String,
}

in_frame!(PolicyPage);

/// What the builder starts from instead of what is in force: what was typed, and why it was
/// refused, if it was.
pub(super) struct Again<'a> {
    pub(super) document: String,
    /// The version that it was made from; `None` for the one in force.
    pub(super) version: Option<i32>,
    pub(super) comment: String,
    pub(super) refused: Option<&'a Failure>,
}

/// What brings a draft to the builder.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Draft {
    document: String,
    /// The version that it was made from; left out by what makes drafts of what is in force.
    version: Option<i32>,
}

/// `GET /o/{organisation}/policies/{id}`.
pub(crate) async fn show(
    mut caller: Can<View>,
    news: News,
    Path(id): Path<PolicyId>,
) -> Result<PolicyPage, Failure> {
    PolicyPage::of(&mut caller, news, id, None).await
}

/// `POST /o/{organisation}/policies/{id}/draft`: the builder with a draft from elsewhere. Nothing is
/// saved.
pub(crate) async fn draft(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
    Form(Draft { document, version }): Form<Draft>,
) -> Result<PolicyPage, Failure> {
    let again = Again { document, version, comment: String::new(), refused: None };
    PolicyPage::of(&mut caller, News::default(), id, Some(again)).await
}

impl PolicyPage {
    pub(super) async fn of<P: Permission>(
        caller: &mut Can<P>,
        news: News,
        id: PolicyId,
        again: Option<Again<'_>>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Policies).await?;
        let policy = acts::policies::find(caller, id).await?;
        let (server, tools) = tools(caller, &policy).await?;
        let calls = calls(caller, &policy).await?;
        let uses = caller.tx().await?.list_policy_bindings(id).await?;
        let versions = versions(caller, &policy).await?;
        let refused = again.as_ref().and_then(|again| again.refused);
        let document =
            again.as_ref().map_or_else(|| policy.document.clone(), |a| a.document.clone());
        let shown = readable(&document).unwrap_or_else(|| policy.document.clone());
        let tape = json::parse(shown.as_bytes()).map_err(Failure::internal)?;
        let table = Table::read(tape.root());
        let stale = refused.filter(|refused| refused.kind() == Kind::Stale);
        // A text is published over the version that it was made from, until its author was told of
        // another.
        let base = again.as_ref().filter(|_| stale.is_none()).and_then(|again| again.version);
        Ok(Self {
            frame,
            base: base.unwrap_or(policy.version),
            can_write: caller.may::<WritePolicies>(),
            can_grant: caller.may::<ManageGrants>(),
            problem: Problem::of(refused.filter(|r| is_elsewhere(r)), &[]),
            comment: again.as_ref().map(|a| a.comment.clone()).unwrap_or_default(),
            default_allow: table.allows_by_default(),
            all_tools: table.all_tools_limit(),
            conflict: stale.map(|_| published_by(&versions, &policy)),
            errors: document_errors(refused),
            categories: chips(&tools),
            data: data(&policy, &tools),
            tools: tools.iter().map(|tool| BuilderRow::of(tool, &table, &calls)).collect(),
            uses: uses.into_iter().map(|one| Use::of(one, caller.slug())).collect(),
            policy: About::of(caller, &policy, server.as_ref()),
            versions,
            document,
        })
    }
}

/// A document as the table reads it: its normal form, or as it is while it has errors. One that is
/// no JSON has no table.
fn readable(document: &str) -> Option<String> {
    match ::policy::parse(document) {
        Ok(read) => Some(read.to_json()),
        Err(_found) => json::parse(document.as_bytes()).ok().map(|_| document.to_owned()),
    }
}

/// Whether a failure is told neither beside the document nor as a conflict.
fn is_elsewhere(refused: &Failure) -> bool {
    refused.kind() != Kind::Stale
        && refused.fields().iter().all(|error| !error.pointer.starts_with("/document"))
}

fn published_by(versions: &[Version], policy: &Policy) -> String {
    let author = versions.iter().find(|version| version.is_live).map(|live| live.author.as_str());
    match author {
        Some(author) if !author.is_empty() => {
            format!("Version {} was published by {author}.", policy.version)
        }
        _ => format!("Version {} was published.", policy.version),
    }
}

/// The server that a policy is written for, and its tools.
async fn tools<P: Permission>(
    caller: &mut Can<P>,
    policy: &Policy,
) -> Result<(Option<Server>, Vec<Tool>), Failure> {
    let Some(id) = policy.server_id else { return Ok((None, Vec::new())) };
    let (server, tools) = acts::tools::list(caller, id).await?;
    let listed = tools.into_iter().filter(|tool| tool.state != ToolState::Removed);
    Ok((Some(server), listed.collect()))
}

async fn calls<P: Permission>(
    caller: &mut Can<P>,
    policy: &Policy,
) -> Result<HashMap<String, i64>, Failure> {
    let Some(server) = policy.server_id else { return Ok(HashMap::new()) };
    let since = caller.now() - TimeDelta::days(COUNTED_DAYS);
    Ok(caller.tx().await?.count_tool_calls(server, since).await?.into_iter().collect())
}

/// The latest versions, with their authors by name.
async fn versions<P: Permission>(
    caller: &mut Can<P>,
    policy: &Policy,
) -> Result<Vec<Version>, Failure> {
    let changes = caller.tx().await?.list_policy_changes(policy.id).await?;
    // Accounts are no tenant's: they are looked up with no transaction open.
    caller.close();
    let mut names: HashMap<String, String> = HashMap::new();
    for change in &changes {
        if !names.contains_key(&change.author) {
            names.insert(change.author.clone(), author(caller, &change.author).await?);
        }
    }
    let now = caller.now();
    let version = |change: PolicyChange| Version {
        version: change.version,
        is_live: change.version == policy.version,
        comment: change.comment,
        author: names.get(&change.author).cloned().unwrap_or_default(),
        time: Time::of(change.created_at, now),
    };
    Ok(changes.into_iter().map(version).collect())
}

/// Who an author's id stands for.
pub(super) async fn author<P>(caller: &Can<P>, id: &str) -> Result<String, Failure> {
    match id.parse::<UserId>() {
        Ok(user) => {
            let user = caller.app().store().find_user(user).await?;
            Ok(user.map_or_else(|| "a former member".to_owned(), |user| user.name))
        }
        Err(_a_key) => Ok(format!("API key {}", short(id))),
    }
}

fn chips(tools: &[Tool]) -> Vec<Chip> {
    let of = |category: Category| {
        let word = category.as_str();
        let n = tools.iter().filter(|tool| tool.category == word).count();
        let count = thousands(i128::try_from(n).unwrap_or(0));
        (n > 0).then(|| Chip { category: word, label: category_label(word), count })
    };
    Category::ALL.into_iter().filter_map(of).collect()
}

/// What the builder's script starts from: the live text, and each tool with its recommendation.
fn data(policy: &Policy, tools: &[Tool]) -> String {
    let tool = |tool: &Tool| {
        let rule = ToolWords::of(tool).recommended_rule;
        let hides = rule.get("action").is_some_and(|action| action == "hide");
        let recommended = if hides { json!("hide") } else { rule };
        json!({ "name": tool.name, "category": tool.category, "recommended": recommended })
    };
    let tools: Vec<Value> = tools.iter().map(tool).collect();
    json!({ "live": policy.document, "tools": tools }).to_string()
}

impl About {
    fn of<P>(caller: &Can<P>, policy: &Policy, server: Option<&Server>) -> Self {
        let (slug, id) = (caller.slug(), policy.id.to_string());
        let url = urls::item(slug, "policies", &id);
        Self {
            validate_url: format!("{url}/validate"),
            url,
            id,
            name: policy.name.clone(),
            version: policy.version,
            server: server.map(|server| server.name.clone()).unwrap_or_default(),
            server_id: server.map(|server| server.id.to_string()).unwrap_or_default(),
            server_url: server.map(|s| urls::item(slug, "servers", &s.slug)).unwrap_or_default(),
            changed: Time::of(policy.published_at, caller.now()),
        }
    }
}

impl BuilderRow {
    fn of(tool: &Tool, table: &Table, calls: &HashMap<String, i64>) -> Self {
        let words = ToolWords::of(tool);
        let choice = table.choice(&tool.name);
        Self {
            name: tool.name.clone(),
            description: tool.description.clone(),
            category: words.category,
            category_label: words.category_label,
            level: words.level,
            level_label: words.level_label,
            confidence: words.confidence,
            evidence: words.evidence,
            calls: calls.get(&tool.name).map(|n| count(*n, "call")).unwrap_or_default(),
            note: match (choice.segment, choice.checks) {
                ("custom", _) => "Custom, in the JSON",
                ("", _) => "No rule of its own",
                (_, true) => "arguments checked",
                _ => "",
            },
            segment: choice.segment,
            max: choice.max,
            window: choice.window,
            recommended: words.recommended,
        }
    }
}

impl Use {
    fn of((grant, label, server): (domain::GrantId, String, Slug), slug: &Slug) -> Self {
        Self { url: urls::item(slug, "grants", grant), grant: label, server: server.to_string() }
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for PolicyPage {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, frame, time};
        let row = |text: &str, n: usize| BuilderRow {
            name: format!("{text}{n}"),
            description: text.to_owned(),
            category: "read".to_owned(),
            category_label: "Read",
            level: "low".to_owned(),
            level_label: "Low risk",
            confidence: "90 % sure".to_owned(),
            evidence: vec![Evidence {
                source: "Name",
                quote: text.to_owned(),
                why: text.to_owned(),
            }],
            calls: "7 calls".to_owned(),
            segment: ["allow", "limit", "custom", ""].get(n % 4).copied().unwrap_or(""),
            max: "10".to_owned(),
            window: "minute".to_owned(),
            note: "",
            recommended: "Allow",
        };
        let of = |text: &str, rows: usize, can: bool| Self {
            frame: frame(Section::Policies, text),
            can_write: can,
            can_grant: can,
            policy: About {
                url: "/o/acme/policies/pol_1".to_owned(),
                id: "pol_1".to_owned(),
                name: text.to_owned(),
                version: 3,
                server: text.to_owned(),
                server_id: "srv_1".to_owned(),
                server_url: "/o/acme/servers/shop".to_owned(),
                validate_url: "/o/acme/policies/pol_1/validate".to_owned(),
                changed: time(),
            },
            problem: can.then(|| Problem::new("Nothing was saved", text)),
            document: text.to_owned(),
            base: 3,
            comment: text.to_owned(),
            default_allow: false,
            all_tools: Together { max: String::new(), window: text.to_owned(), custom: can },
            conflict: can.then(|| text.to_owned()),
            errors: (0..rows.min(2))
                .map(|_| DocumentError {
                    line: 1,
                    column: 2,
                    pointer: text.to_owned(),
                    detail: text.to_owned(),
                })
                .collect(),
            categories: vec![Chip { category: "read", label: "Read", count: "3".to_owned() }],
            data: json!({ "live": text, "tools": [] }).to_string(),
            tools: (0..rows).map(|n| row(text, n)).collect(),
            versions: (1..=3)
                .map(|version| Version {
                    version,
                    is_live: version == 3,
                    comment: text.to_owned(),
                    author: text.to_owned(),
                    time: time(),
                })
                .collect(),
            uses: (0..rows)
                .map(|_| Use {
                    url: "/o/acme/grants/grt_1".to_owned(),
                    grant: text.to_owned(),
                    server: "shop".to_owned(),
                })
                .collect(),
        };
        vec![of("", 0, false), of("shop", 1, true), of(HOSTILE, 40, true)]
    }
}
