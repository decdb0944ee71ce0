//! Reading and writing the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use domain::Slug;
use policy::suite;
use serde::de::DeserializeOwned;

use super::forms::{GrantFile, OrganisationFile, PolicyFile, ServerFile};
use super::references;
use super::state::{From, Grant, Has, Organisation, Policy, Server, State};
use crate::cli::policy::{file, tests_beside};
use crate::cli::say;

/// The longest name for people.
const MAX_NAME_CHARS: usize = 100;

/// What the files of a folder are called, by the names of the things in them; and the references
/// that servers' files use.
#[derive(Default)]
pub(super) struct Names {
    pub(super) policies: BTreeMap<String, String>,
    pub(super) grants: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, BTreeMap<String, String>>,
}

/// Reads the whole folder, or says everything that is wrong with it.
pub(super) fn read(folder: &Path) -> Result<State> {
    let mut reading = Reading { wrong: Vec::new(), state: State::default() };
    reading.organisation(&folder.join("organisation.json"));
    let (servers, policies, grants) = (
        listed(&folder.join("servers"))?,
        listed(&folder.join("policies"))?,
        listed(&folder.join("grants"))?,
    );
    reading.state.has =
        Has { servers: servers.is_some(), policies: policies.is_some(), grants: grants.is_some() };
    let Has { servers: s, policies: p, grants: g } = reading.state.has;
    if reading.state.organisation.is_none() && reading.wrong.is_empty() && !(s || p || g) {
        bail!("{} has no files of an organisation", folder.display());
    }
    servers.iter().flatten().for_each(|path| reading.server(path));
    policies.iter().flatten().for_each(|path| reading.policy(path));
    grants.iter().flatten().for_each(|path| reading.grant(path));
    let Reading { wrong, state } = reading;
    if !wrong.is_empty() {
        bail!("these files cannot be used; nothing was applied:\n  {}", wrong.join("\n  "));
    }
    Ok(state)
}

/// The JSON files of a folder, sorted; `None` where there is no folder.
fn listed(folder: &Path) -> Result<Option<Vec<PathBuf>>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_hidden = name.starts_with('.');
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        if path.is_file() && is_json && !is_hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(Some(paths))
}

struct Reading {
    wrong: Vec<String>,
    state: State,
}

impl Reading {
    fn wrong(&mut self, path: &Path, detail: impl std::fmt::Display) {
        self.wrong.push(format!("{}: {detail}", path.display()));
    }

    fn form<T: DeserializeOwned>(&mut self, path: &Path) -> Option<(T, String)> {
        let text = match file::text(path) {
            Ok(text) => text,
            Err(error) => {
                self.wrong.push(format!("{error:#}"));
                return None;
            }
        };
        match serde_json::from_str(&text) {
            Ok(form) => Some((form, text)),
            Err(error) => {
                self.wrong(path, error);
                None
            }
        }
    }

    fn name(&mut self, path: &Path, name: &str) {
        let fits = !name.trim().is_empty()
            && name.trim() == name
            && name.chars().count() <= MAX_NAME_CHARS
            && !name.chars().any(char::is_control);
        if !fits {
            let detail = format!(
                "a name is one line of 1 to {MAX_NAME_CHARS} characters, without spaces around it"
            );
            self.wrong(path, detail);
        }
    }

    fn organisation(&mut self, path: &Path) {
        if !path.exists() {
            return;
        }
        if let Some((OrganisationFile { name, settings }, _)) = self.form(path) {
            self.name(path, &name);
            self.state.organisation = Some(Organisation { name, settings });
        }
    }

