//! Policies and their versions.

pub(crate) mod backtest;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod diff;
pub(crate) mod evaluate;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod publish;
pub(crate) mod recommend;
pub(crate) mod remove;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod tests;
pub(crate) mod validate;
pub(crate) mod versions;
pub(crate) mod view;

pub(crate) use backtest::{backtest, learn};
pub(crate) use change::change;
pub(crate) use create::create;
pub(crate) use evaluate::evaluate;
pub(crate) use import::import;
pub(crate) use list::list;
pub(crate) use publish::publish;
pub(crate) use recommend::recommend;
pub(crate) use remove::remove;
pub(crate) use schema::schema;
pub(crate) use show::show;
pub(crate) use validate::validate;
