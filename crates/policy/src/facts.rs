//! What a compiled policy must know of the server's tools, as they were pinned at review.

use crate::category::Category;

/// One pinned tool definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolFacts {
    /// The name by which it is called.
    pub name: String,
    /// The category pinned at review (the stricter one while a change waits for review).
    pub category: Category,
    /// The risk level: `low`, `medium`, `high` or `critical`.
    pub risk: String,
    /// Its input schema, as JSON text.
    pub input_schema: Option<String>,
    /// Its annotations, as JSON text: claims of the server, for `tool.annotations.*`.
    pub annotations: Option<String>,
    /// Whether a person has to look at the definition first.
    pub state: ToolState,
}

/// Where a tool's definition stands in review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ToolState {
    /// Reviewed, or of a kind that needs no review.
    Current,
    /// First seen after the server was added and not of a kind that the organisation accepts by
    /// itself: quarantined unless the policy's `tools` name it exactly.
    New,
    /// Changed since it was last reviewed.
    Quarantined,
}
