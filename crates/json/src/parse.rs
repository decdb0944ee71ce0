//! The parser: one pass, no recursion, the open containers linked through the tape itself.

use crate::error::{Error, ErrorKind};
use crate::tape::{Entry, Kind, Tape};
use crate::text::plain_prefix;

/// How deeply arrays and objects may nest unless told otherwise.
pub const MAX_DEPTH: u16 = 64;

/// The longest document: spans are 32 bits wide, and counts have 28.
pub const MAX_LEN: usize = (1 << 28) - 1;

/// What a caller allows a document to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open arrays and objects around any value.
    pub max_depth: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_depth: MAX_DEPTH }
    }
}

/// Reads one strict RFC 8259 document, nested at most [`MAX_DEPTH`] deep.
pub fn parse(bytes: &[u8]) -> Result<Tape<'_>, Error> {
    parse_with(bytes, Limits::default())
}

/// Reads one strict RFC 8259 document within limits of the caller's choice.
pub fn parse_with(bytes: &[u8], limits: Limits) -> Result<Tape<'_>, Error> {
    if bytes.len() > MAX_LEN {
        return Err(Error::new(ErrorKind::TooLarge, MAX_LEN));
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(Error::new(ErrorKind::ByteOrderMark, 0));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(Error::new(ErrorKind::InvalidUtf8, error.valid_up_to())),
    };
    let mut parser = Parser {
        bytes,
        at: 0,
        // Real messages have an entry every ten bytes or more; denser ones grow the list.
        entries: Vec::with_capacity(bytes.len() / 8 + 8),
        open: NOTHING_OPEN,
        depth: 0,
        max_depth: limits.max_depth,
    };
    parser.run()?;
    Ok(Tape { text, entries: parser.entries })
}

const NOTHING_OPEN: u32 = u32::MAX;

