//! Everything durable, and the only SQL in the tree. Never HTTP, templates or Redis.
//!
//! A tenant's rows are reached through a [`TenantTx`], opened with [`Store::tenant`]: it runs as a
//! database role that row security confines to that tenant, its queries name the tenant as well,
//! and it ends with [`TenantTx::commit`], which writes the audit row. What no tenant owns has named
//! doors: [`auth`] for sign-in, [`connections`] for clients that log in, [`snapshot`] for the gateway, [`calls`] for the audit writer.

pub mod audit;
pub mod auth;
pub mod calls;
pub mod chain;
pub mod connections;
mod error;
pub mod grants;
pub mod idempotency;
pub mod keys;
pub mod organisations;
mod page;
pub mod past;
pub mod policies;
pub mod policy_tests;
pub mod servers;
pub mod snapshot;
pub mod tools;
mod tx;
pub mod webhooks;

pub use audit::Event;
pub use error::{Conflict, Error};
pub use page::{Page, Paged};
pub use tx::{Actor, Credential, Origin, Store, Tenant, TenantTx};

/// The migrations, embedded; `drawbridge migrate` and the embedded default run them.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// What every method here returns.
pub type Result<T> = std::result::Result<T, Error>;
