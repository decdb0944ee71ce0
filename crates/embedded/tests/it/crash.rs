//! What `kill -9` may not take.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use embedded::{Durability, Install, Postgres, Settings};

use crate::{kill_9, leave_a_row, open_folder, row, sql};

/// As the product runs it: what is committed is on disk.
fn settings(dir: &Path) -> Settings<'static> {
    Settings { install: Install::Never, ..Settings::new("example", dir.join("data")) }
}

#[test]
fn a_row_survives_kill_9_of_the_server() {
    let dir = open_folder();
    let postgres = Postgres::start(&settings(dir.path())).unwrap();
    leave_a_row(&postgres.url());
    kill_9(postgres.pid());
    drop(postgres);

    let again = Postgres::start(&settings(dir.path())).unwrap();
    assert_eq!(row(&again.url()), "still here");
}

#[test]
fn a_server_killed_amid_a_long_query_starts_again() {
    let dir = open_folder();
    let postgres = Postgres::start(&settings(dir.path())).unwrap();
    leave_a_row(&postgres.url());
    let psql = embedded::Binaries::find(None).unwrap().program("psql");
    // Its backend does not look up from this work, so it outlives the postmaster.
    let busy = "do $$ begin for i in 1..2000000000 loop end loop; end $$";
    let mut client = Command::new(psql)
        .args([&postgres.url(), "-c", busy])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while sql(&postgres.url(), "select count(*) from pg_stat_activity where query like 'do %'")
        == "0"
    {}
    kill_9(postgres.pid());
    drop(postgres);

    let again = Postgres::start(&settings(dir.path())).unwrap();
    assert_eq!(row(&again.url()), "still here");
    client.wait().unwrap();
}

#[test]
fn a_server_whose_owner_was_killed_is_adopted() {
    let dir = open_folder();
    let mut owner = Owner::start(&dir.path().join("data"));
    leave_a_row(&owner.url);
    owner.kill();

    let adopted = Postgres::start(&settings(dir.path())).unwrap();
    assert!(adopted.is_adopted());
    assert_eq!(adopted.url(), owner.url);
    assert_eq!(row(&adopted.url()), "still here");
}

#[test]
fn a_leftover_with_other_settings_is_started_anew() {
    let dir = open_folder();
    let mut owner = Owner::start(&dir.path().join("data"));
    leave_a_row(&owner.url);
    owner.kill();

    let fast = Settings { durability: Durability::Fast, ..settings(dir.path()) };
    let fresh = Postgres::start(&fast).unwrap();
    assert!(!fresh.is_adopted());
    assert_eq!(sql(&fresh.url(), "show fsync"), "off");
    assert_eq!(row(&fresh.url()), "still here");
}

#[test]
fn everything_survives_kill_9_of_the_owner_and_of_its_server() {
    let dir = open_folder();
    let mut owner = Owner::start(&dir.path().join("data"));
    leave_a_row(&owner.url);
    let pid = std::fs::read_to_string(dir.path().join("data/cluster/postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap().parse().unwrap();
    owner.kill();
    kill_9(pid);

    let again = Postgres::start(&settings(dir.path())).unwrap();
    assert_eq!(row(&again.url()), "still here");
}

#[test]
fn a_pid_file_whose_number_now_belongs_to_another_process_does_not_stop_a_start() {
    let dir = open_folder();
    let postgres = Postgres::start(&settings(dir.path())).unwrap();
    leave_a_row(&postgres.url());
    let file = dir.path().join("data/cluster/postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    let pid = postgres.pid();
    kill_9(pid);
    drop(postgres);
    let stale = text.replacen(&pid.to_string(), &std::process::id().to_string(), 1);
    std::fs::write(&file, stale).unwrap();

    let again = Postgres::start(&settings(dir.path())).unwrap();
    assert_eq!(row(&again.url()), "still here");
}

/// Another process that owns a private Postgres.
struct Owner {
    url: String,
    process: Child,
}

impl Owner {
    fn start(data: &Path) -> Self {
        // Cargo builds the examples beside the tests.
        let tests = std::env::current_exe().unwrap();
        let built = tests.parent().unwrap().parent().unwrap();
        let mut process = Command::new(built.join("examples/private_postgres"))
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("postgres://"), "the owner said: {url}");
        Self { url: url.trim().to_owned(), process }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
