//! One server: how it is, what its tools can do, what waits for review.

use askama::Template;
use domain::perm::{ManageGrants, ManageServers, View, WritePolicies};
use domain::{PolicyId, ServerStatus, ToolState, Transport};
use policy::Category;
use serde::Deserialize;
use serde_json::Value;
use store::policies::PolicyName;
use store::servers::Server;
use store::tools::Tool;

use super::{Evidence, Mix, ToolWords, category_label, mix, named, status};
use crate::extract::{Path, Query};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Frame, News, Pages, Piece, Problem, Section, Time, count, diff, in_frame, short,
    thousands,
};
use crate::urls;

/// Tools on one page.
const PER_PAGE: usize = 50;

#[derive(Template)]
#[template(path = "servers/show.html")]
pub(crate) struct ServerPage {
    frame: Frame,
    can_manage: bool,
    can_write_policies: bool,
    can_grant: bool,
    server: About,
    problem: Option<Problem>,
    mix: Vec<Mix>,
    waiting: Vec<Waiting>,
    policies: Vec<Link>,
    q: String,
    categories: Vec<Choice>,
    tools: Vec<ToolRow>,
    pages: Pages,
}

struct About {
    url: String,
    name: String,
    id: String,
    id_short: String,
    address: String,
    status: &'static str,
    tone: &'static str,
    is_paused: bool,
    transport: &'static str,
    protocol: String,
    says: String,
    credentials: String,
    gateway_url: String,
    checked: Option<Time>,
    tools_count: String,
}

struct Link {
    href: String,
    label: String,
    note: String,
}

struct ToolRow {
    name: String,
    description: String,
    category: String,
    category_label: &'static str,
    level: String,
    level_label: &'static str,
    confidence: String,
    evidence: Vec<Evidence>,
    state: &'static str,
    recommended: &'static str,
}

/// A definition that waits for review, beside what is pinned.
struct Waiting {
    name: String,
    is_new: bool,
    fingerprint: String,
    fingerprint_short: String,
    parts: Vec<Changed>,
}

/// A part of a definition that differs.
struct Changed {
    label: &'static str,
    pieces: Vec<Piece>,
}

in_frame!(ServerPage);

/// The part of the tools that is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    q: String,
    category: String,
    page: usize,
}

