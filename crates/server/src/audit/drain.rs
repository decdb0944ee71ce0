//! From the spool to the database: read in order, written in batches, removed when written.
//! Everything is read from disk, so that going on after a crash is what happens every day.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use domain::{CallId, CallRecord};
use serde::Deserialize;
use store::Store;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::spool::{ENDED, FORWARDED, Spool};

/// Records written by one statement.
const BATCH: usize = 1_000;
/// Bytes read for one statement: records with the values of arguments are long.
const BATCH_BYTES: usize = 8 << 20;
/// How long a record waits for company.
const LINGER: Duration = Duration::from_millis(50);
/// How long is waited after a failed write, at most.
const SLOWEST_RETRY: Duration = Duration::from_secs(5);
/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// Empties the spool until `last`, and then once more.
pub(super) async fn drain(
    store: Store,
    spool: Arc<Spool>,
    left: Vec<u64>,
    last: CancellationToken,
) {
    let mut reader = Reader::new(Arc::clone(&spool), left);
    loop {
        let is_last = last.is_cancelled();
        let batch = reader.batch();
        if batch.is_empty() {
            if is_last {
                reader.end();
                return;
            }
            tokio::select! {
                () = spool.grown.notified() => sleep(LINGER).await,
                () = last.cancelled() => {}
            }
            continue;
        }
        if !write(&store, &batch, &last).await {
            return;
        }
        reader.written();
    }
}

/// Writes a batch, however often it takes; after `last`, only once. Writing is idempotent by the
/// call's id. One record that the database will never take does not hold up the others.
async fn write(store: &Store, batch: &[CallRecord], last: &CancellationToken) -> bool {
    let mut pause = Duration::from_millis(100);
    while let Err(cause) = store.insert_calls(batch).await {
        if cause.is_about_the_data() {
            return Box::pin(write_halves(store, batch, &cause, last)).await;
        }
        metrics::counter!("drawbridge_audit_failures_total").increment(1);
        tracing::warn!(error = ?cause, records = batch.len(), "calls are not recorded yet");
        if last.is_cancelled() {
            return false;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = last.cancelled() => {}
        }
        pause = (pause * 2).min(SLOWEST_RETRY);
    }
    true
}

async fn write_halves(
    store: &Store,
    batch: &[CallRecord],
    cause: &store::Error,
    last: &CancellationToken,
) -> bool {
    match batch {
        [] => true,
        [one] => {
            tracing::error!(error = ?cause, call = %one.id, "a call cannot be recorded");
            true
        }
        _ => {
            let (first, second) = batch.split_at(batch.len() / 2);
            write(store, first, last).await && write(store, second, last).await
        }
    }
}

/// Reads segments, and knows which of them are still needed.
struct Reader {
    spool: Arc<Spool>,
    /// Segments of an earlier process that are not read yet.
    left: VecDeque<u64>,
    /// The first segment of this process.
    first: u64,
    /// The next segment of this process.
    next: u64,
    current: Option<Current>,
    /// Calls that were forwarded and have not ended, and in which segment.
    open: HashMap<CallId, Open>,
    /// Segments that were read to their end.
    finished: Vec<u64>,
}

struct Current {
    number: u64,
    file: File,
    /// What was read and not taken yet; the rest of a line may still come.
    buffer: Vec<u8>,
    /// Bytes read so far.
    taken: u64,
}

/// What a line is about.
#[derive(Deserialize)]
struct Named {
    id: CallId,
}

fn read<'l, T: Deserialize<'l>>(json: &'l [u8]) -> Option<T> {
    serde_json::from_slice(json)
        .inspect_err(|error| {
            tracing::warn!(%error, "a broken line in the audit's spool is passed over");
        })
        .ok()
}

struct Open {
    segment: u64,
    /// Kept only of an earlier process.
    record: Option<Box<CallRecord>>,
}

impl Reader {
    fn new(spool: Arc<Spool>, left: Vec<u64>) -> Self {
        let first = spool.active();
        Self {
            spool,
            left: left.into(),
            first,
            next: first,
            current: None,
            open: HashMap::new(),
            finished: Vec::new(),
        }
    }

