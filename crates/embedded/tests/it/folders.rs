//! Where the data live, and who may use them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use embedded::{Binaries, Postgres, Settings, StartError};

use crate::{leave_a_row, open_folder, row, settings, sql};

#[test]
fn a_stopped_server_is_gone_and_its_row_is_there_the_next_time() {
    let dir = open_folder();
    let postgres = Postgres::start(&settings(dir.path())).unwrap();
    leave_a_row(&postgres.url());
    postgres.stop().unwrap();
    assert!(!dir.path().join("data/cluster/postmaster.pid").exists());

    let again = Postgres::start(&settings(dir.path())).unwrap();
    assert!(!again.is_adopted());
    assert_eq!(row(&again.url()), "still here");
}

#[test]
fn a_second_owner_of_the_same_folder_is_told_so() {
    let dir = open_folder();
    let _first = Postgres::start(&settings(dir.path())).unwrap();
    let refused = Postgres::start(&settings(dir.path())).unwrap_err();
    assert!(matches!(refused, StartError::InUse { .. }), "{refused}");
}

#[test]
fn two_folders_live_side_by_side() {
    let (here, there) = (open_folder(), open_folder());
    let one = Postgres::start(&settings(here.path())).unwrap();
    let two = Postgres::start(&settings(there.path())).unwrap();
    leave_a_row(&one.url());
    assert_ne!(one.address(), two.address());
    assert_eq!(sql(&two.url(), "select to_regclass('kept') is null"), "t");
}

#[test]
fn committed_means_on_disk_unless_a_test_says_otherwise() {
    let dir = open_folder();
    let postgres = Postgres::start(&Settings::new("example", dir.path().join("data"))).unwrap();
    let shown = "select string_agg(setting, ' ' order by name) from pg_settings \
                 where name in ('fsync', 'synchronous_commit', 'full_page_writes')";
    assert_eq!(sql(&postgres.url(), shown), "on on on");
}

#[test]
fn a_folder_that_others_cannot_enter_works_and_is_found_again() {
    let private = tempfile::tempdir().unwrap();
    fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut wanted = settings(private.path());
    wanted.name = "embedded_test";
    let postgres = Postgres::start(&wanted).unwrap();
    leave_a_row(&postgres.url());
    drop(postgres);

    let again = Postgres::start(&wanted).unwrap();
    assert_eq!(row(&again.url()), "still here");
    drop(again);

    // As root it went to a system folder, which a test must not leave behind.
    let pointer = private.path().join("data/elsewhere");
    if let Ok(elsewhere) = fs::read_to_string(&pointer) {
        fs::remove_dir_all(&elsewhere).unwrap();
        let gone = Postgres::start(&wanted).unwrap_err();
        assert!(matches!(gone, StartError::Gone { .. }), "{gone}");
        // Its parent too, unless another run of this test has its own in it.
        let _ = fs::remove_dir(std::path::Path::new(&elsewhere).parent().unwrap());
    }
}

#[test]
fn a_first_start_that_was_interrupted_is_begun_again() {
    let dir = open_folder();
    let half = dir.path().join("data/new-1");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("PG_VERSION"), "15").unwrap();
    let postgres = Postgres::start(&settings(dir.path())).unwrap();
    leave_a_row(&postgres.url());
    assert!(!half.exists());
}

#[test]
fn a_lost_password_is_replaced() {
    let dir = open_folder();
    let postgres = Postgres::start(&settings(dir.path())).unwrap();
    leave_a_row(&postgres.url());
    let before = postgres.url();
    drop(postgres);
    fs::remove_file(dir.path().join("data/password")).unwrap();

    let again = Postgres::start(&settings(dir.path())).unwrap();
    assert_ne!(again.url(), before);
    assert_eq!(row(&again.url()), "still here");
}

#[test]
fn data_of_another_version_are_left_alone_and_the_version_is_named() {
    let dir = open_folder();
    let cluster = dir.path().join("data/cluster");
    fs::create_dir_all(&cluster).unwrap();
    fs::write(cluster.join("PG_VERSION"), "9\n").unwrap();
    let refused = Postgres::start(&settings(dir.path())).unwrap_err();
    assert!(matches!(&refused, StartError::OtherVersion { version, .. } if version == "9"));
    assert!(cluster.join("PG_VERSION").exists());
}

#[test]
fn a_removed_database_leaves_nothing() {
    let dir = open_folder();
    let postgres = Postgres::start(&settings(dir.path())).unwrap();
    let folder = postgres.folder().to_owned();
    postgres.remove().unwrap();
    assert!(!folder.exists());
    assert!(!dir.path().join("data").exists());
}

#[test]
fn only_the_owner_may_read_the_password_and_the_data() {
    let dir = open_folder();
    let _postgres = Postgres::start(&settings(dir.path())).unwrap();
    let mode =
        |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data/password"), 0o600);
    assert_eq!(mode("data/postgres.log"), 0o600);
    assert_eq!(mode("data/cluster"), 0o700);
    assert!(!dir.path().join("data/initial-password").exists());
}

#[test]
fn the_newest_usable_server_is_found() {
    let found = Binaries::find(None).unwrap();
    assert!(found.major() >= 15);
    assert_eq!(Binaries::find(Some(found.major())).unwrap(), found);
    assert_eq!(Binaries::find(Some(9)), None);
}
