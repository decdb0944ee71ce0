//! The audit of calls.

pub(crate) mod checkpoints;
pub(crate) mod export;
pub(crate) mod list;
pub(crate) mod show;
pub(crate) mod view;

pub(crate) use checkpoints::checkpoints;
pub(crate) use export::export;
pub(crate) use list::list;
pub(crate) use show::show;
