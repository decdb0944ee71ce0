//! Plans, and the way from an organisation to files and back.

use std::path::Path;

use serde_json::json;

use super::super::state::{From, Grant, Has, Organisation, Policy, Server};
use super::super::{folder, write};
use super::*;

fn server(url: &str, headers: &[(&str, &str)]) -> Server {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Server {
        from: From::Product("srv_1".to_owned()),
        name: "Billing".to_owned(),
        url: url.to_owned(),
        transport: "auto".to_owned(),
        paused: false,
        headers: headers.iter().map(owned).collect(),
    }
}

fn document(max: u32) -> String {
    format!(
        r#"{{"version":"1","default":"deny","tools":{{"pay":{{"limits":[
            {{"counter":"c","window":"minute","max":{max}}}]}}}}}}"#
    )
}

fn policy(max: u32, tests: &str) -> Policy {
    Policy {
        from: From::Product("pol_1".to_owned()),
        server: Some("billing".to_owned()),
        document: policy::parse(&document(max)).unwrap(),
        tests: policy::suite::parse(&format!(r#"{{"version":"1","tests":[{tests}]}}"#)).unwrap(),
        version: 3,
    }
}

const PAYS: &str = r#"{"name":"pays","tool":"pay","arguments":{"a": [1,  2]},"expect":"allow"}"#;

fn grant(expires_at: Option<&str>) -> Grant {
    Grant {
        from: From::Product("grt_1".to_owned()),
        expires_at: expires_at.map(|at| at.parse().unwrap()),
        bindings: [("billing".to_owned(), Some("Billing".to_owned()))].into(),
    }
}

/// An organisation with one of each.
fn one() -> State {
    let settings = json!({ "audit_values": false, "retention_days": 30 });
    State {
        organisation: Some(Organisation {
            name: "Engines".to_owned(),
            settings: settings.as_object().unwrap().clone(),
        }),
        servers: [(
            "billing".to_owned(),
            server("https://b.example/mcp", &[("Authorization", "")]),
        )]
        .into(),
        policies: [("Billing".to_owned(), policy(30, PAYS))].into(),
        grants: [("ci".to_owned(), grant(Some("2027-01-01T00:00:00Z")))].into(),
        has: Has { servers: true, policies: true, grants: true },
    }
}

fn wish() -> Wish {
    Wish {
        prune: false,
        credentials: false,
        now: "2026-11-28T12:00:00Z".parse().unwrap(),
        environment: BTreeMap::new(),
        tools: BTreeMap::new(),
    }
}

fn with_token() -> Wish {
    let environment = [("BILLING_AUTHORIZATION".to_owned(), "Bearer s3cret".to_owned())].into();
    Wish { environment, ..wish() }
}

/// The state as it comes back from its own files.
fn through_files(state: &State, folder: &Path) -> State {
    folder::write(folder, &write::files(state, &folder::names(folder)), true).unwrap();
    folder::read(folder).unwrap()
}

fn lines(live: &State, wanted: &State, wish: &Wish) -> Vec<String> {
    plan(live, wanted, wish).unwrap_or_else(|wrong| panic!("{wrong:#?}")).lines()
}

fn wrong(live: &State, wanted: &State, wish: &Wish) -> Vec<String> {
    plan(live, wanted, wish).err().unwrap()
}

#[test]
fn what_was_exported_is_there_already() {
    let folder = tempfile::tempdir().unwrap();
    let live = one();
    let wanted = through_files(&live, folder.path());
    assert_eq!(lines(&live, &wanted, &wish()), ["Nothing to do."]);
    let again = write::files(&live, &folder::names(folder.path()));
    for (name, text) in &again {
        assert_eq!(*text, std::fs::read_to_string(folder.path().join(name)).unwrap(), "{name}");
        assert!(text.ends_with("}\n") && !text.contains("s3cret"), "{name}");
    }
    let names: Vec<_> = again.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "grants/ci.json",
            "organisation.json",
            "policies/billing.json",
            "policies/billing.tests.json",
            "servers/billing.json"
        ]
    );
    assert!(
        again["servers/billing.json"].contains("\"Authorization\": \"${BILLING_AUTHORIZATION}\"")
    );
}

