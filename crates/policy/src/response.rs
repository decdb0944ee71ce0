//! What a rule says of answers, and what the document says of approvals.

use std::time::Duration;

use regex::Regex;

use crate::document::Members;
use crate::literal::Literal;

/// What is done to the answers of what a rule allows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Response {
    pub(crate) max_bytes: Option<u64>,
    pub(crate) redact: Vec<Redact>,
}

impl Response {
    pub(crate) fn tree(&self) -> Literal {
        let mut out = Members::default();
        if let Some(max) = self.max_bytes {
            out.put("max_bytes", Literal::number(max.to_string()));
        }
        out.list_if("redact", &self.redact, Redact::tree);
        out.into_object()
    }
}

/// One kind of text that is taken out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Redact {
    Known(Sensitive),
    Own(Own),
}

impl Redact {
    fn tree(&self) -> Literal {
        match self {
            Self::Known(kind) => Literal::text(kind.as_str()),
            Self::Own(own) => {
                let mut out = Members::default();
                out.text("regex", own.regex.as_str());
                out.text("with", &own.with);
                out.into_object()
            }
        }
    }
}

/// A pattern of the policy's author, and what stands in the place of what it finds.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) regex: Regex,
    pub(crate) with: String,
}

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.regex.as_str() == other.regex.as_str() && self.with == other.with
    }
}

/// Text that the language knows how to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sensitive {
    Secrets,
    Emails,
    Cards,
    Phones,
}

impl Sensitive {
    pub(crate) const ALL: [Self; 4] = [Self::Secrets, Self::Emails, Self::Cards, Self::Phones];

    /// The word used in documents.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Emails => "emails",
            Self::Cards => "cards",
            Self::Phones => "phones",
        }
    }

    /// What stands in its place.
    pub(crate) const fn mark(self) -> &'static str {
        match self {
            Self::Secrets => "[secret]",
            Self::Emails => "[email]",
            Self::Cards => "[card number]",
            Self::Phones => "[phone number]",
        }
    }
}

// === Approvals ===

/// How people are asked, where a rule asks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approvals {
    /// How long an approval may be given, and used.
    pub expires: Duration,
    /// How long a call waits for it before its client is told to come back.
    pub hold: Duration,
    /// How many different people have to approve: 1 or 2.
    pub approvers: u8,
}

impl Default for Approvals {
    fn default() -> Self {
        Self { expires: Duration::from_hours(1), hold: Duration::from_secs(50), approvers: 1 }
    }
}

impl Approvals {
    pub(crate) fn tree(self) -> Literal {
        let mut out = Members::default();
        out.text("expires", &span(self.expires));
        out.text("hold", &span(self.hold));
        out.put("approvers", Literal::number(self.approvers.to_string()));
        out.into_object()
    }
}

/// The units of a span of time, largest first, in seconds.
pub(crate) const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A span as documents write it, in the largest unit that says it exactly.
pub(crate) fn span(length: Duration) -> String {
    let secs = length.as_secs();
    let fits = |(_, unit): &(char, u64)| secs.is_multiple_of(*unit) && secs >= *unit;
    let (letter, unit) = UNITS.into_iter().find(fits).unwrap_or(('s', 1));
    format!("{}{letter}", secs / unit)
}

/// Reads a span such as `50s` or `1h`.
pub(crate) fn read_span(text: &str) -> Option<Duration> {
    let letter = text.chars().next_back()?;
    let (_, unit) = UNITS.into_iter().find(|(known, _)| *known == letter)?;
    let number = text.strip_suffix(letter)?;
    let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_plain)?;
    Some(Duration::from_secs(number.checked_mul(unit)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_they_are_read() {
        for text in ["0s", "50s", "90s", "5m", "1h", "36h", "2d"] {
            assert_eq!(span(read_span(text).unwrap()), text);
        }
        assert_eq!(span(read_span("3600s").unwrap()), "1h");
        for text in ["", "s", "5", "1w", "-1s", "+1s", "1.5h", "99999999999999999999d", "1 h"] {
            assert!(read_span(text).is_none(), "{text}");
        }
    }
}
