//! The incremental reader: bytes in, whole pieces out, each byte looked at once.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::Event;

/// The largest event that is accepted unless told otherwise.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// An event grew beyond the limit. The stream cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than {limit} bytes")]
pub struct EventTooLarge {
    /// The limit.
    pub limit: usize,
}

/// Reads an event stream in chunks of any size.
///
/// ```
/// let mut decoder = mcp::sse::Decoder::default();
/// decoder.push(b"id: 1\r\ndata: {\"a\"");
/// assert_eq!(decoder.next_event(), Ok(None));
/// decoder.push(b":1}\r\n\r\n");
/// let event = decoder.next_event()?.expect("a whole event");
/// assert_eq!(event.data.as_deref(), Some(&b"{\"a\":1}"[..]));
/// # Ok::<(), mcp::sse::EventTooLarge>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    buffer: BytesMut,
    /// Where the current line begins.
    line: usize,
    /// How far the current line was searched for its end.
    scanned: usize,
    fields: Fields,
    at_start: bool,
    /// The last line ended with a carriage return, so a line feed still belongs to it.
    after_return: bool,
}

/// What the lines of the current piece said so far.
#[derive(Debug, Default)]
struct Fields {
    any: bool,
    event: Option<Range<usize>>,
    id: Option<Range<usize>>,
    data: Vec<Range<usize>>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_limit(MAX_EVENT_BYTES)
    }
}

impl Decoder {
    /// A reader that accepts events up to `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            buffer: BytesMut::new(),
            line: 0,
            scanned: 0,
            fields: Fields::default(),
            at_start: true,
            after_return: false,
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole piece, if it has arrived. Comments between events come at once, so that a
    /// keep-alive is not held back.
    pub fn next_event(&mut self) -> Result<Option<Event>, EventTooLarge> {
        while let Some(line) = self.next_line() {
            if self.line > self.limit {
                return Err(EventTooLarge { limit: self.limit });
            }
            let is_blank = line.is_empty();
            self.field(line);
            if is_blank || !self.fields.any {
                return Ok(Some(self.take()));
            }
        }
        let is_too_large = self.buffer.len() > self.limit;
        if is_too_large { Err(EventTooLarge { limit: self.limit }) } else { Ok(None) }
    }

    /// What is left when the stream ends: the beginning of an event that never ended. Clients
    /// discard it, but it is part of the stream.
    pub fn into_rest(self) -> Bytes {
        self.buffer.freeze()
    }

    /// The next whole line, without its end.
    fn next_line(&mut self) -> Option<Range<usize>> {
        if self.after_return && self.line < self.buffer.len() {
            self.after_return = false;
            if self.buffer.get(self.line) == Some(&b'\n') {
                self.line += 1;
                self.scanned = self.line;
            }
        }
        let rest = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(found) = rest.iter().position(|&byte| byte == b'\n' || byte == b'\r') else {
            self.scanned = self.buffer.len();
            return None;
        };
        let end = self.scanned + found;
        let line = self.line..end;
        let mut next = end + 1;
        if self.buffer.get(end) == Some(&b'\r') {
            match self.buffer.get(next) {
                Some(b'\n') => next += 1,
                Some(_) => {}
                None => self.after_return = true,
            }
        }
        self.line = next;
        self.scanned = next;
        Some(line)
    }

    fn field(&mut self, line: Range<usize>) {
        let mut start = line.start;
        if std::mem::take(&mut self.at_start)
            && self.buffer.get(line.clone()).is_some_and(|line| line.starts_with(BOM))
        {
            start += BOM.len();
        }
        let text = self.buffer.get(start..line.end).unwrap_or_default();
        let colon = text.iter().position(|&byte| byte == b':');
        // A colon in front makes a comment.
        if text.is_empty() || colon == Some(0) {
            return;
        }
        let name_end = colon.unwrap_or(text.len());
        let mut value = start + name_end + usize::from(colon.is_some())..line.end;
        if self.buffer.get(value.start) == Some(&b' ') && !value.is_empty() {
            value.start += 1;
        }
        self.fields.any = true;
        match text.get(..name_end) {
            Some(b"data") => self.fields.data.push(value),
            Some(b"event") => self.fields.event = Some(value),
            Some(b"id") => self.fields.id = Some(value),
            _ => {}
        }
    }

    /// Cuts the current piece off the buffer.
    fn take(&mut self) -> Event {
        let raw = self.buffer.split_to(self.line).freeze();
        self.line = 0;
        self.scanned = 0;
        let fields = std::mem::take(&mut self.fields);
        let part = |range: Range<usize>| raw.slice(range);
        let data = match fields.data.as_slice() {
            [] => None,
            [line] => Some(part(line.clone())),
            lines => Some(joined(&raw, lines)),
        };
        Event { data, event: fields.event.map(part), id: fields.id.map(part), raw }
    }
}

fn joined(raw: &Bytes, lines: &[Range<usize>]) -> Bytes {
    let lines: Vec<_> = lines.iter().filter_map(|line| raw.get(line.clone())).collect();
    lines.join(&b'\n').into()
}
