//! The organisation of the credential.

pub(crate) mod change;
pub(crate) mod pause;
pub(crate) mod show;

pub(crate) use change::change;
pub(crate) use pause::{pause, resume};
pub(crate) use show::show;
