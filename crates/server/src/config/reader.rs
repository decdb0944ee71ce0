//! Reads one setting after another, remembers what was read and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where settings come from, strongest first.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// From the command line, by environment name.
    pub(crate) flags: BTreeMap<&'static str, String>,
    /// The environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// The file of `DRAWBRIDGE_CONFIG` or `--config`, if there is one.
    pub(crate) file: Option<PathBuf>,
}

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its name in the environment.
    pub(crate) name: &'static str,
    /// Its value for people; secrets are masked.
    pub(crate) value: String,
    /// Where the value came from.
    pub(crate) origin: Origin,
    /// What it does.
    pub(crate) doc: &'static str,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// The configuration file.
    File,
    /// Nothing was said.
    Default,
}

impl Origin {
    /// The word that `drawbridge config` prints.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

/// Something wrong with a setting, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {detail}")]
pub(crate) struct Problem {
    /// The setting.
    pub(crate) name: String,
    /// What is wrong and what would be right.
    pub(crate) detail: String,
}

/// See the module.
pub(crate) struct Reader {
    flags: BTreeMap<&'static str, String>,
    environment: BTreeMap<String, String>,
    file: toml::Table,
    settings: Vec<Setting>,
    problems: Vec<Problem>,
}

impl Reader {
    pub(crate) fn new(sources: Sources) -> Self {
        let Sources { flags, environment, file } = sources;
        let mut reader = Self {
            flags,
            environment,
            file: toml::Table::new(),
            settings: vec![],
            problems: vec![],
        };
        if let Some(path) = file {
            match read_file(&path) {
                Ok(table) => reader.file = table,
                Err(detail) => reader.problem("DRAWBRIDGE_CONFIG", &detail),
            }
        }
        reader
    }

    /// The text of a setting, as given, and where it came from.
    fn given(&mut self, name: &'static str) -> (Option<String>, Origin) {
        if let Some(value) = self.flags.get(name) {
            return (Some(value.clone()), Origin::Flag);
        }
        if let Some(value) = self.environment.get(name).filter(|value| !value.is_empty()) {
            return (Some(value.clone()), Origin::Environment);
        }
        match self.file.get(&file_key(name)).cloned() {
            None => (None, Origin::Default),
            Some(toml::Value::String(text)) => (Some(text), Origin::File),
            Some(toml::Value::Array(items)) => {
                let items: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
                if items.is_none() {
                    self.problem(name, "the list in the file must hold texts");
                }
                (Some(items.unwrap_or_default().join(",")), Origin::File)
            }
            Some(other) => (Some(other.to_string()), Origin::File),
        }
    }

    fn note(&mut self, name: &'static str, doc: &'static str, value: String, origin: Origin) {
        self.settings.push(Setting { name, value, origin, doc });
    }

    /// Says that `name` is wrong.
    pub(crate) fn problem(&mut self, name: &str, detail: &str) {
        self.problems.push(Problem { name: name.to_owned(), detail: detail.to_owned() });
    }

    /// A setting with a default.
    pub(crate) fn value<T>(&mut self, name: &'static str, doc: &'static str, default: T) -> T
    where
        T: FromStr<Err: Display> + Display,
    {
        let (given, origin) = self.given(name);
        let value = given.and_then(|text| self.parse(name, &text)).unwrap_or(default);
        self.note(name, doc, value.to_string(), origin);
        value
    }

    /// A setting that may be absent.
    pub(crate) fn maybe<T>(&mut self, name: &'static str, doc: &'static str) -> Option<T>
    where
        T: FromStr<Err: Display> + Display,
    {
        let (given, origin) = self.given(name);
        let parsed = given.and_then(|text| self.parse::<T>(name, &text));
        let shown = parsed.as_ref().map_or_else(|| "(unset)".to_owned(), ToString::to_string);
        self.note(name, doc, shown, origin);
        parsed
    }

    /// A path that may be absent.
    pub(crate) fn path(&mut self, name: &'static str, doc: &'static str) -> Option<PathBuf> {
        self.maybe::<String>(name, doc).map(PathBuf::from)
    }

