//! The data plane: one MCP call in, one answer out, one record. It never touches the database;
//! what it needs to know it asks of a [`Source`], what happened it tells to [`Records`].
//!
//! The life of a call is `path.rs`, top to bottom:
//!
//! | phase | file |
//! |---|---|
//! | which host and origin | `front/doors.rs` |
//! | who: token, organisation, grant | `identify.rs`, `view/` |
//! | what: one message with one reading | `mcp::message`, `call.rs` |
//! | in which session | `session/` |
//! | where: which server of the grant | `target.rs`, `tenant/` for the per-tenant URL |
//! | may it: the only maker of a permit | `permit.rs` |
//! | is there room: all of its limits, or none | `limits/` |
//! | calls whose result is fetched later | `tasks/` |
//! | the one call out, and its answer judged | `upstream/` |
//! | clients of one era at servers of the other | `bridge/` |
//! | every refusal as an answer, one table | `refusal.rs` |
//! | the record, closed when dropped | `trail.rs` |
//!
//! What never happens: a call without a record, a send without a permit, a second parse that
//! could read something else than was judged, a token that goes upstream.
//!
//! A new phase is a line in `path.rs` that takes what the phase before made and gives what the
//! next one needs, or a refusal for the table. A new method of the protocol does
//! not compile until `permit.rs` judges it. Another counter store implements
//! [`limits::CounterStore`] and joins the suite in `limits/tests.rs`.
//!
//! ```
//! use std::sync::Arc;
//!
//! use domain::vault::Keyring;
//! use domain::{CallRecord, Clock, OrganisationId, ServerId, Slug};
//! use futures_util::FutureExt;
//! use futures_util::future::{BoxFuture, ready};
//! use gateway::records::{Full, Place, Records};
//! use gateway::source::{OrganisationSnapshot, Source, Unavailable};
//!
//! /// Knows nobody.
//! struct Nobody;
//!
//! impl Source for Nobody {
//!     fn organisation<'a>(
//!         &'a self,
//!         _: &'a Slug,
//!     ) -> BoxFuture<'a, Result<Option<OrganisationSnapshot>, Unavailable>> {
//!         ready(Ok(None)).boxed()
//!     }
//!     fn revision(&self, _: OrganisationId) -> BoxFuture<'_, Result<Option<i64>, Unavailable>> {
//!         ready(Ok(None)).boxed()
//!     }
//!     fn refresh(&self, _: OrganisationId, _: ServerId) -> BoxFuture<'_, Result<bool, Unavailable>> {
//!         ready(Ok(false)).boxed()
//!     }
//! }
//!
//! /// Prints what happened.
//! struct Printed;
//!
//! impl Records for Printed {
//!     fn reserve(&self) -> Result<Box<dyn Place>, Full> {
//!         Ok(Box::new(Self))
//!     }
//! }
//!
//! impl Place for Printed {
//!     fn widen(&mut self, _: usize) -> Result<(), Full> {
//!         Ok(())
//!     }
//!     fn forwarding(&self, _: &CallRecord) -> Result<(), Full> {
//!         Ok(())
//!     }
//!     fn append(self: Box<Self>, record: CallRecord) {
//!         println!("{} {}", record.method, record.outcome);
//!     }
//! }
//!
//! let clock = Clock::system();
//! let gateway = gateway::Gateway::new(gateway::GatewayParts {
//!     settings: gateway::Settings::at("https://gateway.example.com".parse()?),
//!     source: Arc::new(Nobody),
//!     records: Arc::new(Printed),
//!     counters: Arc::new(gateway::limits::memory::MemoryCounters::new(clock.clone())),
//!     client: mcp::client::Client::new(mcp::client::AddressRules::default())?,
//!     keyring: Keyring::single(&[7; 32]),
//!     arguments: Keyring::single(&[8; 32]),
//!     clock,
//! });
//! let router: axum::Router = gateway::router(Arc::new(gateway));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bridge;
mod call;
mod front;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod gateway;
mod identify;
mod inbound;
pub mod limits;
mod meters;
mod notes;
mod path;
mod permit;
pub mod records;
mod refusal;
mod routes;
mod session;
mod settings;
pub mod source;
mod streams;
mod target;
mod tasks;
mod tenant;
pub mod traces;
mod trail;
mod upstream;
mod view;

pub use gateway::{Gateway, GatewayParts};
pub use records::Records;
pub use routes::router;
pub use session::{redis as shared_sessions, store as sessions};
pub use settings::Settings;
pub use source::Source;
pub use view::Views;