    /// The next records that have ended; none if there are none at the moment.
    fn batch(&mut self) -> Vec<CallRecord> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(mut current) = self.current() else { break };
            let number = current.number;
            // Asked before reading: a segment that is closed by then is read to its end.
            let is_active = number == self.spool.active();
            let read = current.read_more();
            bytes += read;
            for line in current.lines() {
                batch.extend(self.line(&line, number));
            }
            if read > 0 || is_active {
                self.current = Some(current);
            } else {
                self.finished.push(number);
                if number < self.first && self.left.is_empty() {
                    batch.extend(self.cut_off());
                }
            }
            if read == 0 && is_active {
                break;
            }
        }
        batch
    }

    fn current(&mut self) -> Option<Current> {
        if let Some(current) = self.current.take() {
            return Some(current);
        }
        let number = self.left.pop_front().unwrap_or(self.next);
        let current = Current::open(&self.spool, number)?;
        self.next = self.next.max(number + 1);
        Some(current)
    }

    fn line(&mut self, line: &[u8], segment: u64) -> Option<CallRecord> {
        let (letter, json) = line.split_first()?;
        match *letter {
            FORWARDED => {
                // Of this process only the end is told: its beginning needs no second reading.
                let open = if segment < self.first {
                    let record: CallRecord = read(json)?;
                    (record.id, Some(Box::new(record)))
                } else {
                    (read::<Named>(json)?.id, None)
                };
                let (id, record) = open;
                self.open.insert(id, Open { segment, record });
                None
            }
            ENDED => {
                let record: CallRecord = read(json)?;
                self.open.remove(&record.id);
                Some(record)
            }
            _ => None,
        }
    }

    /// Calls that were at a server when their gateway was killed.
    fn cut_off(&mut self) -> Vec<CallRecord> {
        let open = self.open.extract_if(|_, open| open.record.is_some());
        let mut records: Vec<_> = open.filter_map(|(_, open)| open.record).collect();
        records.sort_by_key(|record| record.id);
        let told = records.into_iter().map(|record| CallRecord {
            message: "The gateway stopped while the call was at the server.".to_owned(),
            ..*record
        });
        told.collect()
    }

    /// What was given out is in the database: segments that nobody needs any more are removed.
    fn written(&mut self) {
        let (open, spool) = (&self.open, &self.spool);
        self.finished.retain(|number| {
            let is_needed = open.values().any(|open| open.segment == *number);
            if !is_needed {
                spool.forget(*number);
            }
            is_needed
        });
    }

    /// All is written. Unless a call is still under way, nothing is left for the next start.
    fn end(&mut self) {
        self.written();
        let is_read = self.current.as_ref().is_some_and(|current| {
            current.number == self.spool.active()
                && current.taken == self.spool.segments.size(current.number)
        });
        if is_read && self.open.is_empty() && self.spool.is_idle() {
            self.spool.forget(self.spool.active());
        }
    }
}

impl Current {
    fn open(spool: &Spool, number: u64) -> Option<Self> {
        match spool.segments.open(number) {
            Ok(file) => Some(Self { number, file, buffer: Vec::new(), taken: 0 }),
            Err(error) => {
                tracing::error!(%error, number, "a segment of the audit's spool cannot be read");
                None
            }
        }
    }

    fn read_more(&mut self) -> usize {
        let before = self.buffer.len();
        let mut chunk = (&self.file).take(CHUNK as u64);
        if let Err(error) = chunk.read_to_end(&mut self.buffer) {
            tracing::error!(%error, "the audit's spool cannot be read");
        }
        let read = self.buffer.len() - before;
        self.taken += read as u64;
        read
    }

