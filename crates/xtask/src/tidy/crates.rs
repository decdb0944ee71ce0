//! The walls between the crates, and their manifests.

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::tree::Tree;
use crate::shell::{cargo, output, root};

/// Who may import whom. A crate that is not here is one nobody decided on.
const EDGES: [(&str, &[&str]); 14] = [
    ("json", &[]),
    ("domain", &[]),
    ("policy", &["json"]),
    ("risk", &["json", "policy"]),
    ("mcp", &["json"]),
    ("store", &["domain", "policy", "risk"]),
    ("control", &["domain", "json", "mcp", "policy", "risk", "store"]),
    ("gateway", &["domain", "json", "mcp", "policy"]),
    ("connect", &["json", "mcp"]),
    ("demo", &["json"]),
    ("embedded", &[]),
    (
        "server",
        &[
            "connect", "control", "demo", "domain", "embedded", "gateway", "json", "mcp", "policy",
            "risk", "store",
        ],
    ),
    (
        "testkit",
        &[
            "control", "demo", "domain", "embedded", "gateway", "json", "mcp", "policy", "risk",
            "store",
        ],
    ),
    ("xtask", &["embedded"]),
];

/// Libraries that a crate may not know, whatever the reason seems to be.
const NEVER: [(&str, &[&str]); 7] = [
    ("domain", &["axum", "tokio", "hyper"]),
    ("policy", &["axum", "tokio", "hyper", "sqlx", "rand"]),
    ("risk", &["axum", "tokio", "hyper", "sqlx", "rand"]),
    ("mcp", &["sqlx", "redis", "axum"]),
    ("store", &["axum", "redis", "hyper"]),
    ("control", &["sqlx", "redis"]),
    ("gateway", &["sqlx"]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for one that is linked into the product.
    kind: Option<String>,
    /// Present for a crate of ours.
    path: Option<String>,
}

/// All rules about manifests.
pub(super) fn check(tree: &Tree) -> Result<Vec<String>> {
    let program = cargo(&[]);
    let manifest = root().join("Cargo.toml");
    let text = output(
        &program.get_program().to_string_lossy(),
        &[
            "metadata",
            "--no-deps",
            "--format-version=1",
            "--manifest-path",
            &manifest.to_string_lossy(),
        ],
    )
    .context("`cargo metadata` fails")?;
    let metadata: Metadata =
        serde_json::from_str(&text).context("`cargo metadata` is unreadable")?;
    let mut found: Vec<String> = metadata.packages.iter().flat_map(edges).collect();
    found.extend(manifests(tree));
    found.extend(unused(tree));
    Ok(found)
}

/// The edges of one crate that the tables do not allow.
fn edges(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let Some((_, allowed)) = EDGES.iter().find(|(one, _)| *one == name) else {
        return vec![format!("the crate `{name}` is not in the table of xtask/src/tidy/crates.rs")];
    };
    let never = NEVER.iter().find(|(one, _)| *one == name).map_or(&[][..], |(_, never)| *never);
    let mut found = Vec::new();
    for dependency in &package.dependencies {
        let other = dependency.name.as_str();
        let is_ours = dependency.path.is_some();
        // Tests may use any library and any room, but for those that are built upon them.
        let is_fine = match (is_ours, dependency.kind.is_none()) {
            (true, true) => allowed.contains(&other),
            (true, false) => !["server", "xtask"].contains(&other),
            (false, true) => !never.contains(&other),
            (false, false) => true,
        };
        if !is_fine {
            found.push(format!("`{name}` may not import `{other}`"));
        }
    }
    found
}

/// Each crate is held to the workspace's lints.
fn manifests(tree: &Tree) -> Vec<String> {
    tree.under("crates/", "/Cargo.toml")
        .filter(|(_, text)| !text.contains("[lints]\nworkspace = true"))
        .map(|(path, _)| format!("{path} does not say `[lints] workspace = true`"))
        .collect()
}

/// Each line of `[workspace.dependencies]` has a member that needs it.
fn unused(tree: &Tree) -> Vec<String> {
    let text = tree.text("Cargo.toml").unwrap_or_default();
    let (_, rest) = text.split_once("[workspace.dependencies]\n").unwrap_or_default();
    let (section, _) = rest.split_once("\n[").unwrap_or((rest, ""));
    let names = section.lines().filter(|line| !line.starts_with('#'));
    names
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name.trim()))
        .filter(|name| {
            let (short, long) = (format!("\n{name}.workspace"), format!("\n{name} = {{ workspace"));
            !tree
                .under("crates/", "/Cargo.toml")
                .any(|(_, text)| text.contains(&short) || text.contains(&long))
        })
        .map(|name| format!("no crate uses the workspace dependency `{name}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn importing(name: &str, other: &str, kind: Option<&str>, path: Option<&str>) -> Vec<String> {
        let dependency = Dependency {
            name: other.to_owned(),
            kind: kind.map(str::to_owned),
            path: path.map(str::to_owned),
        };
        edges(&Package { name: name.to_owned(), dependencies: vec![dependency] })
    }

    #[test]
    fn the_gateway_may_not_name_the_database() {
        assert_eq!(importing("gateway", "store", None, Some("crates/store")).len(), 1);
        assert_eq!(importing("gateway", "sqlx", None, None).len(), 1);
        assert!(importing("gateway", "policy", None, Some("crates/policy")).is_empty());
    }

    #[test]
    fn the_test_kit_is_for_tests_only() {
        assert!(importing("control", "testkit", Some("dev"), Some("crates/testkit")).is_empty());
        assert_eq!(importing("control", "testkit", None, Some("crates/testkit")).len(), 1);
    }

    #[test]
    fn a_dependency_that_nobody_uses_is_found() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let tree = Tree {
            files: vec![
                file("Cargo.toml", "[workspace.dependencies]\n# Why.\none = \"1\"\ntwo = \"2\"\n"),
                file("crates/a/Cargo.toml", "[dependencies]\none.workspace = true\n"),
            ],
        };
        assert_eq!(unused(&tree), ["no crate uses the workspace dependency `two`"]);
    }
}
