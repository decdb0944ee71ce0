//! Origins, masking, and all problems at once.

use std::collections::BTreeMap;

use super::reader::Origin;
use super::*;

fn sources(environment: &[(&str, &str)]) -> Sources {
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Sources { environment, ..Sources::default() }
}

fn setting<'a>(config: &'a Config, name: &str) -> &'a Setting {
    config.settings.iter().find(|setting| setting.name == name).unwrap()
}

#[test]
fn a_newcomer_needs_nothing() {
    let config = Config::load(sources(&[("HOME", "/home/ada")])).ok().unwrap();
    assert_eq!(config.http.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(setting(&config, "DRAWBRIDGE_SIGNUP").value, "open");
    assert_eq!(setting(&config, "DRAWBRIDGE_DATA_DIR").value, "/home/ada/.local/share/drawbridge");
    assert!(config.settings.iter().all(|s| s.origin == Origin::Default));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("drawbridge.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1\"\nmax_in_flight = 7\nlog = \"debug\"\n")
        .unwrap();
    let mut sources = sources(&[("DRAWBRIDGE_LISTEN", "127.0.0.1:2"), ("DRAWBRIDGE_LOG", "error")]);
    sources.file = Some(file);
    sources.flags = BTreeMap::from([("DRAWBRIDGE_LISTEN", "127.0.0.1:3".to_owned())]);
    let config = Config::load(sources).ok().unwrap();
    let of = |name| (setting(&config, name).value.as_str(), setting(&config, name).origin);
    assert_eq!(of("DRAWBRIDGE_LISTEN"), ("127.0.0.1:3", Origin::Flag));
    assert_eq!(of("DRAWBRIDGE_LOG"), ("error", Origin::Environment));
    assert_eq!(of("DRAWBRIDGE_MAX_IN_FLIGHT"), ("7", Origin::File));
}

#[test]
fn secrets_are_masked() {
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let config = Config::load(sources(&[
        ("DATABASE_URL", "postgres://me:hunter2@db:5432/x?sslpassword=hunter3"),
        ("DRAWBRIDGE_MASTER_KEY", key),
    ]))
    .ok()
    .unwrap();
    let all: String = config.settings.iter().map(|s| s.value.as_str()).collect();
    assert!(!all.contains("hunter") && !all.contains(key), "{all}");
    assert_eq!(setting(&config, "DATABASE_URL").value, "postgres://me:•••@db:5432/x");
}

#[test]
fn all_problems_are_said_at_once() {
    let problems = Config::load(sources(&[
        ("DRAWBRIDGE_LISTEN", "nowhere"),
        ("DRAWBRIDGE_SIGNUP", "maybe"),
        ("DRAWBRIDGE_LISTN", "127.0.0.1:1"),
        ("DRAWBRIDGE_PUBLIC_URL", "https://example.com/path"),
        ("DATABASE_URL", "postgres://db/x"),
        ("DRAWBRIDGE_UPSTREAM_ALLOW", "10.0.0.0/8,all"),
    ]))
    .err()
    .unwrap();
    let mut names: Vec<&str> = problems.iter().map(|p| p.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names,
        [
            "DRAWBRIDGE_GATEWAY_URL",
            "DRAWBRIDGE_LISTEN",
            "DRAWBRIDGE_LISTN",
            "DRAWBRIDGE_MASTER_KEY",
            "DRAWBRIDGE_PUBLIC_URL",
            "DRAWBRIDGE_SIGNUP",
            "DRAWBRIDGE_UPSTREAM_ALLOW",
        ]
    );
}
