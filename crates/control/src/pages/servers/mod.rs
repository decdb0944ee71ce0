//! Servers: the upstream MCP targets of an organisation.

mod change;
mod discover;
mod list;
mod pause;
mod register;
mod remove;
mod review;
mod show;
mod tool;

pub(crate) use change::{change, edit};
pub(crate) use discover::discover;
pub(crate) use list::list;
pub(crate) use pause::{pause, resume};
pub(crate) use register::{new, register};
pub(crate) use remove::remove;
pub(crate) use review::review;
pub(crate) use show::show;
pub(super) use tool::{Evidence, ToolWords, category_label, level_label};

#[cfg(test)]
pub(super) use change::EditServer;
#[cfg(test)]
pub(super) use list::ServerList;
#[cfg(test)]
pub(super) use register::NewServer;
#[cfg(test)]
pub(super) use show::ServerPage;

use domain::ServerStatus;
use policy::Category;
use store::servers::Server;

use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::thousands;

/// The server that a path names.
async fn named<P>(caller: &mut Can<P>, slug: &str) -> Result<Server, Failure> {
    caller.tx().await?.find_server_by_slug(slug).await?.ok_or_else(Failure::not_found)
}

/// How many tools of one category there are.
struct Mix {
    category: &'static str,
    label: String,
}

/// The mix of categories, mildest first, from the number of tools of each.
fn mix(count: impl Fn(&str) -> i64) -> Vec<Mix> {
    let of = |category: Category| {
        let (word, n) = (category.as_str(), count(category.as_str()));
        let label = format!("{} {}", thousands(n), category_label(word).to_lowercase());
        (n > 0).then_some(Mix { category: word, label })
    };
    Category::ALL.into_iter().filter_map(of).collect()
}

/// The status of a server, with its tone.
const fn status(server: &Server) -> (&'static str, &'static str) {
    if server.paused_at.is_some() {
        return ("Paused", "slate");
    }
    match server.status {
        ServerStatus::New => ("Not read yet", "slate"),
        ServerStatus::Ready => ("Ready", "green"),
        ServerStatus::Unreachable => ("Unreachable", "red"),
        ServerStatus::Unauthorized => ("Needs credentials", "amber"),
    }
}
