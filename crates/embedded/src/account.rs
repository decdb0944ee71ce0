//! Who a server program runs as: ourselves, or, since Postgres refuses root, somebody with fewer
//! rights.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Uid, User, geteuid};

use crate::error::StartError;

/// The identity of the programs we start.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// `None`: our own.
    other: Option<Identity>,
}

#[derive(Clone, Debug)]
struct Identity {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// Who may run the cluster at `cluster`: its owner, else `postgres`, else `nobody`.
    /// Only root has that choice.
    pub(crate) fn choose(cluster: &Path) -> Result<Self, StartError> {
        if !geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let owner = fs::metadata(cluster)
            .ok()
            .filter(|found| found.uid() != 0)
            .and_then(|found| User::from_uid(Uid::from_raw(found.uid())).ok().flatten());
        let user = owner
            .or_else(|| User::from_name("postgres").ok().flatten())
            .or_else(|| User::from_name("nobody").ok().flatten())
            .ok_or(StartError::NoAccount)?;
        let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
        Ok(Self { other: Some(Identity { name: user.name, uid, gid }) })
    }

    /// Ourselves.
    pub(crate) fn own() -> Self {
        Self { other: None }
    }

    /// Is this somebody other than us?
    pub(crate) fn is_other(&self) -> bool {
        self.other.is_some()
    }

    /// The name, for messages.
    pub(crate) fn name(&self) -> String {
        self.other.as_ref().map_or_else(current_name, |other| other.name.clone())
    }

    /// A command that runs as this account, from `/`, with no Postgres setting of ours leaking
    /// in and its messages in English, which we read.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").stdin(Stdio::null());
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("PG") {
                command.env_remove(key);
            }
        }
        command.env("LC_ALL", "C");
        if let Some(other) = &self.other {
            // The groups of root go as well: std empties the list when it sets the user.
            command.uid(other.uid).gid(other.gid).env("HOME", "/");
        }
        command
    }

    /// Gives a file or folder to this account.
    pub(crate) fn own_path(&self, path: &Path) -> Result<(), StartError> {
        let Some(other) = &self.other else { return Ok(()) };
        chown(path, Some(other.uid), Some(other.gid)).map_err(StartError::io("give away", path))
    }

    /// Can this account reach the folder `dir`? Asked of the system by going there, so that
    /// access lists and mounts count too.
    pub(crate) fn can_enter(&self, dir: &Path) -> bool {
        self.command("/bin/sh")
            .args(["-c", "cd \"$1\"", "sh"])
            .arg(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// The name of the user that we are.
pub(crate) fn current_name() -> String {
    let uid = geteuid();
    User::from_uid(uid).ok().flatten().map_or_else(|| format!("user {uid}"), |user| user.name)
}

/// Are we root?
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}
