//! Traces: each call joined to the one that its client names (W3C Trace Context), and the server
//! told of ours. Off unless somebody takes the spans; a call then pays nothing for them.

use domain::CallRecord;
use http::{HeaderMap, HeaderName, HeaderValue};
use json::Node;
use mcp::message::Message;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Takes the spans of calls. Never blocks: what cannot be taken is dropped.
pub trait Traces: Send + Sync + 'static {
    /// Whether a call is traced that belongs to no trace of its client's.
    fn begins(&self) -> bool;

    /// A call is over. Its record has the times; the second span is that of the server's part.
    fn call(&self, trace: &Trace, record: &CallRecord);
}

/// The place of one call in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Of the whole, the client's if it has one.
    pub trace_id: [u8; 16],
    /// The client's span.
    pub parent: Option<[u8; 8]>,
    /// Ours.
    pub span: [u8; 8],
    /// That of the request to the server.
    pub upstream: [u8; 8],
}

impl Trace {
    /// Of a request, whose `_meta` counts before its headers. None where the client's trace is
    /// not recorded: then it passes through as it is.
    pub(crate) fn of(
        traces: &dyn Traces,
        message: &Message<'_>,
        headers: &HeaderMap,
    ) -> Option<Self> {
        let meta = message.meta().and_then(|meta| meta.get("traceparent").and_then(Node::as_str));
        let header = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
        let given = meta.as_deref().or(header).and_then(Parent::parse);
        let (trace_id, parent) = match given {
            Some(Parent { is_recorded: false, .. }) => return None,
            Some(given) => (given.trace_id, Some(given.span)),
            None if traces.begins() => (rand::random(), None),
            None => return None,
        };
        Some(Self { trace_id, parent, span: rand::random(), upstream: rand::random() })
    }

    /// The request's headers as the server gets to see them.
    pub(crate) fn marked(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        let text = format!("00-{}-{}-01", hex(&self.trace_id), hex(&self.upstream));
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(TRACEPARENT, value);
        }
        headers
    }
}

/// Bytes as traces write them.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A `traceparent`.
#[derive(Debug, PartialEq, Eq)]
struct Parent {
    trace_id: [u8; 16],
    span: [u8; 8],
    is_recorded: bool,
}

impl Parent {
    /// Reads one; whatever is not exactly one counts as none.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version: [u8; 1] = bytes(parts.next()?)?;
        let trace_id = bytes(parts.next()?)?;
        let span = bytes(parts.next()?)?;
        let [flags] = bytes(parts.next()?)?;
        let has_more = parts.next().is_some();
        let is_known = version != [255] && !(version == [0] && has_more);
        (is_known && trace_id != [0; 16] && span != [0; 8]).then_some(Self {
            trace_id,
            span,
            is_recorded: flags & 1 == 1,
        })
    }
}

/// The bytes of so many lower-case digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_plain = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(is_plain) {
        return None;
    }
    let value = |digit: u8| if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        if let [high, low] = pair {
            *byte = value(*high) << 4 | value(*low);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_read_strictly() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let parent = Parent::parse(good).unwrap();
        assert_eq!(hex(&parent.trace_id), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((hex(&parent.span).as_str(), parent.is_recorded), ("b7ad6b7169203331", true));
        assert!(!Parent::parse(&good.replace("-01", "-00")).unwrap().is_recorded);
        assert!(Parent::parse(&good.replace("00-0", "cc-0").replace("-01", "-01-later")).is_some());
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c8031é-b7ad6b7169203331-01",
        ] {
            assert_eq!(Parent::parse(bad), None, "{bad}");
        }
    }
}
