//! One grant: what it reaches, how to connect, its latest calls.

use askama::Template;
use chrono::{DateTime, Utc};
use domain::perm::{ManageGrants, View, WritePolicies};
use domain::{GrantId, PolicyId};
use store::Page;
use store::calls::CallFilter;
use store::connections::Connection;
use store::grants::{Binding, Grant};
use store::policies::PolicyName;

use super::create::live_url;
use super::{Snippet, state};
use crate::acts;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;
use crate::oauth::redirect;
use crate::pages::calls::rows;
use crate::pages::parts::{CallRow, Choice, Frame, News, Section, Time, date, in_frame, short};
use crate::urls;

/// Latest calls that are shown.
const CALLS: u32 = 10;
/// Stands in snippets where the token goes; the token itself is known to its holder only.
const PLACEHOLDER: &str = "YOUR_TOKEN";

#[derive(Template)]
#[template(path = "grants/show.html")]
pub(crate) struct GrantPage {
    frame: Frame,
    can_manage: bool,
    can_bind: bool,
    grant: About,
    bindings: Vec<BindingRow>,
    connections: Vec<ConnectionRow>,
    snippets: Vec<Snippet>,
    calls: Vec<CallRow>,
    live_url: String,
}

struct About {
    url: String,
    id: String,
    id_short: String,
    label: String,
    state: &'static str,
    tone: &'static str,
    active: bool,
    token_hint: String,
    gateway_url: String,
    expires: String,
    created: Time,
    last_used: Option<Time>,
}

struct ConnectionRow {
    client: String,
    client_id: String,
    goes_to: String,
    reaches: String,
    allowed_by: String,
    connected: Time,
    refreshed: Option<Time>,
    disconnect_url: String,
}

struct BindingRow {
    id: String,
    bind_url: String,
    server: String,
    server_url: String,
    policy: String,
    policy_url: String,
    policies: Vec<Choice>,
    gateway_url: String,
}

in_frame!(GrantPage);

/// `GET /o/{organisation}/grants/{id}`.
pub(crate) async fn show(
    mut caller: Can<View>,
    news: News,
    Path(id): Path<GrantId>,
) -> Result<GrantPage, Failure> {
    let frame = Frame::of(&mut caller, news, Section::Grants).await?;
    let (grant, bindings) = acts::grants::find(&mut caller, id).await?;
    let connections = acts::connections::list(&mut caller, id).await?;
    let policies = caller.tx().await?.list_policy_names().await?;
    let filter = CallFilter { grant: Some(id), ..CallFilter::default() };
    let calls = caller.tx().await?.list_calls(&filter, Page::new(Some(CALLS), None)).await?;
    let calls = rows(&mut caller, &calls.rows).await?;
    let about = About::of(&caller, &grant);
    let snippets = acts::grants::snippets(&caller, &bindings, PLACEHOLDER);
    let waits = about.active && calls.is_empty();
    Ok(GrantPage {
        frame,
        can_manage: caller.may::<ManageGrants>(),
        can_bind: about.active && caller.may::<WritePolicies>(),
        live_url: if waits { live_url(&caller, id) } else { String::new() },
        bindings: bindings.iter().map(|b| BindingRow::of(&caller, b, &policies)).collect(),
        connections: connections.iter().map(|c| ConnectionRow::of(&caller, id, c)).collect(),
        snippets: snippets.into_iter().map(Snippet::from).collect(),
        grant: about,
        calls,
    })
}

impl About {
    fn of<P>(caller: &Can<P>, grant: &Grant) -> Self {
        let now = caller.now();
        let (state, tone) = state(grant, now);
        let id = grant.id.to_string();
        Self {
            url: urls::item(caller.slug(), "grants", &id),
            id_short: short(&id),
            id,
            label: grant.label.clone(),
            state,
            tone,
            active: grant.revoked_at.is_none(),
            token_hint: grant
                .hint
                .as_ref()
                .map_or_else(|| "None".to_owned(), |h| format!("dbg_…{h}")),
            gateway_url: urls::gateway(&caller.app().settings().gateway_url, caller.slug()),
            expires: expires(grant, now),
            created: Time::of(grant.created_at, now),
            last_used: Time::maybe(grant.used_at, now),
        }
    }
}

