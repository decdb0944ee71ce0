//! The manners of HTTP before and after a call: which hosts and origins are ours, media types,
//! CORS, and the documents under `/.well-known/`.

pub(crate) mod body;
pub(crate) mod doors;
pub(crate) mod well_known;
