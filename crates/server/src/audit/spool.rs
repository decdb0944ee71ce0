//! Records on local disk: one `write` each, no `fsync`, so that what was appended outlives the
//! process, if not the machine. Bounded: when it is full, calls are refused.
//!
//! A line is a letter and the record as JSON: `F` before the call is forwarded, `E` when it has
//! ended. A call may have none of the first kind; one that has no second was cut off.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use domain::CallRecord;
use gateway::records::{Full, Place, Records};
use tokio::sync::Notify;

use crate::segments::Segments;

/// A segment is closed at this size, or at an eighth of the room if that is less.
const SEGMENT: u64 = 8 << 20;
/// What a call in flight may still write: two lines of a record with all texts at their longest,
/// but without the values of arguments.
const PLACE: u64 = 32 << 10;

/// The letter of a line.
pub(super) const FORWARDED: u8 = b'F';
/// See [`FORWARDED`].
pub(super) const ENDED: u8 = b'E';

/// See the module.
pub(super) struct Spool {
    pub(super) segments: Segments,
    active: Mutex<Active>,
    max_bytes: u64,
    /// Bytes on disk that are not drained.
    bytes: AtomicU64,
    /// Bytes that calls under way may still write.
    promised: AtomicU64,
    /// A line could not be written and waits in memory; no call begins until it is.
    is_stuck: AtomicBool,
    /// Something was appended.
    pub(super) grown: Notify,
}

struct Active {
    file: File,
    number: u64,
    written: u64,
    closes_at: u64,
    /// What the disk did not take.
    stuck: Vec<u8>,
}

impl Spool {
    /// Opens a folder; gives the segments that an earlier process left.
    pub(super) fn open(folder: &Path, max_bytes: u64) -> Result<(Self, Vec<u64>)> {
        let (segments, left) = Segments::take(folder)?;
        let number = left.last().map_or(0, |last| last + 1);
        let file =
            segments.create(number).context("cannot begin a segment of the audit's spool")?;
        let bytes = left.iter().map(|number| segments.size(*number)).sum();
        let spool = Self {
            segments,
            active: Mutex::new(Active {
                file,
                number,
                written: 0,
                closes_at: SEGMENT.min(max_bytes / 8),
                stuck: Vec::new(),
            }),
            max_bytes,
            bytes: AtomicU64::new(bytes),
            promised: AtomicU64::new(0),
            is_stuck: AtomicBool::new(false),
            grown: Notify::new(),
        };
        Ok((spool, left))
    }

    /// The segment that is appended to.
    pub(super) fn active(&self) -> u64 {
        self.lock().number
    }

    /// No call is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.promised.load(Ordering::Relaxed) == 0
    }

    /// A segment was drained.
    pub(super) fn forget(&self, number: u64) {
        let size = self.segments.size(number);
        self.segments.remove(number);
        // Never below nothing, whatever someone did to the file.
        let less = |bytes: u64| Some(bytes.saturating_sub(size));
        let _before = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.measure();
    }

    fn append(&self, letter: u8, record: &CallRecord) -> Result<(), Full> {
        let mut line = Vec::with_capacity(768);
        line.push(letter);
        if let Err(error) = serde_json::to_writer(&mut line, record) {
            tracing::error!(%error, "a record cannot be written as JSON");
            return Err(Full);
        }
        line.push(b'\n');
        let written = self.lock().write(&self.segments, &line);
        self.is_stuck.store(written.is_err(), Ordering::Relaxed);
        let size = written?;
        self.bytes.fetch_add(size, Ordering::Relaxed);
        self.grown.notify_one();
        Ok(())
    }

    /// Tries again what the disk did not take.
    fn unstick(&self) -> Result<(), Full> {
        if !self.is_stuck.load(Ordering::Relaxed) {
            return Ok(());
        }
        let size = self.lock().write(&self.segments, &[])?;
        self.bytes.fetch_add(size, Ordering::Relaxed);
        self.is_stuck.store(false, Ordering::Relaxed);
        self.grown.notify_one();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    fn measure(&self) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        metrics::gauge!("drawbridge_audit_spool_bytes").set(bytes as f64);
    }
}

impl Active {
    /// Appends a line behind what is stuck, as one `write`; gives the bytes that are on disk now.
    fn write(&mut self, segments: &Segments, line: &[u8]) -> Result<u64, Full> {
        let full = |error: std::io::Error| {
            tracing::error!(%error, "the audit's spool takes no more; calls are refused");
            Full
        };
        if self.written >= self.closes_at {
            match segments.create(self.number + 1) {
                Ok(file) => {
                    self.file = file;
                    self.number += 1;
                    self.written = 0;
                }
                Err(error) => tracing::warn!(%error, "a segment of the audit's spool grows on"),
            }
        }
        let stuck = std::mem::take(&mut self.stuck);
        let lines = if stuck.is_empty() {
            Cow::Borrowed(line)
        } else {
            Cow::Owned([stuck.as_slice(), line].concat())
        };
        if let Err(error) = self.file.write_all(&lines) {
            // A part may be there. Its line is then broken: begun anew, it is read once, whole.
            self.stuck = [b"\n", &*lines].concat();
            return Err(full(error));
        }
        self.written += lines.len() as u64;
        Ok(lines.len() as u64)
    }
}

/// Takes records from the gateway.
#[derive(Clone)]
pub(crate) struct Queue {
    spool: Arc<Spool>,
}

impl Queue {
    pub(super) const fn new(spool: Arc<Spool>) -> Self {
        Self { spool }
    }

    /// Says how full the spool is, to whoever watches.
    pub(crate) fn observe(&self) {
        self.spool.measure();
    }
}

/// One call's share of the spool.
struct Room {
    spool: Arc<Spool>,
    promised: u64,
}

impl Room {
    fn take(&mut self, bytes: u64) -> Result<(), Full> {
        self.promised += bytes;
        let promised = self.spool.promised.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let written = self.spool.bytes.load(Ordering::Relaxed);
        if written.saturating_add(promised) > self.spool.max_bytes { Err(Full) } else { Ok(()) }
    }
}

impl Records for Queue {
    fn reserve(&self) -> Result<Box<dyn Place>, Full> {
        self.spool.unstick()?;
        let mut room = Room { spool: Arc::clone(&self.spool), promised: 0 };
        room.take(PLACE)?;
        Ok(Box::new(room))
    }
}

impl Place for Room {
    fn widen(&mut self, bytes: usize) -> Result<(), Full> {
        // In two lines, as base64.
        self.take(3 * bytes as u64)
    }

    fn forwarding(&self, record: &CallRecord) -> Result<(), Full> {
        self.spool.append(FORWARDED, record)
    }

    fn append(self: Box<Self>, record: CallRecord) {
        // What the disk does not take stays in memory, and no other call begins meanwhile.
        let _kept = self.spool.append(ENDED, &record);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.spool.promised.fetch_sub(self.promised, Ordering::Relaxed);
    }
}
