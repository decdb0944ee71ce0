//! The audit of calls.

pub(crate) mod list;
pub(crate) mod show;
pub(crate) mod view;

pub(crate) use list::list;
pub(crate) use show::show;