#[test]
fn an_empty_organisation_becomes_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = through_files(&one(), folder.path());
    let empty = State { organisation: one().organisation, has: one().has, ..State::default() };
    assert_eq!(
        lines(&empty, &wanted, &with_token()),
        [
            "+ server billing",
            "    Billing at https://b.example/mcp",
            "    with the headers Authorization",
            "+ policy Billing",
            "    for billing",
            "    with 1 tests",
            "+ grant ci",
            "    billing under “Billing”",
            "    until 2027-01-01 00:00:00 UTC",
            "3 changes.",
        ]
    );
    let missing = wrong(&empty, &wanted, &wish());
    assert!(
        missing[0].ends_with("BILLING_AUTHORIZATION is not set in the environment"),
        "{missing:?}"
    );
}

#[test]
fn changes_are_told_in_words() {
    let mut wanted = one();
    wanted.organisation.as_mut().unwrap().settings.insert("retention_days".to_owned(), json!(90));
    wanted.policies.insert("Billing".to_owned(), policy(60, ""));
    wanted.grants.get_mut("ci").unwrap().expires_at = None;
    wanted.servers.get_mut("billing").unwrap().paused = true;
    assert_eq!(
        lines(&one(), &wanted, &wish()),
        [
            "~ organisation",
            "    retention_days: 30 → 90",
            "~ server billing",
            "    nothing is forwarded to it",
            "~ policy Billing",
            "    tests: 1 → 0",
            "~ policy Billing",
            "    looser    pay: limit 30 → 60 calls a minute",
            "~ grant ci",
            "    until: 2027-01-01 00:00:00 UTC → no end",
            "5 changes.",
        ]
    );
}

#[test]
fn credentials_go_along_with_a_new_address_and_when_asked_for() {
    let reference = [("Authorization", "${BILLING_AUTHORIZATION}")];
    let mut wanted = one();
    wanted.servers.insert("billing".to_owned(), server("https://new.example/mcp", &reference));
    assert_eq!(wrong(&one(), &wanted, &wish()).len(), 1);
    let moved = plan(&one(), &wanted, &with_token()).unwrap();
    assert!(
        matches!(&moved.steps[0].act, Act::ChangeServer { headers: Some(h), .. } if h.len() == 1)
    );
    assert!(!moved.lines().join(" ").contains("s3cret"));

    wanted.servers.insert("billing".to_owned(), server("https://b.example:443/mcp", &reference));
    assert_eq!(lines(&one(), &wanted, &wish()), ["Nothing to do."], "the same address");
    let again = Wish { credentials: true, ..with_token() };
    assert_eq!(plan(&one(), &wanted, &again).unwrap().steps.len(), 1);

    wanted.servers.insert("billing".to_owned(), server("https://b.example/mcp", &[]));
    let dropped = plan(&one(), &wanted, &wish()).unwrap();
    assert!(
        matches!(&dropped.steps[0].act, Act::ChangeServer { headers: Some(h), .. } if h.is_empty())
    );
}

#[test]
fn nothing_goes_without_being_told_to() {
    let empty = State { has: one().has, ..State::default() };
    let kept = lines(&one(), &empty, &wish());
    assert_eq!(
        kept,
        [
            "Kept, though no file names it (--prune): grant ci, policy Billing, server billing",
            "Nothing to do.",
        ]
    );
    let prune = || Wish { prune: true, ..wish() };
    let gone = lines(&one(), &empty, &prune());
    assert_eq!(gone[0], "- grant ci");
    assert_eq!((gone[2].as_str(), gone[4].as_str()), ("- policy Billing", "- server billing"));
    // A kind without a folder is not meant to be empty.
    assert_eq!(lines(&one(), &State::default(), &prune()), ["Nothing to do."]);
}

