//! The pages: a folder a resource, a file a verb, the page's struct in the verb's file. A handler
//! translates between forms and acts; the rule is in `acts`, the words and the look are in
//! `templates/`, which mirror these paths.
//!
//! A form is sent, done, and answered with a redirect; what cannot be done shows the same form
//! again with what was typed and what is wrong with it.

pub(crate) mod auth;
pub(crate) mod calls;
pub(crate) mod consent;
pub(crate) mod docs;
pub(crate) mod error;
pub(crate) mod files;
pub(crate) mod grants;
pub(crate) mod landing;
pub(crate) mod overview;
pub(crate) mod parts;
pub(crate) mod policies;
pub(crate) mod servers;
pub(crate) mod settings;
mod visitor;

#[cfg(test)]
mod samples;
