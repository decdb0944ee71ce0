//! The question: this client, at this server, with which grant?

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Redirect, Response};
use domain::perm::{ManageGrants, View};
use domain::{Permission, ServerId};
use http::HeaderValue;
use http::header::{CONTENT_SECURITY_POLICY, HeaderName};
use store::connections::{RiskyTool, UsableGrant};
use store::policies::PolicyName;
use store::servers::ServerName;

use super::allow::{NEW, RECOMMENDED, Typed};
use crate::acts;
use crate::failure::Failure;
use crate::guard::{Address, Can};
use crate::layers;
use crate::oauth::redirect;
use crate::oauth::request::{Asked, Unasked};
use crate::pages::parts::{Choice, Field, Problem, count, date, field_errors, in_public};
use crate::pages::servers::{category_label, level_label};

/// Tools that are named; the others are counted.
const TOOLS: usize = 5;

#[derive(Template)]
#[template(path = "consent/show.html")]
pub(crate) struct Consent {
    organisation: String,
    person: String,
    problem: Option<Problem>,
    client: About,
    /// Empty: all servers of the grant.
    server: String,
    resource: String,
    tools: Vec<ToolRow>,
    other_tools: String,
    can_allow: bool,
    admins: Vec<String>,
    action: String,
    deny_url: String,
    request: String,
    grants: Vec<GrantRow>,
    grant_error: String,
    fresh: Fresh,
}

struct About {
    name: String,
    /// Who publishes its description; empty if it registered itself.
    host: String,
    redirect_host: String,
    redirect_uri: String,
    is_local: bool,
}

struct ToolRow {
    name: String,
    server: String,
    category: String,
    category_label: &'static str,
    level: String,
    level_label: &'static str,
}

struct GrantRow {
    id: String,
    label: String,
    about: String,
    chosen: bool,
}

/// The fields of a new grant.
struct Fresh {
    chosen: bool,
    label: Field,
    expires_at: Field,
    bindings: Vec<BindingRow>,
    error: String,
}

struct BindingRow {
    server_id: String,
    server: String,
    /// Whether it can be left out.
    optional: bool,
    chosen: bool,
    policies: Vec<Choice>,
}

in_public!(Consent);

/// `GET /o/{organisation}/authorize`: where `/authorize` leads, once the person is signed in.
pub(crate) async fn show(
    mut caller: Can<View>,
    Address(address): Address,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let request = query.unwrap_or_default();
    let asked = match Asked::read(caller.app(), address, &request).await {
        Ok(asked) => asked,
        Err(Unasked::SentBack(url)) => return Ok(Redirect::to(&url).into_response()),
        Err(Unasked::Stopped(failure)) => return Err(failure),
    };
    if asked.resource.organisation != *caller.slug() {
        return Err(Failure::not_found());
    }
    let typed = Typed { request, grant: NEW.to_owned(), ..Typed::default() };
    let page = Consent::of(&mut caller, &asked, &typed, None).await?;
    Ok(in_browser(page.into_response(), &asked))
}

/// The page's form is answered with a redirect to the client, which browsers allow only where the
/// page says so. And a client that opened this in a window of its own may go on knowing it.
pub(super) fn in_browser(mut response: Response, asked: &Asked) -> Response {
    let policy = layers::policy_with_answer_at(&redirect::source(asked.redirect_uri()));
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    headers.insert(opener, HeaderValue::from_static("unsafe-none"));
    response
}

impl Consent {
    pub(super) async fn of<P: Permission>(
        caller: &mut Can<P>,
        asked: &Asked,
        typed: &Typed,
        refused: Option<&Failure>,
    ) -> Result<Self, Failure> {
        // A failed act leaves a transaction that answers nothing any more.
        caller.close();
        let server = acts::connections::server_of(caller, &asked.resource).await?;
        let id = server.as_ref().map(|server| server.id);
        let can_allow = caller.may::<ManageGrants>();
        let person = match caller.user() {
            Some(id) => caller.app().store().find_user(id).await?.map(|user| user.email),
            None => None,
        };
        let gateway = caller.app().settings().gateway_url.clone();
        let action = crate::urls::organisation(caller.slug(), "authorize");
        let now = caller.now();
        let tx = caller.tx().await?;
        let (tools, others) = tx.list_riskiest_tools(id, TOOLS).await?;
        let admins = if can_allow { Vec::new() } else { tx.list_admins().await? };
        let grants = if can_allow { tx.list_usable_grants(id, now).await? } else { Vec::new() };
        let organisation = tx.organisation().await?.name;
        let fresh = Fresh::of(caller, id, asked, typed, refused).await?;
        Ok(Self {
            organisation,
            person: person.unwrap_or_default(),
            problem: Problem::of(refused, &["/grant", "/label", "/expires_at"]),
            client: About::of(asked),
            server: server.map(|server| server.name).unwrap_or_default(),
            resource: asked.resource.uri(&gateway),
            tools: tools.into_iter().map(ToolRow::of).collect(),
            other_tools: if others > 0 { count(others, "other tool") } else { String::new() },
            can_allow,
            admins: admins.into_iter().map(|(name, email)| format!("{name} ({email})")).collect(),
            action,
            deny_url: asked.denied(),
            request: typed.request.clone(),
            grants: grants.iter().map(|grant| GrantRow::of(grant, id, &typed.grant)).collect(),
            grant_error: field_errors(refused, "/grant"),
            fresh,
        })
    }
}

