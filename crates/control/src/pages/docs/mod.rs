//! Documentation: a short guide, and the API as its description has it.

mod api;
mod guide;

pub(crate) use api::api;
pub(crate) use guide::guide;

#[cfg(test)]
pub(super) use api::Api;
#[cfg(test)]
pub(super) use guide::Guide;
