//! What a person is asked when an MCP client wants to be let in.

mod allow;
mod show;

pub(crate) use allow::allow;
pub(crate) use show::show;

#[cfg(test)]
pub(super) use show::Consent;
