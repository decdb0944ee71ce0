//! The text files of the repository, read once.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Folders that hold what a person wrote.
const FOLDERS: [&str; 4] = ["crates", "migrations", "templates", "static"];
/// Folders in them that do not.
const SKIPPED: [&str; 4] = ["node_modules", "vendor", "target", "__pycache__"];

/// Paths relative to the root, with `/`, and their text. Files that are not text are empty.
pub(super) struct Tree {
    pub(super) files: Vec<(String, String)>,
}

impl Tree {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self { files: Vec::new() };
        tree.read_file(root, "Cargo.toml")?;
        for folder in FOLDERS {
            if root.join(folder).is_dir() {
                tree.read_folder(root, folder)?;
            }
        }
        tree.files.sort();
        Ok(tree)
    }

    /// The files under `folder` whose names end so.
    pub(super) fn under<'a>(
        &'a self,
        folder: &'a str,
        ending: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.starts_with(folder) && path.ends_with(ending))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// One file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|(one, _)| one == path).map(|(_, text)| text.as_str())
    }

    /// Is there such a file, or a folder with files in it?
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.iter().any(|(one, _)| one == path || one.starts_with(&folder))
    }

    /// The names of the crates.
    pub(super) fn crates(&self) -> Vec<&str> {
        let manifests = self.under("crates/", "/Cargo.toml");
        manifests.filter_map(|(path, _)| path.split('/').nth(1)).collect()
    }

    fn read_folder(&mut self, root: &Path, folder: &str) -> Result<()> {
        let entries =
            fs::read_dir(root.join(folder)).with_context(|| format!("cannot list {folder}"))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {folder}"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{folder}/{name}");
            if !entry.path().is_dir() {
                self.read_file(root, &path)?;
            } else if !SKIPPED.contains(&name.as_str()) {
                self.read_folder(root, &path)?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, root: &Path, path: &str) -> Result<()> {
        let bytes = fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        self.files.push((path.to_owned(), String::from_utf8(bytes).unwrap_or_default()));
        Ok(())
    }
}
