//! The classifier on real lists, on the field's typical tools, and on hostile ones.

mod golden;
mod hostile;
mod recommended;
mod typical;

use risk::{Assessment, ToolInput, classify};

/// Classifies a tool of which only the name and the description are known.
fn plain(name: &str, description: &str) -> Assessment {
    classify(&ToolInput { name, description, ..ToolInput::default() })
}
