//! A private Postgres, and for tests a private Redis, run from the programs that the machine has.
//!
//! Nothing is downloaded here: the programs come from where a person would install them
//! ([`Binaries::find`]), and when they are missing the machine's own package manager is asked
//! ([`Packages::install`]). Everything blocks; an async caller wraps it in a blocking task.
//!
//! ```no_run
//! # fn main() -> Result<(), embedded::StartError> {
//! let settings = embedded::Settings::new("shop", "data/postgres");
//! let postgres = embedded::Postgres::start(&settings)?;
//! // connect to postgres.url() …
//! postgres.stop()?;
//! # Ok(())
//! # }
//! ```

mod account;
mod binaries;
mod cluster;
mod error;
mod files;
mod home;
mod packages;
mod postgres;
mod postmaster;
mod redis;
mod settings;

pub use binaries::Binaries;
pub use error::StartError;
pub use packages::{POSTGRES, Packages, REDIS};
pub use postgres::Postgres;
pub use redis::Redis;
pub use settings::{Durability, Install, Progress, Settings};

/// Starts the Postgres of `settings`: the same as [`Postgres::start`].
pub fn start(settings: &Settings<'_>) -> Result<Postgres, StartError> {
    Postgres::start(settings)
}
