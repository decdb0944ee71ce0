//! The list of grants.

use std::collections::HashMap;

use askama::Template;
use chrono::{DateTime, Utc};
use domain::perm::{ManageGrants, View};
use domain::{GrantId, Slug};
use serde::Deserialize;
use store::grants::{Binding, Grant};

use super::state;
use crate::extract::Query;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{Frame, News, Pager, Pages, Section, Time, date, in_frame};
use crate::urls;

#[derive(Template)]
#[template(path = "grants/list.html")]
pub(crate) struct GrantList {
    frame: Frame,
    can_manage: bool,
    grants: Vec<GrantRow>,
    pages: Pages,
}

struct GrantRow {
    url: String,
    label: String,
    state: &'static str,
    tone: &'static str,
    servers: String,
    last_used: Option<Time>,
    expires: String,
    created: Time,
}

in_frame!(GrantList);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    before: Option<String>,
}

/// `GET /o/{organisation}/grants`.
pub(crate) async fn list(
    mut caller: Can<View>,
    news: News,
    Query(asked): Query<Asked>,
) -> Result<GrantList, Failure> {
    let frame = Frame::of(&mut caller, news, Section::Grants).await?;
    let path = urls::organisation(caller.slug(), "grants");
    let pager = Pager::new(&path, asked.before.as_deref());
    let grants = caller.tx().await?.list_grants(pager.page()).await?;
    let ids: Vec<GrantId> = grants.rows.iter().map(|grant| grant.id).collect();
    let bindings = caller.tx().await?.list_bindings(&ids).await?;
    let servers = servers_of(&bindings);
    let (slug, now) = (caller.slug(), caller.now());
    Ok(GrantList {
        frame,
        can_manage: caller.may::<ManageGrants>(),
        pages: pager.pages(&grants),
        grants: grants.rows.iter().map(|grant| GrantRow::of(grant, &servers, slug, now)).collect(),
    })
}

/// The names of the servers of each grant.
fn servers_of(bindings: &[Binding]) -> HashMap<GrantId, Vec<&str>> {
    let mut servers: HashMap<GrantId, Vec<&str>> = HashMap::new();
    for binding in bindings {
        servers.entry(binding.grant_id).or_default().push(&binding.server_name);
    }
    servers
}

impl GrantRow {
    fn of(
        grant: &Grant,
        servers: &HashMap<GrantId, Vec<&str>>,
        slug: &Slug,
        now: DateTime<Utc>,
    ) -> Self {
        let (state, tone) = state(grant, now);
        Self {
            url: urls::item(slug, "grants", grant.id),
            label: grant.label.clone(),
            state,
            tone,
            servers: servers.get(&grant.id).map(|names| names.join(", ")).unwrap_or_default(),
            last_used: Time::maybe(grant.used_at, now),
            expires: grant.expires_at.map_or_else(|| "Never".to_owned(), date),
            created: Time::of(grant.created_at, now),
        }
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for GrantList {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, frame, pages, time};
        let of = |text: &str, rows, can_manage| Self {
            frame: frame(Section::Grants, text),
            can_manage,
            grants: (0..rows)
                .map(|n| GrantRow {
                    url: format!("/o/acme/grants/grt_{n}"),
                    label: text.to_owned(),
                    state: "Active",
                    tone: "green",
                    servers: text.to_owned(),
                    last_used: (n > 0).then(time),
                    expires: "Never".to_owned(),
                    created: time(),
                })
                .collect(),
            pages: pages(rows > 1),
        };
        vec![of("", 0, true), of("", 0, false), of("ci", 1, true), of(HOSTILE, 50, true)]
    }
}
