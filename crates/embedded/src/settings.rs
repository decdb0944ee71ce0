//! What a caller may choose about its private Postgres.

use std::path::PathBuf;

/// Where each step is reported while a start takes its time.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// What to run and where.
#[derive(Clone)]
pub struct Settings<'a> {
    /// Name of the database and of its owner: lower-case letters and `_`.
    /// Also the folder under `/var/lib` when the data directory itself cannot be used.
    pub name: &'a str,
    /// Where the data live. Made when it is missing; one running owner at a time.
    pub data_dir: PathBuf,
    /// What a power cut may take.
    pub durability: Durability,
    /// Whether missing programs may be installed.
    pub install: Install,
    /// How many connections the server admits.
    pub max_connections: u16,
    /// Told about each slow step, in words for people.
    pub progress: Progress<'a>,
}

impl<'a> Settings<'a> {
    /// The settings of a newcomer: safe, installing what is missing, silent.
    pub fn new(name: &'a str, data_dir: impl Into<PathBuf>) -> Self {
        Settings {
            name,
            data_dir: data_dir.into(),
            durability: Durability::Safe,
            install: Install::IfAllowed,
            max_connections: 100,
            progress: &|_| {},
        }
    }
}

/// What a power cut may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    Safe,
    /// Everything: no `fsync`. For tests, whose data are thrown away.
    Fast,
}

/// Whether missing programs may be installed with the machine's package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Install {
    /// Say what is missing and stop.
    Never,
    /// As root, through `sudo`, or with Homebrew.
    IfAllowed,
}
