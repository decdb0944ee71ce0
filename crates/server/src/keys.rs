//! The master key: given, read from a file, or made at the first start and kept.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::vault::derive;
use rand::RngCore;

use crate::config::{MasterKey, decode_key};

/// The 32 bytes from which sealing, sessions and signatures are derived.
pub(crate) fn master_key(from: &MasterKey) -> Result<Box<[u8; 32]>> {
    match from {
        MasterKey::Given(key) => Ok(key.clone()),
        MasterKey::File(path) => read(path),
        MasterKey::Generated(path) if path.exists() => read(path),
        MasterKey::Generated(path) => generate(path),
    }
}

/// The key of a version that signs access tokens. The first has no number: it was there before
/// others were.
pub(crate) fn access_key(master: &[u8; 32], version: u16) -> [u8; 32] {
    match version {
        0 | 1 => derive(master, "access-tokens"),
        later => derive(master, &format!("access-tokens/{later}")),
    }
}

fn read(path: &Path) -> Result<Box<[u8; 32]>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the master key from {}", path.display()))?;
    decode_key(&text).map_err(|detail| anyhow!("{}: {detail}", path.display()))
}

/// Makes a key and keeps it, readable by its owner only. Two processes that start at once agree:
/// a finished file is linked into place, and the second reads what the first kept.
fn generate(path: &Path) -> Result<Box<[u8; 32]>> {
    let mut key = Box::new([0_u8; 32]);
    rand::rng().fill_bytes(key.as_mut());
    let folder = path.parent().unwrap_or(Path::new("."));
    let keeping = || format!("cannot keep the master key in {}", folder.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(keeping)?;
    let draft = folder.join(format!(".master.{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .with_context(keeping)?;
    file.write_all(STANDARD.encode(key.as_ref()).as_bytes()).with_context(keeping)?;
    file.sync_all().with_context(keeping)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).with_context(keeping)?;
    match linked {
        Ok(()) => Ok(key),
        Err(_kept_by_another) if path.exists() => read(path),
        Err(error) => Err(error).with_context(keeping),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/master.key");
        let first = master_key(&MasterKey::Generated(path.clone())).unwrap();
        let again = master_key(&MasterKey::Generated(path.clone())).unwrap();
        assert_eq!(first, again);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(master_key(&MasterKey::File(path.clone())).unwrap(), first);
        fs::write(&path, "short").unwrap();
        assert!(master_key(&MasterKey::File(path)).is_err());
    }
}
