//! However an event stream is cut, the same events come out of it, no byte of it is lost, and
//! what is passed on is read alike by readers that end lines in different places.

use std::fmt::Write as _;

use bytes::Bytes;
use mcp::sse::{Decoder, Event};

/// For any stream; its first four bytes say where it is cut.
///
/// # Panics
/// If it matters how the stream was cut, or some reader sees something that was not judged.
pub fn stream(bytes: &[u8]) {
    let Some((&cuts, stream)) = bytes.split_first_chunk::<4>() else { return };
    let (whole, rest) = decoded([stream]);
    assert_eq!(joined(&whole, &rest), stream, "no byte is lost");
    let (pieces, pieces_rest) = decoded(cut(stream, cuts));
    assert_eq!(joined(&pieces, &pieces_rest), stream, "no byte is lost");
    assert_eq!(said(&pieces), said(&whole), "cuts do not matter");
    let (single, _) = decoded(stream.chunks(1));
    assert_eq!(said(&single), said(&whole), "cuts do not matter");

    let passed: Vec<u8> = whole.iter().flat_map(Event::for_client).collect();
    let (again, nothing) = decoded([&passed[..]]);
    assert!(nothing.is_empty(), "pieces are whole");
    let judged = messages(&whole);
    assert_eq!(messages(&again), judged, "what was passed on says the same");
    for ends in [LINE_FEED, ALL_OF_THE_FORMAT, ALL_OF_UNICODE] {
        assert_eq!(data_of(&passed, ends), judged, "another reader sees the same messages");
    }
    for event in &whole {
        edits_hold(event);
    }
    bounded(stream, cuts);
}

/// Other data takes the place of the judged one, for every reader; or none does.
fn edits_hold(event: &Event) {
    let bare = event.without_data();
    for ends in [LINE_FEED, ALL_OF_THE_FORMAT, ALL_OF_UNICODE] {
        assert!(data_of(&bare, ends).is_empty(), "nothing is left of the data");
        if event.data.is_some() {
            let edited = event.with_data(b"{\"ours\":\n1}");
            assert_eq!(data_of(&edited, ends), ["{\"ours\":\n1}"]);
        }
    }
    // Of several ids one may be left out, but none is made up.
    let is_its_own = |bytes: &Bytes| {
        let ids = decoded([&bytes[..]]).0.into_iter().filter_map(|event| event.id);
        ids.filter(|id| !id.is_empty()).all(|id| event.raw.windows(id.len()).any(|raw| raw == id))
    };
    assert!(is_its_own(&bare) && is_its_own(&event.with_data(b"{}")));
}

/// A small limit ends the stream and nothing else.
fn bounded(stream: &[u8], cuts: [u8; 4]) {
    const LIMIT: usize = 48;
    let mut decoder = Decoder::with_limit(LIMIT);
    for chunk in cut(stream, cuts) {
        for byte in chunk.chunks(7) {
            decoder.push(byte);
            while let Ok(Some(event)) = decoder.next_event() {
                assert!(event.raw.len() <= LIMIT);
            }
        }
        if decoder.next_event().is_err() {
            return;
        }
    }
}

fn decoded<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Bytes) {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(event) = decoder.next_event().expect("no event is that large") {
            events.push(event);
        }
    }
    (events, decoder.into_rest())
}

fn cut(stream: &[u8], cuts: [u8; 4]) -> Vec<&[u8]> {
    let mut at: Vec<_> = cuts.iter().map(|cut| usize::from(*cut) % (stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect()
}

fn joined(events: &[Event], rest: &Bytes) -> Vec<u8> {
    let raw = events.iter().flat_map(|event| event.raw.iter()).copied();
    raw.chain(rest.iter().copied()).collect()
}

type Said = (Option<Bytes>, Option<Bytes>, Option<Bytes>);

/// What the events say, without regard to comments and blank lines.
fn said(events: &[Event]) -> Vec<Said> {
    let speaking = events.iter().filter(|event| event.data.is_some());
    speaking.map(|event| (event.event.clone(), event.id.clone(), event.data.clone())).collect()
}

/// The data of the events, as it is passed on. Events without any are no messages.
fn messages(events: &[Event]) -> Vec<String> {
    let data = events.iter().filter_map(|event| event.data.as_deref());
    data.filter(|data| !data.is_empty()).map(escaped).collect()
}

// === Other readers ===

const LINE_FEED: &[char] = &['\n'];
const ALL_OF_THE_FORMAT: &[char] = &['\n', '\r'];
const ALL_OF_UNICODE: &[char] =
    &['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// The messages that a reader finds who ends lines at these characters, trims what stands before
/// the name of a field, and minds no capitals.
fn data_of(stream: &[u8], ends: &[char]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream).replace("\r\n", "\n");
    let (mut messages, mut lines) = (Vec::new(), Vec::<String>::new());
    for line in text.split(ends) {
        if line.is_empty() {
            if !lines.is_empty() {
                messages.push(std::mem::take(&mut lines).join("\n"));
            }
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let name = name.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if name.trim_end().eq_ignore_ascii_case("data") {
            lines.push(value.strip_prefix(' ').unwrap_or(value).to_owned());
        }
    }
    messages.retain(|message| !message.is_empty());
    messages
}

/// Data as it is passed on: as text, with what some readers take for a line break as an escape.
fn escaped(data: &[u8]) -> String {
    let text = String::from_utf8_lossy(data);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let is_odd = c == '\0' || (ALL_OF_UNICODE.contains(&c) && c != '\n');
        if is_odd {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