/// `GET /o/{organisation}/servers/{server}`.
pub(crate) async fn show(
    mut caller: Can<View>,
    news: News,
    Path(slug): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<ServerPage, Failure> {
    let frame = Frame::of(&mut caller, news, Section::Servers).await?;
    let server = named(&mut caller, &slug).await?;
    let tools = caller.tx().await?.list_tools(server.id).await?;
    let policies = policies(&mut caller, &server).await?;
    let about = About::of(&caller, &server);
    let (rows, pages) = asked.rows(&tools, &about.url);
    Ok(ServerPage {
        frame,
        can_manage: caller.may::<ManageServers>(),
        can_write_policies: caller.may::<WritePolicies>(),
        can_grant: caller.may::<ManageGrants>(),
        problem: problem(&server),
        mix: mix_of(&tools),
        waiting: tools.iter().filter_map(Waiting::of).collect(),
        categories: asked.categories(&tools),
        q: asked.q,
        server: about,
        policies,
        tools: rows,
        pages,
    })
}

/// The policies written for this server, and those that grants put it under.
async fn policies(caller: &mut Can<View>, server: &Server) -> Result<Vec<Link>, Failure> {
    let tx = caller.tx().await?;
    let bound: Vec<Option<PolicyId>> =
        tx.list_server_bindings(server.id).await?.into_iter().map(|(_, _, id)| id).collect();
    let names = tx.list_policy_names().await?;
    let concerns = |p: &&PolicyName| p.server_id == Some(server.id) || bound.contains(&Some(p.id));
    let slug = caller.slug();
    let link = |policy: &PolicyName| {
        let grants = bound.iter().filter(|id| **id == Some(policy.id)).count();
        let grants = i128::try_from(grants).unwrap_or(i128::MAX);
        Link {
            href: urls::item(slug, "policies", policy.id),
            label: policy.name.clone(),
            note: if grants == 0 { "No grant yet".to_owned() } else { count(grants, "grant") },
        }
    };
    Ok(names.iter().filter(concerns).map(link).collect())
}

fn problem(server: &Server) -> Option<Problem> {
    let detail = server.problem.clone()?;
    let title = match server.status {
        ServerStatus::Unauthorized => "This server wants other credentials",
        ServerStatus::Unreachable => "This server could not be reached as an MCP server",
        ServerStatus::New | ServerStatus::Ready => "Something is wrong with this server",
    };
    Some(Problem::new(title, detail))
}

/// How many tools of each category there are.
fn mix_of(tools: &[Tool]) -> Vec<Mix> {
    mix(|category| {
        let n = listed(tools).filter(|tool| tool.category == category).count();
        i64::try_from(n).unwrap_or(i64::MAX)
    })
}

fn listed(tools: &[Tool]) -> impl Iterator<Item = &Tool> {
    tools.iter().filter(|tool| tool.state != ToolState::Removed)
}

impl About {
    fn of<P>(caller: &Can<P>, server: &Server) -> Self {
        let (status, tone) = status(server);
        let (slug, id) = (caller.slug(), server.id.to_string());
        let says = [&server.server_name, &server.server_version];
        let says: Vec<&str> = says.iter().filter_map(|text| text.as_deref()).collect();
        Self {
            url: urls::item(slug, "servers", &server.slug),
            name: server.name.clone(),
            id_short: short(&id),
            id,
            address: server.url.clone(),
            status,
            tone,
            is_paused: server.paused_at.is_some(),
            transport: match server.transport {
                Transport::Auto => "Found out when it is read",
                Transport::StreamableHttp => "Streamable HTTP",
                Transport::Sse => "HTTP with SSE",
            },
            protocol: server.protocol_versions.join(", "),
            says: says.join(" "),
            credentials: match server.auth_header_names.as_slice() {
                [] => "None".to_owned(),
                names => format!("{}, sealed", names.join(", ")),
            },
            gateway_url: urls::gateway_server(
                &caller.app().settings().gateway_url,
                slug,
                &server.slug,
            ),
            checked: Time::maybe(server.discovered_at, caller.now()),
            tools_count: thousands(server.tools_count),
        }
    }
}

impl Asked {
    fn fits(&self, tool: &Tool) -> bool {
        let text = format!("{} {}", tool.name, tool.description).to_lowercase();
        let words = self.q.to_lowercase();
        (self.category.is_empty() || tool.category == self.category)
            && words.split_whitespace().all(|word| text.contains(word))
    }

    /// The rows of this page, and where the others are.
    fn rows(&self, tools: &[Tool], path: &str) -> (Vec<ToolRow>, Pages) {
        let fitting: Vec<&Tool> = tools.iter().filter(|tool| self.fits(tool)).collect();
        let first = self.page.saturating_mul(PER_PAGE);
        let rows: Vec<_> =
            fitting.iter().skip(first).take(PER_PAGE).map(|tool| ToolRow::of(tool)).collect();
        let more = first.saturating_add(rows.len()) < fitting.len();
        let pages = Pages {
            shown: format!("{} to {} of {}", first + 1, first + rows.len(), fitting.len()),
            newer: self.page.checked_sub(1).map(|page| self.url(path, page)).unwrap_or_default(),
            older: if more { self.url(path, self.page + 1) } else { String::new() },
        };
        (rows, pages)
    }

    fn url(&self, path: &str, page: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("q", &self.q), ("category", &self.category)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if page > 0 {
            query.append_pair("page", &page.to_string());
        }
        format!("{path}?{}#tools", query.finish())
    }

    fn categories(&self, tools: &[Tool]) -> Vec<Choice> {
        let all = Choice::of("", "All", &self.category);
        let has = |category: &Category| listed(tools).any(|t| t.category == category.as_str());
        let of = |category: Category| {
            Choice::of(category.as_str(), category_label(category.as_str()), &self.category)
        };
        std::iter::once(all).chain(Category::ALL.into_iter().filter(has).map(of)).collect()
    }
}

impl ToolRow {
    fn of(tool: &Tool) -> Self {
        let words = ToolWords::of(tool);
        Self {
            name: tool.name.clone(),
            description: match (&tool.title, tool.description.as_str()) {
                (Some(title), "") => title.clone(),
                (_, description) => description.to_owned(),
            },
            category: words.category,
            category_label: words.category_label,
            level: words.level,
            level_label: words.level_label,
            confidence: words.confidence,
            evidence: words.evidence,
            state: match tool.state {
                ToolState::Current => "",
                ToolState::Changed => "changed",
                ToolState::New => "new",
                ToolState::Removed => "removed",
            },
            recommended: words.recommended,
        }
    }
}

impl Waiting {
    fn of(tool: &Tool) -> Option<Self> {
        let (fingerprint, parts) = match tool.state {
            ToolState::New => (&tool.fingerprint, Vec::new()),
            ToolState::Changed => (tool.seen_fingerprint.as_ref()?, changed(tool)),
            ToolState::Current | ToolState::Removed => return None,
        };
        let fingerprint = crate::hex::hex(fingerprint);
        Some(Self {
            name: tool.name.clone(),
            is_new: tool.state == ToolState::New,
            fingerprint_short: short(&fingerprint),
            fingerprint,
            parts,
        })
    }
}

/// The parts of a definition that differ from what is pinned.
fn changed(tool: &Tool) -> Vec<Changed> {
    let seen = tool.seen_definition.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let seen: Value = seen.unwrap_or_default();
    let text = |key: &str| seen.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let shape = |key: &str| seen.get(key).map(pretty).unwrap_or_default();
    let pinned = |raw: &Option<String>| {
        let value = raw.as_deref().and_then(|raw| serde_json::from_str::<Value>(raw).ok());
        value.as_ref().map(pretty).unwrap_or_default()
    };
    let title = tool.title.clone().unwrap_or_default();
    let parts = [
        ("Title", title, text("title")),
        ("Description", tool.description.clone(), text("description")),
        ("Input schema", pinned(&tool.input_schema), shape("inputSchema")),
        ("Annotations", pinned(&tool.annotations), shape("annotations")),
    ];
    let parts = parts.into_iter().filter(|(_, old, new)| old != new);
    let parts: Vec<Changed> =
        parts.map(|(label, old, new)| Changed { label, pieces: diff(&old, &new) }).collect();
    if !parts.is_empty() {
        return parts;
    }
    let whole = vec![Piece { kind: "new", text: pretty(&seen) }];
    vec![Changed { label: "Another part of the definition", pieces: whole }]
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::samples::{HOSTILE, Samples, frame, pages, time};
    use chrono::DateTime;
    use serde_json::json;

    impl Samples for ServerPage {
        fn samples() -> Vec<Self> {
            let of = |text: &str, rows: usize, can: bool| Self {
                frame: frame(Section::Servers, text),
                can_manage: can,
                can_write_policies: can,
                can_grant: can,
                server: about(text, can),
                problem: can.then(|| Problem::new("Could not be read", text)),
                mix: vec![Mix { category: "read", label: "3 read".to_owned() }],
                waiting: [ToolState::New, ToolState::Changed]
                    .iter()
                    .filter_map(|state| Waiting::of(&tool(text, *state)))
                    .take(rows)
                    .collect(),
                policies: (0..rows.min(3))
                    .map(|_| Link {
                        href: "/x".to_owned(),
                        label: text.to_owned(),
                        note: text.to_owned(),
                    })
                    .collect(),
                q: text.to_owned(),
                categories: vec![Choice::of("", "All", "")],
                tools: (0..rows).map(|_| ToolRow::of(&tool(text, ToolState::Removed))).collect(),
                pages: pages(rows > 1),
            };
            vec![of("", 0, true), of("", 0, false), of("Shop", 1, true), of(HOSTILE, 50, true)]
        }
    }

    fn about(text: &str, is_paused: bool) -> About {
        About {
            url: "/o/acme/servers/shop".to_owned(),
            name: text.to_owned(),
            id: "srv_1".to_owned(),
            id_short: "srv_1".to_owned(),
            address: text.to_owned(),
            status: "Ready",
            tone: "green",
            is_paused,
            transport: "Streamable HTTP",
            protocol: text.to_owned(),
            says: text.to_owned(),
            credentials: text.to_owned(),
            gateway_url: "http://localhost:8080/t/acme/shop/mcp".to_owned(),
            checked: Some(time()),
            tools_count: "1,084".to_owned(),
        }
    }

    fn tool(text: &str, state: ToolState) -> Tool {
        Tool {
            name: text.to_owned(),
            title: None,
            description: text.to_owned(),
            input_schema: Some(r#"{"type":"object"}"#.to_owned()),
            annotations: None,
            fingerprint: vec![1; 32],
            seen_definition: Some(
                json!({ "description": format!("{text} and more"), "inputSchema": {} }).to_string(),
            ),
            seen_fingerprint: Some(vec![2; 32]),
            state,
            category: "read".to_owned(),
            level: "low".to_owned(),
            assessment: json!({
                "category": "read", "level": "low", "confidence": 90, "signals": [],
                "attack_patterns": [],
                "evidence": [{ "source": "name", "quote": text, "why": text }],
            }),
            first_seen_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_changed_definition_is_told_part_by_part() {
        let waiting = Waiting::of(&tool("Lists", ToolState::Changed)).unwrap();
        assert_eq!(waiting.fingerprint, "02".repeat(32));
        let labels: Vec<_> = waiting.parts.iter().map(|part| part.label).collect();
        assert_eq!(labels, ["Description", "Input schema"]);
    }

    #[test]
    fn many_tools_are_turned_over_by_page_and_filtered_by_words() {
        let tools: Vec<_> =
            (0..120).map(|n| tool(&format!("tool_{n}"), ToolState::Current)).collect();
        let asked = Asked { page: 1, ..Asked::default() };
        let (rows, pages) = asked.rows(&tools, "/s");
        assert_eq!((rows.len(), rows[0].name.as_str()), (50, "tool_50"));
        assert_eq!((pages.newer.as_str(), pages.older.as_str()), ("/s?#tools", "/s?page=2#tools"));
        assert_eq!(pages.shown, "51 to 100 of 120");
        let asked = Asked { q: "TOOL_7".to_owned(), ..Asked::default() };
        assert_eq!(asked.rows(&tools, "/s").0.len(), 11);
    }
}
