//! Documentation: a short guide, the policy language, and the API as its description has it.

mod api;
mod guide;
mod language;

pub(crate) use api::api;
pub(crate) use guide::guide;
pub(crate) use language::language;

#[cfg(test)]
pub(super) use api::Api;
#[cfg(test)]
pub(super) use guide::Guide;
#[cfg(test)]
pub(super) use language::Language;
