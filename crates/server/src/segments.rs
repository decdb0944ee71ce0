//! Numbered segments of lines, in a folder that one process holds: of the audit's spool, and of
//! the journal of counts.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Processes that may share one data directory.
const MAX_PROCESSES: u32 = 64;

/// A folder of segments, locked for as long as this lives.
pub(crate) struct Segments {
    folder: PathBuf,
    _lock: File,
}

impl Segments {
    /// Takes the first folder that nobody holds, and takes over what processes that ended left in
    /// others. Gives the numbers of the segments that are there, oldest first.
    pub(crate) fn take(root: &Path) -> Result<(Self, Vec<u64>)> {
        let mut ours: Option<Self> = None;
        for process in 0..MAX_PROCESSES {
            let folder = root.join(process.to_string());
            if ours.is_some() && !folder.exists() {
                break;
            }
            let Some(free) = Self::lock(folder)? else { continue };
            match &ours {
                None => ours = Some(free),
                Some(ours) => ours.adopt(&free)?,
            }
        }
        let Some(ours) = ours else {
            bail!("{} is in use by {MAX_PROCESSES} processes", root.display());
        };
        let numbers = ours.numbers()?;
        Ok((ours, numbers))
    }

    fn lock(folder: PathBuf) -> Result<Option<Self>> {
        let using = || format!("cannot keep segments in {}", folder.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(using)?;
        let lock = private().create(true).truncate(false).open(folder.join("lock"));
        let lock = lock.with_context(using)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { folder, _lock: lock })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error).with_context(using),
        }
    }

    fn adopt(&self, other: &Self) -> Result<()> {
        let next = self.numbers()?.last().map_or(0, |last| last + 1);
        for (new, old) in (next..).zip(other.numbers()?) {
            fs::rename(other.path(old), self.path(new))
                .context("cannot take over the segments of a process that ended")?;
        }
        Ok(())
    }

    fn numbers(&self) -> Result<Vec<u64>> {
        let entries = fs::read_dir(&self.folder).context("cannot list segments")?;
        let number = |entry: fs::DirEntry| {
            entry.file_name().to_str()?.strip_suffix(".jsonl")?.parse::<u64>().ok()
        };
        let mut numbers: Vec<u64> = entries.flatten().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A new segment, to append to.
    pub(crate) fn create(&self, number: u64) -> io::Result<File> {
        private().create_new(true).open(self.path(number))
    }

    /// A segment, to read.
    pub(crate) fn open(&self, number: u64) -> io::Result<File> {
        File::open(self.path(number))
    }

    /// Its size, in bytes; 0 if it is not there.
    pub(crate) fn size(&self, number: u64) -> u64 {
        fs::metadata(self.path(number)).map_or(0, |about| about.len())
    }

    /// Removes a segment.
    pub(crate) fn remove(&self, number: u64) {
        match fs::remove_file(self.path(number)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(%error, number, "a segment stays that is no longer needed");
            }
            _ => {}
        }
    }

    /// Removes all segments before one.
    pub(crate) fn remove_before(&self, number: u64) {
        let older = self.numbers().unwrap_or_default().into_iter().filter(|old| *old < number);
        older.for_each(|old| self.remove(old));
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:012}.jsonl"))
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).mode(0o600);
    options
}
