//! The admin REST API.

mod api_keys;
mod auth;
mod calls;
mod grants;
mod organisation;
