//! One piece of an event stream, and how an edited or a new one is written.

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

    /// The event with other data. Every other line stays as it was.
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
                _ => out.extend_from_slice(line),
            }
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
        out.extend_from_slice(line);
        out.push(b'\n');
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

fn line_field(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix(super::decoder::BOM).unwrap_or(line);
    line.split(|&byte| matches!(byte, b':' | b'\n' | b'\r')).next()
}