#[test]
fn everything_in_the_way_is_told_at_once() {
    let mut wanted = one();
    wanted.policies.insert("Billing".to_owned(), policy(60, &PAYS.replace("allow", "deny")));
    let lost = [("gone".to_owned(), Some("Nowhere".to_owned()))].into();
    wanted.grants.insert("new".to_owned(), Grant { bindings: lost, ..grant(None) });
    wanted.grants.insert("ci".to_owned(), grant(Some("2026-01-01T00:00:00Z")));
    let found = wrong(&one(), &wanted, &wish());
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found[0].contains("the test “pays” fails"), "{found:?}");

    // What prune takes away is not there to be bound.
    let mut wanted = one();
    wanted.policies.clear();
    let found = wrong(&one(), &wanted, &Wish { prune: true, ..wish() });
    assert!(found[0].ends_with("there is no policy “Billing”"), "{found:?}");
}

#[test]
fn an_expired_grant_gives_way_to_a_new_one() {
    let mut live = one();
    live.grants.insert("ci".to_owned(), grant(Some("2026-01-01T00:00:00Z")));
    let replaced = lines(&live, &one(), &wish());
    assert_eq!(replaced[0], "- grant ci");
    assert_eq!(replaced[2], "+ grant ci");
    assert_eq!(lines(&live, &live, &wish()), ["Nothing to do."]);
    let empty = State { has: one().has, ..State::default() };
    let mut wanted = one();
    (wanted.servers, wanted.policies) = (live.servers.clone(), live.policies.clone());
    wanted.grants = live.grants.clone();
    let plan = plan(&empty, &wanted, &with_token()).unwrap();
    assert!(plan.steps.iter().all(|step| !step.title.contains("grant")));
    let pruned = lines(&live, &empty, &Wish { prune: true, ..wish() });
    assert!(pruned.iter().all(|line| !line.contains("grant")), "{pruned:?}");
}

#[test]
fn every_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("organisation.json", "{");
    put("servers/Bad_Slug.json", r#"{"name":"A","url":"ftp://x","headers":{"A":"plain secret"}}"#);
    put(
        "policies/a.json",
        "{\n\"name\": \"A\",\n\"document\": {\"version\": \"1\", \"defualt\": 1}\n}",
    );
    put("policies/b.json", r#"{"name":"B","document":{"version":"1","default":"deny"}}"#);
    put("policies/c.json", r#"{"name":"B","document":{"version":"1","default":"deny"}}"#);
    put("policies/b.tests.json", r#"{"version":"1","tests":[{"name":"x"}]}"#);
    put("policies/z.tests.json", r#"{"version":"1","tests":[]}"#);
    put("grants/a.json", r#"{"label":"","bindings":[],"token":"x"}"#);
    let error = format!("{:#}", folder::read(folder.path()).unwrap_err());
    for part in [
        "organisation.json: ",
        "Bad_Slug.json: the file's name",
        "\"url\" is a whole URL",
        "the header A: write a reference",
        "a.json:3:30: error: \"defualt\"",
        "b.tests.json:1:",
        "z.tests.json: its policy",
        "grants/a.json: unknown field `token`",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(!error.contains("plain secret"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    assert!(folder::read(empty.path()).is_err());
}

#[test]
fn files_that_were_renamed_keep_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut live = one();
    live.policies.insert("billing!".to_owned(), policy(5, ""));
    through_files(&live, folder.path());
    let at = |name: &str| folder.path().join(name);
    assert!(at("policies/billing-2.json").exists());
    std::fs::rename(at("grants/ci.json"), at("grants/pipeline.json")).unwrap();
    let text = std::fs::read_to_string(at("servers/billing.json")).unwrap();
    std::fs::write(
        at("servers/billing.json"),
        text.replace("${BILLING_AUTHORIZATION}", "Bearer ${T}"),
    )
    .unwrap();
    through_files(&live, folder.path());
    assert!(at("grants/pipeline.json").exists() && !at("grants/ci.json").exists());
    let text = std::fs::read_to_string(at("servers/billing.json")).unwrap();
    assert!(text.contains("Bearer ${T}"), "{text}");
    live.policies.remove("billing!");
    through_files(&live, folder.path());
    let left: Vec<_> = std::fs::read_dir(at("policies")).unwrap().collect();
    assert_eq!(left.len(), 2, "the other's file is removed: {left:?}");
}
