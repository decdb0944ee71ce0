//! The audit of calls on its way to the database. A call's record goes into a [`spool`] on local
//! disk, before the call is forwarded and again before its answer's last byte; [`drain`] moves
//! what is in the spool to the database in batches. Whatever ends the process in between, the next
//! start goes on where it was. What cannot be spooled is not called.

mod drain;
mod spool;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use store::Store;
use tokio_util::sync::CancellationToken;

pub(crate) use spool::Queue;
use spool::Spool;

/// Opens the spool in a folder, and gives the job that empties it. After `last` the job ends when
/// what was spooled by then is written, or at once if the database does not take it: the rest
/// waits on disk for the next start.
pub(crate) fn open(
    store: Store,
    folder: &Path,
    max_bytes: u64,
    last: CancellationToken,
) -> Result<(Queue, impl Future<Output = ()> + Send + use<>)> {
    let (spool, left) = Spool::open(folder, max_bytes)?;
    let spool = Arc::new(spool);
    let work = drain::drain(store, Arc::clone(&spool), left, last);
    Ok((Queue::new(spool), work))
}
