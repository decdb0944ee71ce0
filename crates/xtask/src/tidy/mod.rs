//! `cargo xtask tidy`: rules about the tree that no compiler checks. Walls, not taste.

mod crates;
mod map;
mod migrations;
mod sizes;
mod sources;
mod tree;

use anyhow::{Result, bail};

use crate::shell::root;
use tree::Tree;

/// Checks every rule, tells every breach at once, and prints the longest functions and files.
pub(crate) fn tidy() -> Result<()> {
    let tree = Tree::read(&root())?;
    let mut found = crates::check(&tree)?;
    found.extend(sources::check(&tree));
    found.extend(map::check(&tree));
    found.extend(migrations::check(&tree));
    sizes::print(&tree);
    if found.is_empty() {
        return Ok(());
    }
    for breach in &found {
        eprintln!("  tidy: {breach}");
    }
    bail!("{} rule(s) of the tree broken", found.len())
}