/// What may stand at the current position.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ItemOrEnd,
    KeyOrEnd,
    Key,
    CommaOrEnd,
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    entries: Vec<Entry>,
    /// The innermost open array or object; its own entry holds the next one out.
    open: u32,
    depth: u16,
    max_depth: u16,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let mut expect = Expect::Value;
        loop {
            self.skip_blanks();
            expect = match expect {
                Expect::ItemOrEnd if self.peek() == Some(b']') => self.close(),
                Expect::Value | Expect::ItemOrEnd => self.value()?,
                Expect::KeyOrEnd if self.peek() == Some(b'}') => self.close(),
                Expect::KeyOrEnd | Expect::Key => self.key()?,
                Expect::CommaOrEnd if self.open == NOTHING_OPEN => return self.finish(),
                Expect::CommaOrEnd => self.comma_or_end()?,
            };
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fail<T>(&self, kind: ErrorKind) -> Result<T, Error> {
        let kind = if self.at >= self.bytes.len() { ErrorKind::UnexpectedEnd } else { kind };
        Err(Error::new(kind, self.at))
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn finish(&self) -> Result<(), Error> {
        if self.at < self.bytes.len() { self.fail(ErrorKind::TrailingBytes) } else { Ok(()) }
    }

    fn value(&mut self) -> Result<Expect, Error> {
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'{') => return self.open(Kind::Object, Expect::KeyOrEnd),
            Some(b'[') => return self.open(Kind::Array, Expect::ItemOrEnd),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word(b"true", Kind::Bool)?,
            Some(b'f') => self.word(b"false", Kind::Bool)?,
            Some(b'n') => self.word(b"null", Kind::Null)?,
            _ => return self.fail(ErrorKind::ExpectedValue),
        }
        self.count_item();
        Ok(Expect::CommaOrEnd)
    }

    fn key(&mut self) -> Result<Expect, Error> {
        if self.peek() != Some(b'"') {
            return self.fail(ErrorKind::ExpectedKey);
        }
        self.string()?;
        self.skip_blanks();
        if self.peek() != Some(b':') {
            return self.fail(ErrorKind::ExpectedColon);
        }
        self.at += 1;
        Ok(Expect::Value)
    }

    fn comma_or_end(&mut self) -> Result<Expect, Error> {
        let in_object = self.open_kind() == Kind::Object;
        match (self.peek(), in_object) {
            (Some(b','), _) => self.comma(in_object),
            (Some(b'}'), true) | (Some(b']'), false) => Ok(self.close()),
            _ => self.fail(ErrorKind::ExpectedCommaOrEnd),
        }
    }

    fn comma(&mut self, in_object: bool) -> Result<Expect, Error> {
        let comma = self.at;
        self.at += 1;
        self.skip_blanks();
        match (self.peek(), in_object) {
            (Some(b'}' | b']'), _) => Err(Error::new(ErrorKind::TrailingComma, comma)),
            (_, true) => Ok(Expect::Key),
            (_, false) => Ok(Expect::Value),
        }
    }

    // === Containers ===

    fn open_kind(&self) -> Kind {
        self.entries.get(self.open as usize).map_or(Kind::Null, |entry| entry.kind())
    }

    fn open(&mut self, kind: Kind, inside: Expect) -> Result<Expect, Error> {
        if self.depth >= self.max_depth {
            return self.fail(ErrorKind::TooDeep);
        }
        self.depth += 1;
        let index = narrow(self.entries.len());
        self.entries.push(Entry::new(kind, narrow(self.at), 0, self.open));
        self.open = index;
        self.at += 1;
        Ok(inside)
    }

    fn close(&mut self) -> Expect {
        self.at += 1;
        let (end, next) = (narrow(self.at), narrow(self.entries.len()));
        if let Some(entry) = self.entries.get_mut(self.open as usize) {
            self.open = entry.next;
            entry.end = end;
            entry.next = next;
        }
        self.depth -= 1;
        self.count_item();
        Expect::CommaOrEnd
    }

    /// Counts a finished value in the container around it.
    fn count_item(&mut self) {
        if let Some(entry) = self.entries.get_mut(self.open as usize) {
            entry.count_one_more();
        }
    }

    fn push(&mut self, kind: Kind, start: usize, escaped: bool) {
        let next = narrow(self.entries.len() + 1);
        let entry = Entry::new(kind, narrow(start), narrow(self.at), next);
        self.entries.push(entry.with_escapes(escaped));
    }

    // === Scalars ===

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<(), Error> {
        let start = self.at;
        for &wanted in word {
            if self.peek() != Some(wanted) {
                return self.fail(ErrorKind::ExpectedValue);
            }
            self.at += 1;
        }
        self.push(kind, start, false);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Error> {
        let start = self.at;
        self.skip_if(b"-");
        if self.skip_if(b"0") {
            if let Some(b'0'..=b'9') = self.peek() {
                return self.fail(ErrorKind::BadNumber);
            }
        } else {
            self.digits()?;
        }
        if self.skip_if(b".") {
            self.digits()?;
        }
        if self.skip_if(b"eE") {
            self.skip_if(b"+-");
            self.digits()?;
        }
        self.push(Kind::Number, start, false);
        Ok(())
    }

    fn skip_if(&mut self, any_of: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| any_of.contains(&byte));
        self.at += usize::from(found);
        found
    }

    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { self.fail(ErrorKind::BadNumber) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<(), Error> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain_prefix(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return self.fail(ErrorKind::ControlCharacter),
            }
        }
        self.at += 1;
        self.push(Kind::String, start, escaped);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Error> {
        let backslash = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(backslash),
            _ => self.fail(ErrorKind::BadEscape),
        }
    }

    fn unicode_escape(&mut self, backslash: usize) -> Result<(), Error> {
        let lone = Err(Error::new(ErrorKind::LoneSurrogate, backslash));
        match self.four_hex_digits()? {
            0xDC00..=0xDFFF => lone,
            0xD800..=0xDBFF => {
                if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                    return lone;
                }
                self.at += 1;
                if matches!(self.four_hex_digits()?, 0xDC00..=0xDFFF) { Ok(()) } else { lone }
            }
            _ => Ok(()),
        }
    }

    /// Reads `uXXXX`; the position is on the `u`.
    fn four_hex_digits(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            self.at += 1;
            match self.peek().and_then(|byte| char::from(byte).to_digit(16)) {
                Some(digit) => code = code << 4 | digit,
                None => return self.fail(ErrorKind::BadEscape),
            }
        }
        self.at += 1;
        Ok(code)
    }
}

/// Offsets and indices are at most [`MAX_LEN`], so nothing is ever cut.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
