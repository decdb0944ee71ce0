//! The admin REST API: a folder a resource, a file a verb. A handler translates; the rule is in
//! `acts`.

pub(crate) mod api_keys;
pub(crate) mod audit_events;
pub(crate) mod auth;
pub(crate) mod calls;
pub(crate) mod grants;
pub(crate) mod health;
pub(crate) mod me;
pub(crate) mod openapi;
pub(crate) mod organisation;
pub(crate) mod policies;
pub(crate) mod servers;
pub(crate) mod usage;
pub(crate) mod webhooks;
