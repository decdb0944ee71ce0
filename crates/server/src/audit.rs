//! The audit of calls on its way to the database: a bounded queue, written in batches off the hot
//! path. What cannot be queued is not called; what is queued is written, however long it takes.

use std::sync::Arc;
use std::time::Duration;

use domain::CallRecord;
use gateway::records::{Full, Place, Records};
use store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Records that may wait; past it the gateway answers 503.
const ROOM: usize = 50_000;
/// Records written by one statement.
const BATCH: usize = 1_000;
/// How long a record waits for company.
const LINGER: Duration = Duration::from_millis(50);
/// How long is waited after a failed write, at most.
const SLOWEST_RETRY: Duration = Duration::from_secs(5);

/// Takes records from the gateway.
#[derive(Clone)]
pub(crate) struct Queue {
    room: Arc<Semaphore>,
    sender: mpsc::UnboundedSender<Queued>,
}

/// A record with the room that it occupies until it is written.
struct Queued {
    record: CallRecord,
    _room: OwnedSemaphorePermit,
}

struct Room {
    permit: OwnedSemaphorePermit,
    sender: mpsc::UnboundedSender<Queued>,
}

impl Records for Queue {
    fn reserve(&self) -> Result<Box<dyn Place>, Full> {
        let permit = Arc::clone(&self.room).try_acquire_owned().map_err(|_no_room| Full)?;
        Ok(Box::new(Room { permit, sender: self.sender.clone() }))
    }
}

impl Place for Room {
    fn append(self: Box<Self>, record: CallRecord) {
        let queued = Queued { record, _room: self.permit };
        if self.sender.send(queued).is_err() {
            tracing::error!("a call was recorded after the writer had ended");
        }
    }
}

/// The queue and the job that empties it. After `last` no more is taken; the job ends when what
/// was queued by then is written. It does not wait for clients that keep their connections.
pub(crate) fn open(
    store: Store,
    last: CancellationToken,
) -> (Queue, impl Future<Output = ()> + Send) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let queue = Queue { room: Arc::new(Semaphore::new(ROOM)), sender };
    (queue, write_all(store, receiver, last))
}

async fn write_all(
    store: Store,
    mut receiver: mpsc::UnboundedReceiver<Queued>,
    last: CancellationToken,
) {
    let mut batch: Vec<Queued> = Vec::with_capacity(BATCH);
    loop {
        if last.is_cancelled() {
            receiver.close();
        }
        let taken = tokio::select! {
            taken = receiver.recv_many(&mut batch, BATCH) => taken,
            () = last.cancelled(), if !last.is_cancelled() => continue,
        };
        if taken == 0 {
            return;
        }
        if batch.len() < BATCH {
            // Whoever arrives meanwhile comes along. Ended senders end the wait too.
            let more = BATCH - batch.len();
            let _in_time = timeout(LINGER, fill(&mut receiver, &mut batch, more)).await;
        }
        metrics::gauge!("drawbridge_audit_queue").set(depth(receiver.len() + batch.len()));
        write(&store, &batch).await;
        batch.clear();
    }
}

async fn fill(
    receiver: &mut mpsc::UnboundedReceiver<Queued>,
    batch: &mut Vec<Queued>,
    mut more: usize,
) {
    while more > 0 {
        match receiver.recv_many(batch, more).await {
            0 => return,
            taken => more -= taken,
        }
    }
}

/// Writes a batch, however often it takes. Writing is idempotent by the call's id.
async fn write(store: &Store, batch: &[Queued]) {
    let records: Vec<CallRecord> = batch.iter().map(|queued| queued.record.clone()).collect();
    let mut pause = Duration::from_millis(100);
    while let Err(cause) = store.insert_calls(&records).await {
        tracing::warn!(error = ?cause, records = records.len(), "calls are not recorded yet");
        sleep(pause).await;
        pause = (pause * 2).min(SLOWEST_RETRY);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn depth(records: usize) -> f64 {
    records as f64
}