    /// The whole lines that are there.
    fn lines(&mut self) -> Vec<Vec<u8>> {
        let Some(end) = self.buffer.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let rest = self.buffer.split_off(end + 1);
        let whole = std::mem::replace(&mut self.buffer, rest);
        let lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(<[u8]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;
    use std::path::Path;

    use chrono::Utc;
    use domain::call::{CallPhases, CallStatus};
    use domain::vault::Keyring;
    use domain::{GrantId, Outcome, SealedArguments};
    use gateway::records::{Full, Place, Records};

    use super::super::spool::Queue;
    use super::*;

    const ROOM: u64 = 1 << 30;

    fn record(method: &str) -> CallRecord {
        let at = Utc::now();
        let id = CallId::fresh(at);
        CallRecord {
            id,
            organisation: uuid::Uuid::nil(),
            at,
            server: None,
            grant: GrantId::fresh(at),
            grant_label: "ci".to_owned(),
            method: method.to_owned(),
            target: Some("line\nbreak".to_owned()),
            outcome: Outcome::Cancelled,
            rule: String::new(),
            message: String::new(),
            policy: None,
            status: CallStatus::default(),
            us: CallPhases::default(),
            request_bytes: 1,
            response_bytes: 2,
            client: None,
            session: None,
            request_id: id.to_string(),
            argument_keys: vec!["a".to_owned()],
            arguments: None,
        }
    }

    fn opened(folder: &Path) -> (Queue, Reader, Arc<Spool>) {
        let (spool, left) = Spool::open(folder, ROOM).unwrap();
        let spool = Arc::new(spool);
        (Queue::new(Arc::clone(&spool)), Reader::new(Arc::clone(&spool), left), spool)
    }

    fn forwarded(queue: &Queue, method: &str) -> (Box<dyn Place>, CallRecord) {
        let (place, record) = (queue.reserve().unwrap(), record(method));
        place.forwarding(&record).unwrap();
        (place, record)
    }

    fn ended(queue: &Queue, method: &str) -> CallRecord {
        let (place, record) = forwarded(queue, method);
        place.append(record.clone());
        record
    }

    fn files(folder: &Path) -> usize {
        let entries = fs::read_dir(folder.join("0")).unwrap().flatten();
        entries.filter(|entry| entry.path().extension().is_some()).count()
    }

    #[test]
    fn what_ended_is_given_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (queue, mut reader, _spool) = opened(folder.path());
        let (place, slow) = forwarded(&queue, "slow");
        let first = ended(&queue, "first");
        let second = ended(&queue, "second");
        assert_eq!(reader.batch(), [first, second]);
        reader.written();
        assert!(reader.batch().is_empty());
        place.append(slow.clone());
        assert_eq!(reader.batch(), [slow]);
        reader.end();
        assert_eq!(files(folder.path()), 0);
    }

    #[test]
    fn a_killed_process_leaves_its_calls_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let (cut, first) = {
            let (queue, _reader, _spool) = opened(folder.path());
            let (place, cut) = forwarded(&queue, "cut");
            let first = ended(&queue, "first");
            drop(place);
            (cut, first)
        };
        let (queue, mut reader, _spool) = opened(folder.path());
        let later = ended(&queue, "later");
        let batch = reader.batch();
        let ids: Vec<_> = batch.iter().map(|record| record.id).collect();
        assert_eq!(ids, [first.id, cut.id, later.id]);
        assert_eq!(batch[1].outcome, Outcome::Cancelled);
        assert!(batch[1].message.contains("stopped"), "{}", batch[1].message);
        reader.written();
        assert_eq!(files(folder.path()), 1);
    }

