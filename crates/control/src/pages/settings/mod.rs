//! Settings: the organisation, its API keys.

pub(crate) mod api_keys;
pub(crate) mod organisation;
