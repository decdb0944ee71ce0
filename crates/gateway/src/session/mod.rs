//! Sessions of the revisions that have them. Ids given to clients are sealed, so that they say
//! nothing, cannot be made up, and are worth nothing to another grant.

pub(crate) mod joined;
pub mod redis;
pub(crate) mod seal;
pub mod store;
#[cfg(test)]
mod tests;