    #[test]
    fn what_is_not_written_stays_for_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let first = {
            let (queue, mut reader, _spool) = opened(folder.path());
            let first = ended(&queue, "first");
            assert_eq!(reader.batch().len(), 1);
            first
        };
        let (_queue, mut reader, _spool) = opened(folder.path());
        assert_eq!(reader.batch(), [first]);
    }

    #[test]
    fn a_torn_line_costs_nobody_else_their_record() {
        let folder = tempfile::tempdir().unwrap();
        let first = {
            let (queue, _reader, _spool) = opened(folder.path());
            ended(&queue, "first")
        };
        let segment = folder.path().join("0/000000000000.jsonl");
        let mut file = OpenOptions::new().append(true).open(segment).unwrap();
        file.write_all(b"E{\"id\":\"call_").unwrap();
        let (queue, mut reader, _spool) = opened(folder.path());
        let second = ended(&queue, "second");
        assert_eq!(reader.batch(), [first, second]);
    }

    #[test]
    fn segments_are_closed_and_removed_when_nobody_needs_them() {
        let folder = tempfile::tempdir().unwrap();
        let (queue, mut reader, spool) = opened(folder.path());
        let (place, slow) = forwarded(&queue, "slow");
        let many = 9_000;
        for _ in 0..many {
            ended(&queue, &"m".repeat(1_000));
        }
        assert!(spool.active() >= 2, "{}", spool.active());
        let mut read = 0;
        while read < many {
            read += reader.batch().len();
            reader.written();
        }
        assert!(reader.batch().is_empty());
        // The first segment still says that the slow call was forwarded.
        assert_eq!(files(folder.path()), 2);
        place.append(slow);
        assert_eq!(reader.batch().len(), 1);
        reader.written();
        assert_eq!(files(folder.path()), 1);
    }

    #[test]
    fn a_full_spool_takes_no_call_until_it_is_drained() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, left) = Spool::open(folder.path(), 100 << 10).unwrap();
        let spool = Arc::new(spool);
        let queue = Queue::new(Arc::clone(&spool));
        let mut reader = Reader::new(Arc::clone(&spool), left);
        let places: Vec<_> = std::iter::from_fn(|| queue.reserve().ok()).take(100).collect();
        assert_eq!(places.len(), 3);
        drop(places);
        while queue.reserve().is_ok() {
            ended(&queue, &"m".repeat(1_000));
        }
        assert_eq!(queue.reserve().err(), Some(Full));
        assert!(reader.batch().len() > 10);
    }

    fn with_values(plain: &[u8]) -> CallRecord {
        let call = record("values");
        let ring = Keyring::single(&[1; 32]);
        let sealed = SealedArguments::seal(plain, &ring, call.organisation(), call.id).unwrap();
        CallRecord { arguments: Some(sealed), ..call }
    }

    #[test]
    fn the_values_of_arguments_are_spooled_sealed_even_of_a_killed_process() {
        let folder = tempfile::tempdir().unwrap();
        let call = with_values(b"{\"note\":\"s3cret-value\"}");
        {
            let (queue, _reader, _spool) = opened(folder.path());
            queue.reserve().unwrap().forwarding(&call).unwrap();
        }
        let spooled = fs::read_to_string(folder.path().join("0/000000000000.jsonl")).unwrap();
        assert!(spooled.contains("arguments") && !spooled.contains("s3cret-value"), "{spooled}");
        let (_queue, mut reader, _spool) = opened(folder.path());
        assert_eq!(reader.batch()[0].arguments, call.arguments);
    }

    #[test]
    fn values_take_room_of_their_own_and_give_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _left) = Spool::open(folder.path(), 200 << 10).unwrap();
        let queue = Queue::new(Arc::new(spool));
        let mut place = queue.reserve().unwrap();
        place.widen(32 << 10).unwrap();
        let mut other = queue.reserve().unwrap();
        assert_eq!(other.widen(32 << 10), Err(Full));
        drop((place, other));
        let mut place = queue.reserve().unwrap();
        place.widen(32 << 10).unwrap();
        // What was promised is enough for both lines.
        let call = with_values(&vec![b' '; SealedArguments::MAX]);
        let line = serde_json::to_vec(&call).unwrap().len() as u64;
        assert!(2 * line < (32 << 10) + 3 * (32 << 10), "{line}");
        place.append(call);
    }

    #[test]
    fn two_processes_keep_apart_and_take_over_what_the_other_left() {
        let folder = tempfile::tempdir().unwrap();
        let one = opened(folder.path());
        let second = {
            let (two, _reader, _spool) = opened(folder.path());
            ended(&two, "second")
        };
        ended(&one.0, "first");
        drop(one);
        let (_queue, mut reader, _spool) = opened(folder.path());
        let methods: Vec<_> = reader.batch().into_iter().map(|r| (r.method, r.id)).collect();
        assert_eq!(methods.len(), 2);
        assert_eq!(methods[0].0, "first");
        assert_eq!(methods[1], ("second".to_owned(), second.id));
    }
}
