//! Finding the programs of Postgres, and Redis, where people and packages install them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::Account;
use crate::error::StartError;
use crate::packages::{POSTGRES, REDIS};
use crate::settings::{Install, Progress};

/// The oldest Postgres whose SQL we may rely on.
const OLDEST: u32 = 15;

/// One installed Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    dir: PathBuf,
    major: u32,
}

impl Binaries {
    /// The newest usable Postgres here; or of exactly `major`, when data of that version exist.
    pub fn find(major: Option<u32>) -> Option<Self> {
        let mut found: Vec<Self> = folders().into_iter().filter_map(Self::at).collect();
        found.retain(|one| major.map_or(one.major >= OLDEST, |wanted| one.major == wanted));
        // The sort is stable: of equals the first in the chain wins.
        found.sort_by_key(|one| std::cmp::Reverse(one.major));
        found.into_iter().next()
    }

    /// [`Binaries::find`], installing Postgres if there is none and that is allowed.
    pub fn find_or_install(install: Install, progress: Progress<'_>) -> Result<Self, StartError> {
        if let Some(found) = Self::find(None) {
            return Ok(found);
        }
        POSTGRES.obtain(install, progress)?;
        Self::find(None).ok_or_else(|| POSTGRES.missing())
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The path of one program, such as `psql`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn at(dir: PathBuf) -> Option<Self> {
        if !dir.join("initdb").is_file() {
            return None;
        }
        let version = output(&dir.join("postgres"), &["--version"])?;
        Some(Self { major: major_of(&version)?, dir })
    }
}

/// Finds `redis-server`, installing it if that is allowed.
pub(crate) fn redis_server(
    install: Install,
    progress: Progress<'_>,
) -> Result<PathBuf, StartError> {
    let find =
        || path_folders().into_iter().map(|dir| dir.join("redis-server")).find(|p| p.is_file());
    if let Some(found) = find() {
        return Ok(found);
    }
    REDIS.obtain(install, progress)?;
    find().ok_or_else(|| REDIS.missing())
}

/// Where Postgres may be, most telling first.
fn folders() -> Vec<PathBuf> {
    let told = output(Path::new("pg_config"), &["--bindir"]);
    let mut all: Vec<PathBuf> = told.iter().map(|text| PathBuf::from(text.trim())).collect();
    for (parent, prefix, rest) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        all.extend(children(Path::new(parent), prefix).into_iter().map(|dir| dir.join(rest)));
    }
    all.extend(path_folders().into_iter().filter_map(|dir| {
        // A link on the PATH stands for the folder that it leads to, where its fellows are.
        let real = dir.join("postgres").canonicalize().ok()?;
        real.parent().map(Path::to_owned)
    }));
    all
}

fn children(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    named.map(|entry| entry.path()).collect()
}

/// The folders of the PATH, and those that a bare one lacks.
pub(crate) fn path_folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut all: Vec<PathBuf> = env::split_paths(&path).collect();
    all.extend(["/usr/bin", "/usr/sbin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from));
    all
}

fn output(program: &Path, args: &[&str]) -> Option<String> {
    let mut command: Command = Account::own().command(program);
    let output = command.args(args).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `15` of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `18` of `… 18beta1`.
fn major_of(version: &str) -> Option<u32> {
    let number =
        version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_says() {
        let debian = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(major_of(debian), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of("no such thing"), None);
    }

    #[test]
    fn a_folder_without_the_server_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("psql"), "").unwrap();
        assert_eq!(Binaries::at(dir.path().to_owned()), None);
    }
}
