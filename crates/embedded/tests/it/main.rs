//! Starting, crashing and starting again, against the real programs.
#![expect(clippy::unwrap_used, reason = "a test stops where something is amiss")]

mod crash;
mod folders;
mod redis;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use embedded::{Binaries, Durability, Install, Settings};
use tempfile::TempDir;

/// A folder that any account may enter, as a newcomer's checkout usually is.
fn open_folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// Fast, and with what is installed.
fn settings(dir: &Path) -> Settings<'static> {
    Settings {
        durability: Durability::Fast,
        install: Install::Never,
        ..Settings::new("example", dir.join("data"))
    }
}

/// Runs SQL and returns what it prints.
fn sql(url: &str, statement: &str) -> String {
    let psql = Binaries::find(None).unwrap().program("psql");
    let output = Command::new(psql).args([url, "-qAtc", statement]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Puts a row there to be found again.
fn leave_a_row(url: &str) {
    sql(url, "create table kept (word text); insert into kept values ('still here')");
}

/// The row, if all went well.
fn row(url: &str) -> String {
    sql(url, "select word from kept")
}

/// `kill -9`.
fn kill_9(pid: i32) {
    assert!(Command::new("sh").args(["-c", &format!("kill -9 {pid}")]).status().unwrap().success());
}
