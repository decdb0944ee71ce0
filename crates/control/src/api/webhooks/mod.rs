//! Webhooks: where an organisation is told of its changes.
//!
//! A delivery is a POST with these headers: `Drawbridge-Event` (what happened),
//! `Drawbridge-Delivery` (its id), `Drawbridge-Timestamp` (seconds), and `Drawbridge-Signature`:
//! `v1=` and the HMAC-SHA256 of `{timestamp}.{body}` with the webhook's secret, in hexadecimal
//! digits; for a day after a rotation two of them, with a comma between.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod deliveries;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod rotate;
pub(crate) mod show;
pub(crate) mod test;
pub(crate) mod view;

pub(crate) use change::change;
pub(crate) use create::create;
pub(crate) use deliveries::{deliveries, replay};
pub(crate) use list::list;
pub(crate) use remove::remove;
pub(crate) use rotate::rotate;
pub(crate) use show::show;
pub(crate) use test::test;