    /// Where data live unless something is said: the user's data directory (XDG base directories),
    /// or that of the system where there is no home.
    pub(crate) fn default_data_dir(&self) -> PathBuf {
        let of =
            |name: &str| self.environment.get(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        of("XDG_DATA_HOME")
            .or_else(|| of("HOME").map(|home| home.join(".local/share")))
            .map_or_else(|| PathBuf::from("/var/lib/drawbridge"), |base| base.join("drawbridge"))
    }

    /// A secret that may be absent: never shown, not even in part.
    pub(crate) fn secret(&mut self, name: &'static str, doc: &'static str) -> Option<String> {
        let (given, origin) = self.given(name);
        let shown = if given.is_some() { "•••" } else { "(unset)" };
        self.note(name, doc, shown.to_owned(), origin);
        given
    }

    /// A URL that may hold a password, shown without it.
    pub(crate) fn secret_url(&mut self, name: &'static str, doc: &'static str) -> Option<String> {
        let (given, origin) = self.given(name);
        let shown = given.as_deref().map_or_else(|| "(unset)".to_owned(), masked_url);
        self.note(name, doc, shown, origin);
        if given.as_deref().is_some_and(|text| url::Url::parse(text).is_err()) {
            self.problem(name, "this is not a URL; write scheme://user:password@host:port/name");
        }
        given
    }

    /// A list, separated by commas.
    pub(crate) fn list<T>(&mut self, name: &'static str, doc: &'static str) -> Vec<T>
    where
        T: FromStr<Err: Display> + Display,
    {
        let (given, origin) = self.given(name);
        let items: Vec<T> = given
            .as_deref()
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .filter_map(|item| self.parse(name, item))
            .collect();
        let shown: Vec<String> = items.iter().map(ToString::to_string).collect();
        let shown = if shown.is_empty() { "(none)".to_owned() } else { shown.join(",") };
        self.note(name, doc, shown, origin);
        items
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, name: &'static str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(name, &format!("`{text}` does not fit: {error}"));
                None
            }
        }
    }

    /// What was read, or everything that is wrong; a key of the file or a `DRAWBRIDGE_…` variable
    /// that no setting has is wrong too, so that a misspelt one is not silently ignored.
    pub(crate) fn finish(mut self) -> Result<Vec<Setting>, Vec<Problem>> {
        let known: BTreeSet<String> = self.settings.iter().map(|s| file_key(s.name)).collect();
        let unknown_keys: Vec<String> =
            self.file.keys().filter(|key| !known.contains(*key)).cloned().collect();
        for key in unknown_keys {
            self.problem(&key, "no setting has this name; `drawbridge config` lists them all");
        }
        let names: BTreeSet<&str> = self.settings.iter().map(|s| s.name).collect();
        let unknown: Vec<String> = self
            .environment
            .keys()
            .filter(|name| name.starts_with("DRAWBRIDGE_") && !names.contains(name.as_str()))
            .filter(|name| !matches!(name.as_str(), "DRAWBRIDGE_CONFIG" | "DRAWBRIDGE_BIN"))
            .cloned()
            .collect();
        for name in unknown {
            self.problem(&name, "no setting has this name; `drawbridge config` lists them all");
        }
        if self.problems.is_empty() { Ok(self.settings) } else { Err(self.problems) }
    }
}

fn read_file(path: &Path) -> Result<toml::Table, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    text.parse().map_err(|error| format!("{} is not TOML: {error}", path.display()))
}

/// `DRAWBRIDGE_PUBLIC_URL` is `public_url` in the file; `DATABASE_URL` is `database_url`.
fn file_key(name: &str) -> String {
    name.strip_prefix("DRAWBRIDGE_").unwrap_or(name).to_ascii_lowercase()
}

fn masked_url(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) => {
            if url.password().is_some() {
                // Cannot fail for a URL that has a password already.
                let _fits = url.set_password(Some("•••"));
            }
            url.set_query(None);
            url.to_string().replace("%E2%80%A2%E2%80%A2%E2%80%A2", "•••")
        }
        Err(_unreadable) => "•••".to_owned(),
    }
}
