//! The few file operations that need care: private modes, owners, whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::error::StartError;

/// Makes a folder and its parents; those that exist stay as they are.
pub(crate) fn create_dir(path: &Path, mode: u32) -> Result<(), StartError> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(StartError::io("create", path))
}

/// Sets the mode of a file or folder.
pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<(), StartError> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(StartError::io("change the mode of", path))
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(path: &Path, content: &str) -> Result<(), StartError> {
    let part = path.with_extension("part");
    // A leftover of an interrupted write may have another mode: begin anew.
    remove_file(&part)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .and_then(|mut file| {
            file.write_all(content.as_bytes())?;
            file.sync_all()
        })
        .map_err(StartError::io("write", &part))?;
    fs::rename(&part, path).map_err(StartError::io("write", path))
}

/// Reads a small text file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, StartError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StartError::io("read", path)(error)),
    }
}

/// Removes a file that may be missing.
pub(crate) fn remove_file(path: &Path) -> Result<(), StartError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StartError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// A fresh log; the one before is kept beside it as `….1`.
pub(crate) fn fresh_log(path: &Path) -> Result<File, StartError> {
    let before = path.with_extension("log.1");
    if path.exists() {
        fs::rename(path, &before).map_err(StartError::io("rotate", path))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(StartError::io("open", path))
}
