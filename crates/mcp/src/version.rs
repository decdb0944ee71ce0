//! Revisions of the protocol and the two eras they fall into.

use std::fmt;

/// A revision of the protocol, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolVersion {
    /// `2024-11-05`: HTTP+SSE with two endpoints.
    V2024_11_05,
    /// `2025-03-26`: Streamable HTTP.
    V2025_03_26,
    /// `2025-06-18`: the `MCP-Protocol-Version` header; no more batches.
    V2025_06_18,
    /// `2025-11-25`: the last one with sessions.
    V2025_11_25,
    /// `2026-07-28`: stateless, every request describes itself.
    V2026_07_28,
}

impl ProtocolVersion {
    /// Every revision, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// The newest revision with sessions: what `initialize` offers.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;

    /// The newest revision.
    pub const LATEST: Self = Self::V2026_07_28;

    /// The date by which the revision goes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The revision of that date, if there is one.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// The era it belongs to.
    pub fn era(self) -> Era {
        if self >= Self::V2026_07_28 { Era::Modern } else { Era::Legacy }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The two ways of speaking MCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// Up to 2025-11-25: `initialize`, sessions, GET streams, requests from the server.
    Legacy,
    /// From 2026-07-28: no session, every request carries its version and capabilities.
    Modern,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revision_is_found_by_its_date() {
        for version in ProtocolVersion::ALL {
            assert_eq!(ProtocolVersion::find(version.as_str()), Some(version));
        }
        assert_eq!(ProtocolVersion::find("2026-07-29"), None);
        assert_eq!(ProtocolVersion::LATEST_LEGACY.era(), Era::Legacy);
        assert_eq!(ProtocolVersion::LATEST.era(), Era::Modern);
    }
}
