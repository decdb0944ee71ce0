//! The overview of an organisation.

mod show;

pub(crate) use show::show;

#[cfg(test)]
pub(super) use show::Overview;
