//! One piece of an event stream, and how an edited or a new one is written.
//!
//! Readers of streams disagree: some end lines only at a line feed, some also at U+2028 and its
//! like, some trim or skip what stands before a field's name. What one of them could read
//! differently from the decoder is therefore never passed on as it came.

use bytes::Bytes;

/// A piece of the stream: an event, or the comments and blank lines between events. The raw bytes
/// of all pieces, joined, are the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The bytes exactly as they came.
    pub raw: Bytes,
    /// The value of the last `event:` line.
    pub event: Option<Bytes>,
    /// The value of the last `id:` line.
    pub id: Option<Bytes>,
    /// The values of the `data:` lines joined by line feeds. `None`: not a message.
    pub data: Option<Bytes>,
}

impl Event {
    /// Whether clients read this as a JSON-RPC message: it has data and the default type.
    pub fn is_message(&self) -> bool {
        self.data.as_ref().is_some_and(|data| !data.is_empty())
            && self.event.as_deref().is_none_or(|event| event.is_empty() || event == b"message")
    }

    /// The piece for a client: as it came, or, where clients could read something else in it than
    /// the decoder did, with only what the decoder read. Empty if that is nothing.
    pub fn for_client(&self) -> Bytes {
        let is_plain = lines(&self.raw).all(is_plain);
        if is_plain {
            self.raw.clone()
        } else {
            self.with_data(self.data.as_deref().unwrap_or_default())
        }
    }

    /// The event with other data. Every other line that all readers take alike stays as it was.
    pub fn with_data(&self, data: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(data.len() + 64);
        let mut is_written = false;
        for line in lines(&self.raw) {
            match line_field(line) {
                Some(b"data") if is_written => {}
                Some(b"data") => {
                    push_data(&mut out, data);
                    is_written = true;
                }
                _ if !is_plain(line) => push_known(&mut out, line),
                _ => out.extend_from_slice(line),
            }
        }
        out.into()
    }

    /// The event without its data: what a client needs to resume after it.
    pub fn without_data(&self) -> Bytes {
        self.stripped(b"")
    }

    /// The event with this data and what a client needs to come back: no names, no comments.
    pub fn stripped(&self, data: &[u8]) -> Bytes {
        let kept = |line: &&[u8]| matches!(line_field(line), Some(b"id" | b"retry"));
        let mut out = Vec::with_capacity(data.len() + 64);
        lines(&self.raw).filter(kept).for_each(|line| push_known(&mut out, line));
        if !data.is_empty() {
            push_data(&mut out, data);
        }
        if !out.is_empty() {
            out.push(b'\n');
        }
        out.into()
    }
}

/// An event of our own. Texts must not hold line breaks but for the data.
pub fn encode(event: Option<&str>, id: Option<&str>, data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(data.len() + 64);
    for (field, value) in [("event", event), ("id", id)] {
        if let Some(value) = value {
            out.extend_from_slice(format!("{field}: {value}\n").as_bytes());
        }
    }
    push_data(&mut out, data);
    out.push(b'\n');
    out.into()
}

/// A comment of our own, for keeping a connection alive.
pub fn comment(text: &str) -> Bytes {
    format!(": {text}\n\n").into()
}

fn push_data(out: &mut Vec<u8>, data: &[u8]) {
    // In JSON a raw line break is a blank, so it may become a line break of another kind.
    for line in data.split(|&byte| byte == b'\n' || byte == b'\r') {
        out.extend_from_slice(b"data: ");
        push_escaped(out, line);
        out.push(b'\n');
    }
}

/// Appends JSON, its odd line breaks as escapes: unescaped they can stand only inside strings.
fn push_escaped(out: &mut Vec<u8>, mut json: &[u8]) {
    while let Some((at, code, length)) = odd_break(json) {
        let (before, rest) = json.split_at_checked(at).unwrap_or((json, b""));
        out.extend_from_slice(before);
        out.extend_from_slice(format!("\\u{code:04x}").as_bytes());
        json = rest.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(json);
}

/// Appends a line that not all readers take alike, with a line feed, if it is known what it says.
fn push_known(out: &mut Vec<u8>, line: &[u8]) {
    let text = line.split(|&byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let is_known = matches!(line_field(line), Some(b"" | b"event" | b"id" | b"retry"));
    if is_known
        && !text.starts_with(b":")
        && !text.starts_with(super::decoder::BOM)
        && !has_odd_break(text)
    {
        out.extend_from_slice(text);
        out.push(b'\n');
    }
}

// === How readers differ ===

/// Whether every reader sees this line as one, and as a field that is known, or as none.
fn is_plain(line: &[u8]) -> bool {
    let ends_plainly = line.ends_with(b"\n");
    let is_known = matches!(line_field(line), Some(b"" | b"data" | b"event" | b"id" | b"retry"));
    ends_plainly && is_known && !line.starts_with(super::decoder::BOM) && !has_odd_break(line)
}

fn has_odd_break(bytes: &[u8]) -> bool {
    odd_break(bytes).is_some()
}

/// The first character that is no line break of the format but that some reader takes for one:
/// where, which, and how many bytes long. And NUL, at which some stop.
fn odd_break(bytes: &[u8]) -> Option<(usize, u16, usize)> {
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let found = rest
            .iter()
            .position(|&byte| matches!(byte, 0 | 0x0B | 0x0C | 0x1C..=0x1E | 0xC2 | 0xE2))?;
        let at = from + found;
        match bytes.get(at..)? {
            [0xC2, 0x85, ..] => return Some((at, 0x85, 2)),
            [0xE2, 0x80, 0xA8, ..] => return Some((at, 0x2028, 3)),
            [0xE2, 0x80, 0xA9, ..] => return Some((at, 0x2029, 3)),
            [0xC2 | 0xE2, ..] => from = at + 1,
            [control, ..] => return Some((at, u16::from(*control), 1)),
            [] => return None,
        }
    }
}

/// The lines of a piece, each with its own line break.
fn lines(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        let end = rest.iter().position(|&byte| byte == b'\n' || byte == b'\r')?;
        let is_pair = rest.get(end..end + 2) == Some(b"\r\n");
        let (line, after) = rest.split_at_checked(end + 1 + usize::from(is_pair))?;
        rest = after;
        Some(line)
    })
}

/// The name of a line's field: empty for a comment and for a blank line.
fn line_field(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix(super::decoder::BOM).unwrap_or(line);
    line.split(|&byte| matches!(byte, b':' | b'\n' | b'\r')).next()
}
