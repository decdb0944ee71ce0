//! Where the data of one data directory live: in it, or, when the account that runs Postgres
//! cannot get there (root's home, for one), in a system folder that it remembers.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::account::Account;
use crate::error::StartError;
use crate::files;

/// The folder of one cluster, held by a lock for as long as this lives.
#[derive(Debug)]
pub(crate) struct Home {
    /// What was asked for.
    data_dir: PathBuf,
    /// Where it really is.
    dir: PathBuf,
    account: Account,
    /// Released by the system whatever ends us, `kill -9` included.
    _lock: File,
}

impl Home {
    /// Finds or makes the home of `data_dir`, and locks it.
    pub(crate) fn open(name: &str, data_dir: &Path) -> Result<Self, StartError> {
        files::create_dir(data_dir, 0o755)?;
        let data_dir = data_dir.canonicalize().map_err(StartError::io("reach", data_dir))?;
        let (dir, account) = settle(name, &data_dir)?;
        let lock = lock(&dir)?;
        Ok(Self { data_dir, dir, account, _lock: lock })
    }

    /// The data of the cluster, whole if it exists.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.dir.join("cluster")
    }

    /// Where everything of it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.dir
    }

    /// Removes everything.
    pub(crate) fn remove(&self) -> Result<(), StartError> {
        for dir in [&self.dir, &self.data_dir] {
            if dir.exists() {
                fs::remove_dir_all(dir).map_err(StartError::io("remove", dir))?;
            }
        }
        Ok(())
    }

    /// A name beside the cluster.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// What Postgres says.
    pub(crate) fn log(&self) -> PathBuf {
        self.path("postgres.log")
    }

    /// Who runs Postgres here.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// The owner's password, kept for the next start.
    pub(crate) fn password(&self) -> Result<Option<String>, StartError> {
        Ok(files::read(&self.path("password"))?.map(|text| text.trim().to_owned()))
    }

    /// Makes and keeps a new password.
    pub(crate) fn new_password(&self) -> Result<String, StartError> {
        let password = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>());
        files::write_private(&self.path("password"), &password)?;
        Ok(password)
    }

    /// Removes what an interrupted first start left.
    pub(crate) fn sweep(&self) -> Result<(), StartError> {
        let entries = fs::read_dir(&self.dir).map_err(StartError::io("list", &self.dir))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with("new-") {
                let path = entry.path();
                fs::remove_dir_all(&path).map_err(StartError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// Chooses the folder: where the data already are, else here, else a system folder.
fn settle(name: &str, data_dir: &Path) -> Result<(PathBuf, Account), StartError> {
    let pointer = data_dir.join("elsewhere");
    if let Some(text) = files::read(&pointer)? {
        let was = PathBuf::from(text.trim());
        if !was.is_dir() {
            return Err(StartError::Gone { was, pointer });
        }
        let account = Account::choose(&was.join("cluster"))?;
        return Ok((was, account));
    }
    let here = data_dir.join("cluster");
    let account = Account::choose(&here)?;
    if !account.is_other() || account.can_enter(data_dir) {
        return Ok((data_dir.to_owned(), account));
    }
    if here.exists() {
        return Err(StartError::Permission { path: here, user: account.name() });
    }
    let dir = system_home(name, data_dir, &account)?;
    files::write_private(&pointer, &dir.display().to_string())?;
    Ok((dir, account))
}

/// A folder of our own under a system folder that everybody can traverse.
fn system_home(name: &str, data_dir: &Path, account: &Account) -> Result<PathBuf, StartError> {
    let mut refused = None;
    for base in ["/var/lib", "/var/tmp"] {
        let parent = Path::new(base).join(name);
        let dir = parent.join(format!("{:016x}", fnv1a(data_dir.as_os_str().as_encoded_bytes())));
        match make_system_home(&parent, &dir, account) {
            Ok(()) => {
                let note = dir.join("belongs-to");
                files::write_private(&note, &data_dir.display().to_string())?;
                return Ok(dir);
            }
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or(StartError::NoAccount))
}

fn make_system_home(parent: &Path, dir: &Path, account: &Account) -> Result<(), StartError> {
    files::create_dir(parent, 0o755)?;
    // Under /var/tmp somebody else may have been there first: never trust their folder.
    let found = fs::symlink_metadata(parent).map_err(StartError::io("look at", parent))?;
    if !found.is_dir() || found.uid() != 0 || found.mode() & 0o022 != 0 {
        return Err(StartError::Permission { path: parent.to_owned(), user: "root".into() });
    }
    files::set_mode(parent, 0o755)?;
    files::create_dir(dir, 0o755)?;
    files::set_mode(dir, 0o755)?;
    if account.can_enter(dir) {
        return Ok(());
    }
    Err(StartError::Permission { path: dir.to_owned(), user: account.name() })
}

/// One running owner at a time.
fn lock(dir: &Path) -> Result<File, StartError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(StartError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(StartError::io("lock", &path)(error)),
    }
}

/// FNV-1a: names a folder the same way on every machine and in every release.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_system_folder_never_changes() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
