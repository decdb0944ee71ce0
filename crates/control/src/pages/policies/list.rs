//! The list of policies.

use std::collections::HashMap;

use askama::Template;
use domain::ServerId;
use domain::perm::{View, WritePolicies};
use policy::Effect;
use serde::Deserialize;
use store::policies::Policy;

use crate::extract::Query;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{Frame, News, Pager, Pages, Section, Time, in_frame, thousands};
use crate::urls;

#[derive(Template)]
#[template(path = "policies/list.html")]
pub(crate) struct PolicyList {
    frame: Frame,
    can_write: bool,
    policies: Vec<PolicyRow>,
    pages: Pages,
}

struct PolicyRow {
    url: String,
    name: String,
    version: String,
    server: String,
    default: &'static str,
    rules: String,
    grants: String,
    changed: Time,
}

in_frame!(PolicyList);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    before: Option<String>,
}

/// `GET /o/{organisation}/policies`.
pub(crate) async fn list(
    mut caller: Can<View>,
    news: News,
    Query(asked): Query<Asked>,
) -> Result<PolicyList, Failure> {
    let frame = Frame::of(&mut caller, news, Section::Policies).await?;
    let path = urls::organisation(caller.slug(), "policies");
    let pager = Pager::new(&path, asked.before.as_deref());
    let policies = caller.tx().await?.list_policies(pager.page()).await?;
    let servers = caller.tx().await?.list_server_names().await?;
    let servers: HashMap<ServerId, &str> =
        servers.iter().map(|server| (server.id, server.name.as_str())).collect();
    Ok(PolicyList {
        frame,
        can_write: caller.may::<WritePolicies>(),
        pages: pager.pages(&policies),
        policies: policies.rows.iter().map(|p| PolicyRow::of(&caller, p, &servers)).collect(),
    })
}

impl PolicyRow {
    fn of<P>(caller: &Can<P>, policy: &Policy, servers: &HashMap<ServerId, &str>) -> Self {
        let document = policy::parse(&policy.document).ok();
        let rules = document.as_ref().map_or(0, policy::Document::rules_count);
        let server = policy.server_id.and_then(|id| servers.get(&id).copied());
        Self {
            url: urls::item(caller.slug(), "policies", policy.id),
            name: policy.name.clone(),
            version: policy.version.to_string(),
            server: server.unwrap_or("Any").to_owned(),
            default: match document.map(|document| document.default_effect()) {
                Some(Effect::Allow) => "Allowed",
                Some(Effect::Deny) | None => "Denied",
            },
            rules: thousands(i128::try_from(rules).unwrap_or(0)),
            grants: thousands(policy.bindings),
            changed: Time::of(policy.published_at, caller.now()),
        }
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for PolicyList {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, frame, pages, time};
        let of = |text: &str, rows, can_write| Self {
            frame: frame(Section::Policies, text),
            can_write,
            policies: (0..rows)
                .map(|_| PolicyRow {
                    url: "/o/acme/policies/pol_1".to_owned(),
                    name: text.to_owned(),
                    version: "3".to_owned(),
                    server: text.to_owned(),
                    default: "Denied",
                    rules: "12".to_owned(),
                    grants: "2".to_owned(),
                    changed: time(),
                })
                .collect(),
            pages: pages(rows > 1),
        };
        vec![of("", 0, true), of("", 0, false), of("Shop", 1, true), of(HOSTILE, 50, true)]
    }
}