    fn server(&mut self, path: &Path) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let Some((form, _)) = self.form::<ServerFile>(path) else { return };
        if let Err(error) = stem.parse::<Slug>() {
            self.wrong(path, format!("the file's name is the server's slug: {error}"));
        }
        self.name(path, &form.name);
        match form.url.parse::<url::Url>() {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {}
            _ => self.wrong(path, "\"url\" is a whole URL, such as https://example.com/mcp"),
        }
        if !["auto", "streamable_http", "sse"].contains(&form.transport.as_str()) {
            self.wrong(path, "\"transport\" is auto, streamable_http or sse");
        }
        for (header, value) in &form.headers {
            if let Err(why) = references::named(value) {
                self.wrong(path, format!("the header {header}: {why}"));
            }
        }
        let ServerFile { name, url, transport, headers, paused } = form;
        let from = From::File(path.to_owned());
        self.state.servers.insert(stem, Server { from, name, url, transport, paused, headers });
    }

    fn policy(&mut self, path: &Path) {
        let is_tests = path.to_str().is_some_and(|path| path.ends_with(".tests.json"));
        if is_tests {
            let policy = path.with_extension("").with_extension("json");
            if !policy.exists() {
                self.wrong(path, format!("its policy, {}, is not there", policy.display()));
            }
            return;
        }
        let Some((form, text)) = self.form::<PolicyFile>(path) else { return };
        self.name(path, &form.name);
        let document = match policy::parse(&file::document_text(&text)) {
            Ok(document) => Some(document),
            Err(problems) => {
                let lines = problems.iter().map(|problem| file::line(path, "error", problem));
                self.wrong.extend(lines);
                None
            }
        };
        let tests = self.tests(&tests_beside(path));
        let (Some(document), Some(tests)) = (document, tests) else { return };
        let from = From::File(path.to_owned());
        let policy = Policy { from, server: form.server, document, tests, version: 0 };
        if let Some(other) = self.state.policies.insert(form.name, policy) {
            self.wrong(path, format!("{} has a policy of the same name", other.from.shown()));
        }
    }

    fn tests(&mut self, path: &Path) -> Option<Vec<suite::Test>> {
        if !path.exists() {
            return Some(Vec::new());
        }
        let text = file::text(path).map_err(|error| self.wrong.push(format!("{error:#}"))).ok()?;
        match suite::parse(&text) {
            Ok(tests) => Some(tests),
            Err(problems) => {
                let lines = problems.iter().map(|problem| file::line(path, "error", problem));
                self.wrong.extend(lines);
                None
            }
        }
    }

    fn grant(&mut self, path: &Path) {
        let Some((form, _)) = self.form::<GrantFile>(path) else { return };
        self.name(path, &form.label);
        if form.bindings.is_empty() {
            self.wrong(path, "a grant needs at least one binding");
        }
        let mut bindings = BTreeMap::new();
        for binding in form.bindings {
            if bindings.contains_key(&binding.server) {
                self.wrong(path, format!("the server {} is bound twice", binding.server));
            }
            bindings.insert(binding.server, binding.policy);
        }
        let from = From::File(path.to_owned());
        let grant = Grant { from, expires_at: form.expires_at, bindings };
        if let Some(other) = self.state.grants.insert(form.label, grant) {
            self.wrong(path, format!("{} has a grant of the same label", other.from.shown()));
        }
    }
}

// === Writing ===

/// What is there already, as far as it can be read: names of files stay.
pub(super) fn names(folder: &Path) -> Names {
    let mut names = Names::default();
    let all = |kind: &str| listed(&folder.join(kind)).ok().flatten().unwrap_or_default();
    let stem = |path: &Path| path.file_stem().and_then(|s| s.to_str()).map(str::to_owned);
    for path in all("policies") {
        if let (Some(form), Some(stem)) = (form::<PolicyFile>(&path), stem(&path)) {
            names.policies.entry(form.name).or_insert(stem);
        }
    }
    for path in all("grants") {
        if let (Some(form), Some(stem)) = (form::<GrantFile>(&path), stem(&path)) {
            names.grants.entry(form.label).or_insert(stem);
        }
    }
    for path in all("servers") {
        if let (Some(form), Some(stem)) = (form::<ServerFile>(&path), stem(&path)) {
            names.headers.insert(stem, form.headers);
        }
    }
    names
}

fn form<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_str(&file::text(path).ok()?).ok()
}

/// Writes the files; those that nothing stands behind any more are named, or removed.
pub(super) fn write(folder: &Path, files: &BTreeMap<String, String>, prune: bool) -> Result<()> {
    for kind in ["servers", "policies", "grants"] {
        let path = folder.join(kind);
        std::fs::create_dir_all(&path).with_context(|| format!("{}", path.display()))?;
    }
    let mut written = 0;
    for (name, text) in files {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == *text) {
            continue;
        }
        std::fs::write(&path, text).with_context(|| format!("{}", path.display()))?;
        say(&format!("wrote    {name}"))?;
        written += 1;
    }
    let kept: BTreeSet<PathBuf> = files.keys().map(|name| folder.join(name)).collect();
    for kind in ["servers", "policies", "grants"] {
        for path in listed(&folder.join(kind))?.unwrap_or_default() {
            if kept.contains(&path) {
                continue;
            }
            if prune {
                std::fs::remove_file(&path).with_context(|| format!("{}", path.display()))?;
                say(&format!("removed  {}", path.display()))?;
            } else {
                say(&format!("stale    {} (--prune removes it)", path.display()))?;
            }
        }
    }
    say(&format!("{} files, {written} of them new or changed", files.len()))
}
