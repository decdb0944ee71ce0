//! The journal of counts in process: files on local disk, one `write` a call, no `fsync`, so that
//! what was counted outlives the process, if not the machine.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use gateway::limits::journal::{Journal, Lost};

use crate::segments::Segments;

/// From this size on it is written anew, or from four times of what that left.
const LONG: u64 = 16 << 20;

/// See the module.
pub(super) struct Files {
    segments: Segments,
    active: Mutex<Active>,
}

struct Active {
    file: File,
    number: u64,
    written: u64,
    long_at: u64,
    /// A line may be broken off: the next begins on one of its own.
    is_torn: bool,
}

/// Opens a folder; gives what earlier processes kept there.
pub(super) fn open(folder: &Path) -> Result<(Vec<u8>, Files)> {
    let (segments, left) = Segments::take(folder)?;
    let mut kept = Vec::new();
    for number in &left {
        let read = segments.open(*number).and_then(|mut file| file.read_to_end(&mut kept));
        read.context("cannot read the journal of the counters")?;
        // Where the line before was torn, the next is whole.
        kept.push(b'\n');
    }
    let number = left.last().map_or(0, |last| last + 1);
    let file = segments.create(number).context("cannot begin the journal of the counters")?;
    let active = Active { file, number, written: 0, long_at: LONG, is_torn: false };
    Ok((kept, Files { segments, active: Mutex::new(active) }))
}

impl Files {
    fn lock(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for Files {
    fn append(&self, lines: &[u8]) -> Result<(), Lost> {
        let mut active = self.lock();
        let lines = if active.is_torn { [b"\n", lines].concat() } else { lines.to_vec() };
        let written = active.file.write_all(&lines);
        active.is_torn = written.is_err();
        written.map_err(|error| {
            tracing::error!(%error, "the journal of the counters takes no more; calls are refused");
            Lost
        })?;
        active.written += lines.len() as u64;
        Ok(())
    }

    fn is_long(&self) -> bool {
        let active = self.lock();
        active.written >= active.long_at
    }

    fn begin(&self) -> Option<u64> {
        let mut active = self.lock();
        let number = active.number + 1;
        match self.segments.create(number) {
            Ok(file) => {
                let long_at = active.long_at;
                *active = Active { file, number, written: 0, long_at, is_torn: false };
                Some(number)
            }
            Err(error) => {
                tracing::warn!(%error, "the journal of the counters grows on");
                active.long_at = active.written.saturating_mul(2);
                None
            }
        }
    }

    fn finish(&self, begun: u64) {
        let mut active = self.lock();
        active.long_at = LONG.max(active.written.saturating_mul(4));
        self.segments.remove_before(begun);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_appended_is_read_by_the_next_process_and_what_is_over_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, files) = open(folder.path()).unwrap();
        assert!(kept.is_empty());
        files.append(b"one\n").unwrap();
        files.append(b"two\ntorn").unwrap();
        drop(files);
        let (kept, files) = open(folder.path()).unwrap();
        assert_eq!(String::from_utf8(kept).unwrap(), "one\ntwo\ntorn\n");
        let begun = files.begin().unwrap();
        files.append(b"two again\n").unwrap();
        files.finish(begun);
        drop(files);
        let (kept, _files) = open(folder.path()).unwrap();
        assert_eq!(String::from_utf8(kept).unwrap(), "two again\n\n");
        let others = fs::read_dir(folder.path().join("0")).unwrap().count();
        assert_eq!(others, 3, "the lock, what was kept, and what comes");
    }

    #[test]
    fn it_is_long_by_what_was_written_since_it_was_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (_kept, files) = open(folder.path()).unwrap();
        let many = vec![b'x'; 1 << 20];
        for _ in 0..16 {
            assert!(!files.is_long());
            files.append(&many).unwrap();
        }
        assert!(files.is_long());
        let begun = files.begin().unwrap();
        files.append(b"little\n").unwrap();
        files.finish(begun);
        assert!(!files.is_long());
    }

    #[test]
    fn two_processes_keep_apart() {
        let folder = tempfile::tempdir().unwrap();
        let (_, first) = open(folder.path()).unwrap();
        let (kept, second) = open(folder.path()).unwrap();
        assert!(kept.is_empty());
        first.append(b"first\n").unwrap();
        second.append(b"second\n").unwrap();
        drop((first, second));
        let (kept, _files) = open(folder.path()).unwrap();
        let kept = String::from_utf8(kept).unwrap();
        assert!(kept.contains("first\n") && kept.contains("second\n"), "{kept}");
    }
}
