//! Servers: the upstream MCP targets of the organisation. The first resource; the others follow
//! its form.

pub(crate) mod change;
pub(crate) mod discover;
pub(crate) mod list;
pub(crate) mod pause;
pub(crate) mod register;
pub(crate) mod remove;
pub(crate) mod review;
pub(crate) mod show;
pub(crate) mod tools;
pub(crate) mod view;

pub(crate) use change::change;
pub(crate) use discover::discover;
pub(crate) use list::list;
pub(crate) use pause::{pause, resume};
pub(crate) use register::register;
pub(crate) use remove::remove;
pub(crate) use review::review;
pub(crate) use show::show;
pub(crate) use tools::tools;
