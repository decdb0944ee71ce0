//! `drawbridge routes`.

use anyhow::Result;
use control::guard::Right;

use super::say;

/// Prints the route table of the control plane.
pub(super) fn run() -> Result<()> {
    for route in control::routes::table() {
        say(&format!("{:7} {:56} {}", route.method.as_str(), route.path, right(route.right)))?;
    }
    Ok(())
}

fn right(right: Right) -> String {
    match right {
        Right::Anyone => "anyone".to_owned(),
        Right::SignedIn => "signed in".to_owned(),
        Right::Permission { name, least } => format!("{name} ({least} or above)"),
    }
}
