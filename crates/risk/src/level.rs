//! The level of harm: that of the category, unless something raises it.

use policy::Category;

use crate::assessment::{Level, Signal};
use crate::classify::Definition;

/// The level, and why it is not the category's own.
pub(crate) fn level(
    definition: &Definition<'_>,
    category: Category,
    signals: &[Signal],
) -> (Level, Option<String>) {
    let usual = Level::of(category);
    let has = |signal: Signal| signals.contains(&signal);
    let raised = [
        (
            Level::Medium,
            category == Category::Read && has(Signal::Url),
            "it fetches addresses that the caller chooses",
        ),
        (
            Level::Medium,
            category == Category::Read && has(Signal::Credential),
            "its answers may hold secrets",
        ),
        (
            Level::High,
            category == Category::Write && has(Signal::AdminScope),
            "it changes who may do what",
        ),
        (
            Level::High,
            has(Signal::HiddenUnicode) || has(Signal::ModelInstructions),
            "the definition tries to steer the model",
        ),
        (Level::High, definition.claims.destroys, "the server itself says that it may destroy"),
        (
            Level::Critical,
            category == Category::Execute && has(Signal::FreeFormCode),
            "it runs whatever code or command the caller writes",
        ),
    ];
    let worst = raised.into_iter().filter(|(level, applies, _)| *applies && *level > usual);
    // The first of the worst: `max_by_key` would give the last.
    let worst = worst.rev().max_by_key(|(level, ..)| *level);
    worst.map_or((usual, None), |(level, _, reason)| (level, Some(reason.to_owned())))
}