fn expires(grant: &Grant, now: DateTime<Utc>) -> String {
    match (grant.revoked_at, grant.expires_at) {
        (Some(at), _) => format!("Revoked on {}", at.format("%-d %b %Y, %H:%M UTC")),
        (None, None) => "Never".to_owned(),
        (None, Some(at)) if at <= now => format!("Expired on {}", date(at)),
        (None, Some(at)) => format!("At the end of {}", date(at)),
    }
}

impl ConnectionRow {
    fn of<P>(caller: &Can<P>, grant: GrantId, connection: &Connection) -> Self {
        let (now, grant) = (caller.now(), urls::item(caller.slug(), "grants", grant));
        Self {
            client: connection.client_name.clone(),
            client_id: connection.client_id.clone(),
            goes_to: redirect::shown(&connection.redirect_uri),
            reaches: match &connection.server_slug {
                Some(server) => server.to_string(),
                None => "All servers".to_owned(),
            },
            allowed_by: connection.user_email.clone().unwrap_or_default(),
            connected: Time::of(connection.redeemed_at, now),
            refreshed: Time::maybe(connection.refreshed_at, now),
            disconnect_url: format!("{grant}/connections/{}/delete", connection.id),
        }
    }
}

impl BindingRow {
    fn of<P>(caller: &Can<P>, binding: &Binding, policies: &[PolicyName]) -> Self {
        let slug = caller.slug();
        let grant_url = urls::item(slug, "grants", binding.grant_id);
        let gateway = &caller.app().settings().gateway_url;
        let chosen = binding.policy_id.map(|id| id.to_string()).unwrap_or_default();
        let of = |policy: &PolicyName| Choice::of(policy.id.to_string(), &policy.name, &chosen);
        let none = Choice::of("", "No policy (all refused)", &chosen);
        let policy_url = |id: PolicyId| urls::item(slug, "policies", id);
        Self {
            id: binding.server_id.to_string(),
            bind_url: format!("{grant_url}/bindings/{}", binding.server_id),
            server: binding.server_name.clone(),
            server_url: urls::item(slug, "servers", &binding.server_slug),
            policy: binding.policy_name.clone().unwrap_or_default(),
            policy_url: binding.policy_id.map(policy_url).unwrap_or_default(),
            policies: std::iter::once(none).chain(policies.iter().map(of)).collect(),
            gateway_url: urls::gateway_server(gateway, slug, &binding.server_slug),
        }
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for GrantPage {
    fn samples() -> Vec<Self> {
        use super::create::samples::sample_snippets;
        use crate::pages::samples::{HOSTILE, calls, frame, time};
        let of = |text: &str, rows: usize, active, can: bool| Self {
            frame: frame(Section::Grants, text),
            can_manage: can,
            can_bind: can,
            grant: About {
                url: "/o/acme/grants/grt_1".to_owned(),
                id: "grt_1".to_owned(),
                id_short: "grt_1".to_owned(),
                label: text.to_owned(),
                state: "Active",
                tone: "green",
                active,
                token_hint: "dbg_…wxyz".to_owned(),
                gateway_url: "http://localhost:8080/t/acme/mcp".to_owned(),
                expires: "Never".to_owned(),
                created: time(),
                last_used: (rows > 0).then(time),
            },
            bindings: (0..rows)
                .map(|n| BindingRow {
                    id: format!("srv_{n}"),
                    bind_url: format!("/o/acme/grants/grt_1/bindings/srv_{n}"),
                    server: text.to_owned(),
                    server_url: "/o/acme/servers/shop".to_owned(),
                    policy: if n == 0 { String::new() } else { text.to_owned() },
                    policy_url: "/o/acme/policies/pol_1".to_owned(),
                    policies: vec![Choice::of("", text, "")],
                    gateway_url: "http://localhost:8080/t/acme/shop/mcp".to_owned(),
                })
                .collect(),
            connections: (0..rows)
                .map(|n| ConnectionRow {
                    client: text.to_owned(),
                    client_id: text.to_owned(),
                    goes_to: text.to_owned(),
                    reaches: text.to_owned(),
                    allowed_by: text.to_owned(),
                    connected: time(),
                    refreshed: (n > 0).then(time),
                    disconnect_url: "/o/acme/grants/grt_1/connections/con_1/delete".to_owned(),
                })
                .collect(),
            snippets: sample_snippets(text),
            calls: calls(text, rows),
            live_url: if rows == 0 {
                "/o/acme/grants/grt_1/live".to_owned()
            } else {
                String::new()
            },
        };
        vec![of("ci", 0, true, true), of("ci", 2, false, false), of(HOSTILE, 30, true, true)]
    }
}