impl About {
    fn of(asked: &Asked) -> Self {
        let uri = asked.redirect_uri();
        Self {
            name: asked.client.name.clone(),
            host: asked.client.host.clone().unwrap_or_default(),
            redirect_host: redirect::shown(uri),
            redirect_uri: uri.to_owned(),
            is_local: asked.client.is_local_only() || redirect::is_loopback(uri),
        }
    }
}

impl ToolRow {
    fn of(tool: RiskyTool) -> Self {
        Self {
            category_label: category_label(&tool.category),
            level_label: level_label(&tool.level),
            name: tool.name,
            server: tool.server_name,
            category: tool.category,
            level: tool.level,
        }
    }
}

impl GrantRow {
    fn of(grant: &UsableGrant, server: Option<ServerId>, chosen: &str) -> Self {
        let reach = match (server, &grant.policy) {
            (Some(_), Some(policy)) => format!("Policy {policy}"),
            (Some(_), None) => "No policy: all calls are refused".to_owned(),
            (None, _) => count(grant.servers, "server"),
        };
        let until = match grant.expires_at {
            Some(at) => format!(", until the end of {}", date(at)),
            None => String::new(),
        };
        let id = grant.id.to_string();
        Self {
            label: grant.label.clone(),
            about: format!("{reach}{until}"),
            chosen: id == chosen,
            id,
        }
    }
}

impl Fresh {
    async fn of<P: Permission>(
        caller: &mut Can<P>,
        server: Option<ServerId>,
        asked: &Asked,
        typed: &Typed,
        refused: Option<&Failure>,
    ) -> Result<Self, Failure> {
        let tx = caller.tx().await?;
        let mut servers = tx.list_server_names().await?;
        let policies = tx.list_policy_names().await?;
        servers.retain(|known| server.is_none_or(|server| known.id == server));
        let first = refused.is_none();
        let row =
            |known: &ServerName| BindingRow::of(known, server.is_some(), &policies, typed, first);
        let label = if first { &asked.client.name } else { &typed.label };
        Ok(Self {
            chosen: typed.grant == NEW,
            label: Field::of(label).judged(refused, "/label"),
            expires_at: Field::of(&typed.expires_at).judged(refused, "/expires_at"),
            bindings: servers.iter().map(row).collect(),
            error: field_errors(refused, "/bindings"),
        })
    }
}

impl BindingRow {
    /// A row. What is recommended is chosen from the start, not what was written for somebody else.
    fn of(
        server: &ServerName,
        is_only: bool,
        policies: &[PolicyName],
        typed: &Typed,
        first: bool,
    ) -> Self {
        let id = server.id.to_string();
        let chosen = typed.policies.get(&id).map_or(RECOMMENDED, String::as_str);
        let of = |policy: &PolicyName| Choice::of(policy.id.to_string(), &policy.name, chosen);
        let ours = policies.iter().filter(|policy| policy.server_id == Some(server.id)).map(of);
        let others = policies.iter().filter(|policy| policy.server_id != Some(server.id)).map(of);
        let recommended =
            Choice::of(RECOMMENDED, "Recommended for its tools (a new policy)", chosen);
        let none = Choice::of("", "No policy (all refused)", chosen);
        Self {
            server: server.name.clone(),
            optional: !is_only,
            chosen: is_only || (!first && typed.servers.contains(&id)),
            policies: std::iter::once(recommended)
                .chain(ours)
                .chain(others)
                .chain([none])
                .collect(),
            server_id: id,
        }
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for Consent {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::HOSTILE;
        let of = |text: &str, rows: usize, can_allow, server: &str| Self {
            organisation: text.to_owned(),
            person: text.to_owned(),
            problem: None,
            client: About {
                name: text.to_owned(),
                host: text.to_owned(),
                redirect_host: text.to_owned(),
                redirect_uri: text.to_owned(),
                is_local: rows > 0,
            },
            server: server.to_owned(),
            resource: "http://localhost:8080/t/acme/shop/mcp".to_owned(),
            tools: (0..rows.min(TOOLS))
                .map(|_| ToolRow {
                    name: text.to_owned(),
                    server: text.to_owned(),
                    category: "financial".to_owned(),
                    category_label: "Financial",
                    level: "critical".to_owned(),
                    level_label: "Critical",
                })
                .collect(),
            other_tools: if rows > 0 { "3 other tools".to_owned() } else { String::new() },
            can_allow,
            admins: vec![text.to_owned(); rows.min(3)],
            action: "/o/acme/authorize".to_owned(),
            deny_url: "http://127.0.0.1:9/cb?error=access_denied".to_owned(),
            request: text.to_owned(),
            grants: (0..rows)
                .map(|n| GrantRow {
                    id: format!("grt_{n}"),
                    label: text.to_owned(),
                    about: text.to_owned(),
                    chosen: false,
                })
                .collect(),
            grant_error: if rows > 1 { text.to_owned() } else { String::new() },
            fresh: Fresh {
                chosen: true,
                label: Field { value: text.to_owned(), error: text.to_owned() },
                expires_at: Field::default(),
                bindings: (0..rows)
                    .map(|n| BindingRow {
                        server_id: format!("srv_{n}"),
                        server: text.to_owned(),
                        optional: server.is_empty(),
                        chosen: n == 0,
                        policies: vec![Choice::of("", text, "")],
                    })
                    .collect(),
                error: String::new(),
            },
        };
        vec![
            of("Claude Code", 1, true, "Billing"),
            of("x", 0, false, ""),
            of(HOSTILE, 30, true, ""),
            of(HOSTILE, 3, false, HOSTILE),
        ]
    }
}
