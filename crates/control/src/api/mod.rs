//! The admin REST API: a folder a resource, a file a verb. A handler translates; the rule is in
//! `acts`.

pub(crate) mod health;
