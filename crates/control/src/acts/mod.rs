//! The business verbs, shared by the API and the pages. They know forms, rules and rows; they know
//! no requests, no answers and no templates.

pub(crate) mod accounts;
pub(crate) mod arguments;
pub(crate) mod backtests;
pub(crate) mod check;
pub(crate) mod connections;
pub(crate) mod discovery;
pub(crate) mod grants;
pub(crate) mod keys;
pub(crate) mod organisation;
pub(crate) mod policies;
pub(crate) mod policy_tests;
pub(crate) mod servers;
pub(crate) mod snippets;
pub(crate) mod tools;
pub(crate) mod webhooks;
