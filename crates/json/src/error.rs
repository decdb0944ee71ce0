//! Why bytes are not JSON, and where, in words for a person.

use std::fmt;

/// The first thing that makes a document unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: usize,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The byte at which it is wrong, counted from 0. See [`line_column`].
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)
    }
}

impl std::error::Error for Error {}

/// The ways in which bytes fail to be strict JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// More than [`crate::MAX_LEN`] bytes.
    TooLarge,
    /// A byte order mark in front.
    ByteOrderMark,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// The document ends inside a value.
    UnexpectedEnd,
    /// A value should begin here.
    ExpectedValue,
    /// An object's key, in double quotes, should begin here.
    ExpectedKey,
    /// A colon should follow the key.
    ExpectedColon,
    /// A comma or the end of the array or object should stand here.
    ExpectedCommaOrEnd,
    /// A comma with nothing after it.
    TrailingComma,
    /// More text after the one value.
    TrailingBytes,
    /// A raw control character inside a string.
    ControlCharacter,
    /// A backslash sequence that JSON does not have.
    BadEscape,
    /// Half of a UTF-16 surrogate pair, written as an escape.
    LoneSurrogate,
    /// A number such as `01`, `1.` or `+1`.
    BadNumber,
    /// Arrays and objects nested deeper than the limit.
    TooDeep,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the document is too large",
            Self::ByteOrderMark => "a byte order mark is not allowed",
            Self::InvalidUtf8 => "invalid UTF-8",
            Self::UnexpectedEnd => "the document ends too early",
            Self::ExpectedValue => "expected a value",
            Self::ExpectedKey => "expected a key in double quotes",
            Self::ExpectedColon => "expected a colon after the key",
            Self::ExpectedCommaOrEnd => "expected a comma or a closing bracket",
            Self::TrailingComma => "a comma with nothing after it",
            Self::TrailingBytes => "unexpected text after the document",
            Self::ControlCharacter => "a control character inside a string must be escaped",
            Self::BadEscape => "unknown escape sequence in a string",
            Self::LoneSurrogate => "half of a surrogate pair in a string",
            Self::BadNumber => "malformed number",
            Self::TooDeep => "arrays and objects are nested too deeply",
        })
    }
}

/// Line and column (in characters) of a byte offset, both counted from 1.
///
/// An offset past the end is taken as the end.
pub fn line_column(offset: usize, bytes: &[u8]) -> (usize, usize) {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    let line = before.split(|&b| b == b'\n').count();
    // A character begins at every byte that is not a UTF-8 continuation.
    let characters = before.iter().skip(line_start).filter(|&&b| b & 0xC0 != 0x80).count();
    (line, characters + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let text = "{\n  \"é\": x\n}".as_bytes();
        let x = text.iter().position(|&b| b == b'x').unwrap();
        assert_eq!(line_column(0, text), (1, 1));
        assert_eq!(line_column(x, text), (2, 8));
        assert_eq!(line_column(usize::MAX, text), (3, 2));
        assert_eq!(line_column(0, b""), (1, 1));
    }
}
