//! The data plane: one MCP call in, one answer out, one record. It never touches the database;
//! what it needs it asks of [`Source`] and [`Records`].

mod call;
mod front;
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
mod tenant;
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
