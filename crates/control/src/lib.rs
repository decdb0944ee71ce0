//! The control plane over HTTP: the admin REST API, the pages, and what both do.
//!
//! It never writes SQL (that is `store`), never touches a call (that is the gateway), and never
//! answers a request without a guard. A reader finds any behaviour in two hops: [`routes`], then
//! the file it names. The flow is always **route → guard → handler (translate) → act (rule) → a
//! method of the tenant's transaction (SQL)**; plain reads skip the act.
//!
//! # Adding an endpoint
//! 1. One line in `routes.rs`, among its neighbours.
//! 2. One file in `api/{resource}/{verb}.rs`. Its first argument is a [`guard`]: without one it
//!    does not compile (see [`routes::Routes`]).
//! 3. Where there is a rule, a function in `acts/{resource}.rs`, which pages call too; it knows no
//!    HTTP and ends with `caller.commit(Event::…)`, so that the change is audited, committed and
//!    enforced on this replica before the answer.
//! 4. A sample path and its answers in `tests/it/routes.rs`; the test fails until they are there.

mod acts;
mod address;
mod answer;
mod api;
mod app;
mod assets;
mod describe;
mod export;
mod extract;
mod failure;
pub mod guard;
mod hex;
mod jobs;
mod layers;
mod oauth;
mod once;
mod pages;
mod password;
mod rates;
pub mod routes;
mod session;
mod surface;
mod throttle;
mod token;
mod turns;
pub mod urls;

pub use api::openapi::description as openapi;
pub use app::{App, AppParts, CallFeed, Changes, Settings, SignupMode};
pub use failure::{Failure, FieldError, Kind};
pub use password::{Checked, HashError, Passwords};
pub use rates::{RateLimits, SharedRates};
pub use surface::Surface;
pub use token::TokenKeys;
