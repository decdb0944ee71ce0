//! `drawbridge config`.

use anyhow::Result;

use super::say;
use crate::config::Config;

/// Prints every setting.
pub(super) fn run(config: &Config) -> Result<()> {
    let width = config.settings.iter().map(|s| s.name.len()).max().unwrap_or_default();
    for setting in &config.settings {
        say(&format!(
            "{:width$}  {}  ({})\n{:width$}  {}",
            setting.name,
            setting.value,
            setting.origin.as_str(),
            "",
            setting.doc,
        ))?;
    }
    Ok(())
}
