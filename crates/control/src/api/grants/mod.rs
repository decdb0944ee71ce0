//! Grants: what agents hold.

pub(crate) mod bind_policy;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod disconnect;
pub(crate) mod list;
pub(crate) mod revoke;
pub(crate) mod rotate;
pub(crate) mod show;
pub(crate) mod view;

pub(crate) use bind_policy::bind_policy;
pub(crate) use change::change;
pub(crate) use create::create;
pub(crate) use disconnect::disconnect;
pub(crate) use list::list;
pub(crate) use revoke::revoke;
pub(crate) use rotate::rotate;
pub(crate) use show::show;
