//! `drawbridge routes`.

use anyhow::Result;

use super::say;

/// Prints the route table of the control plane.
pub(super) fn run() -> Result<()> {
    for route in control::routes::table() {
        say(&format!("{:7} {:56} {}", route.method.as_str(), route.path, route.right))?;
    }
    Ok(())
}
