//! The admin audit log: who changed what. For admins.

pub(crate) mod export;
pub(crate) mod list;
pub(crate) mod view;

pub(crate) use export::export;
pub(crate) use list::list;
