//! The list of servers.

use askama::Template;
use domain::ServerId;
use domain::perm::{ManageServers, View};
use serde::Deserialize;
use store::servers::Server;

use super::{Mix, mix, status};
use crate::extract::Query;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{Frame, News, Pager, Pages, Section, Time, in_frame, thousands};
use crate::urls;

#[derive(Template)]
#[template(path = "servers/list.html")]
pub(crate) struct ServerList {
    frame: Frame,
    can_manage: bool,
    servers: Vec<ServerRow>,
    pages: Pages,
}

struct ServerRow {
    url: String,
    name: String,
    address: String,
    status: &'static str,
    tone: &'static str,
    tools: String,
    mix: Vec<Mix>,
    checked: Option<Time>,
}

in_frame!(ServerList);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    before: Option<String>,
}

/// `GET /o/{organisation}/servers`.
pub(crate) async fn list(
    mut caller: Can<View>,
    news: News,
    Query(asked): Query<Asked>,
) -> Result<ServerList, Failure> {
    let frame = Frame::of(&mut caller, news, Section::Servers).await?;
    let path = urls::organisation(caller.slug(), "servers");
    let pager = Pager::new(&path, asked.before.as_deref());
    let servers = caller.tx().await?.list_servers(pager.page()).await?;
    let ids: Vec<ServerId> = servers.rows.iter().map(|server| server.id).collect();
    let categories = caller.tx().await?.count_categories(&ids).await?;
    Ok(ServerList {
        frame,
        can_manage: caller.may::<ManageServers>(),
        pages: pager.pages(&servers),
        servers: servers.rows.iter().map(|s| ServerRow::of(&caller, s, &categories)).collect(),
    })
}

impl ServerRow {
    fn of<P>(caller: &Can<P>, server: &Server, counts: &[(ServerId, String, i64)]) -> Self {
        let (status, tone) = status(server);
        Self {
            url: urls::item(caller.slug(), "servers", &server.slug),
            name: server.name.clone(),
            address: server.url.clone(),
            status,
            tone,
            tools: thousands(server.tools_count),
            mix: mix(|category| {
                let same =
                    |(id, c, _): &&(ServerId, String, i64)| *id == server.id && c == category;
                counts.iter().find(same).map_or(0, |(_, _, n)| *n)
            }),
            checked: Time::maybe(server.discovered_at, caller.now()),
        }
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for ServerList {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, frame, pages, time};
        let of = |text: &str, rows: usize, can_manage| Self {
            frame: frame(Section::Servers, text),
            can_manage,
            servers: (0..rows)
                .map(|n| ServerRow {
                    url: "/o/acme/servers/shop".to_owned(),
                    name: text.to_owned(),
                    address: text.to_owned(),
                    status: "Ready",
                    tone: "green",
                    tools: "1,084".to_owned(),
                    mix: vec![Mix { category: "read", label: "3 read".to_owned() }],
                    checked: (n > 0).then(time),
                })
                .collect(),
            pages: pages(rows > 1),
        };
        vec![of("", 0, true), of("", 0, false), of("Shop", 1, true), of(HOSTILE, 50, true)]
    }
}
