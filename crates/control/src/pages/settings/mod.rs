//! Settings: the organisation, its API keys, its webhooks, the audit log.

pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod organisation;
pub(crate) mod webhooks;
