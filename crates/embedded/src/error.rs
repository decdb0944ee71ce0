//! Why a private server did not start: one sentence each, which says what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why a private server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Programs are missing and may not, or cannot, be installed from here.
    #[error("{what} is not installed on this machine; {remedy}, then start again")]
    NotInstalled {
        /// The missing program, for people.
        what: &'static str,
        /// The command that would install it.
        remedy: String,
    },
    /// The package manager was asked and failed.
    #[error("installing {what} failed; run `{command}` yourself to see why: {said}")]
    InstallFailed {
        /// The packages.
        what: String,
        /// The command that failed.
        command: String,
        /// Its last words.
        said: String,
    },
    /// Somebody else holds the data directory.
    #[error(
        "the database in {} is in use by another running process; stop that one first, \
         or choose another data directory", .dir.display()
    )]
    InUse {
        /// The data directory.
        dir: PathBuf,
    },
    /// No room left on the device.
    #[error("the disk that holds {} is full; free some space, then start again", .path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// A file or folder is out of reach.
    #[error(
        "{} cannot be used by {user}; change its owner, or choose another data directory",
        .path.display()
    )]
    Permission {
        /// The file or folder.
        path: PathBuf,
        /// Who was refused.
        user: String,
    },
    /// The folder that the data had to be put in has gone.
    #[error(
        "the database of this data directory was in {}, which is gone; restore it, \
         or delete {} to begin with an empty one", .was.display(), .pointer.display()
    )]
    Gone {
        /// Where the data were.
        was: PathBuf,
        /// The file that says so.
        pointer: PathBuf,
    },
    /// The data were written by a version of Postgres that is not here.
    #[error(
        "the database in {} was made by Postgres {version}, which is not installed; \
         install it (on Debian `apt-get install postgresql-{version}`), then start again",
        .dir.display()
    )]
    OtherVersion {
        /// The cluster.
        dir: PathBuf,
        /// Its major version.
        version: String,
    },
    /// Postgres refuses root, and there is no one else to be.
    #[error("Postgres refuses to run as root; add a user `postgres` (`useradd -r postgres`)")]
    NoAccount,
    /// A server program gave up.
    #[error("{program} did not start; its log {} ends with: {said}", .log.display())]
    DidNotStart {
        /// The program.
        program: &'static str,
        /// Where it logs.
        log: PathBuf,
        /// The log's last lines.
        said: String,
    },
    /// A server program would not end.
    #[error("{program} (process {pid}) does not stop; end it with `kill -9 {pid}`")]
    DoesNotStop {
        /// The program.
        program: &'static str,
        /// Its process.
        pid: i32,
    },
    /// The operating system refused something else.
    #[error("cannot {deed} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        deed: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StartError {
    /// Sorts an I/O error into the kinds a person can do something about.
    pub(crate) fn io(deed: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Self::DiskFull { path }
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Self::Permission { path, user: crate::account::current_name() }
                }
                _ => Self::Io { deed, path, source },
            }
        }
    }

    /// Sorts the last words of a server program likewise.
    pub(crate) fn from_log(program: &'static str, log: &Path, said: &str) -> Self {
        if said.contains("No space left on device") || said.contains("Disk quota exceeded") {
            return Self::DiskFull { path: log.to_owned() };
        }
        Self::DidNotStart { program, log: log.to_owned(), said: last_lines(said, 3) }
    }
}

/// The last `count` lines with anything on them, as one line.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let skipped = lines.len().saturating_sub(count);
    lines.into_iter().skip(skipped).collect::<Vec<_>>().join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_the_words_of_the_server() {
        let said = "FATAL:  could not write lock file \"postmaster.pid\": No space left on device";
        let error = StartError::from_log("Postgres", Path::new("/data/postgres.log"), said);
        assert!(matches!(error, StartError::DiskFull { .. }), "{error}");
    }

    #[test]
    fn only_the_last_lines_are_quoted() {
        assert_eq!(last_lines("one\ntwo\n\n three \n", 2), "two / three");
    }
}
