//! However a stream is cut into chunks, the same events come out and no byte is lost.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

/// Everything that comes out of a stream cut into these chunks.
fn decoded<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Bytes) {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(event) = decoder.next_event().unwrap() {
            events.push(event);
        }
    }
    (events, decoder.into_rest())
}

fn data(stream: &[u8]) -> Vec<String> {
    let events = decoded([stream]).0.into_iter().filter_map(|event| event.data);
    events.map(|data| String::from_utf8(data.to_vec()).unwrap()).collect()
}

#[test]
fn all_three_line_ends_end_lines() {
    for end in ["\n", "\r", "\r\n"] {
        let stream =
            ["event: x", "id: 7", "data: a", "data:b", "data", "", "data: c", "", ""].join(end);
        let (events, rest) = decoded([stream.as_bytes()]);
        let event = &events[0];
        assert_eq!(event.event.as_deref(), Some(&b"x"[..]), "{end:?}");
        assert_eq!(event.id.as_deref(), Some(&b"7"[..]));
        assert_eq!(event.data.as_deref(), Some(&b"a\nb\n"[..]));
        assert_eq!(events[1].data.as_deref(), Some(&b"c"[..]));
        assert!(rest.is_empty());
    }
}

#[test]
fn only_one_space_is_taken_and_a_mark_in_front_is_skipped() {
    assert_eq!(data(b"\xEF\xBB\xBFdata:  two \n\n"), [" two "]);
    assert_eq!(data(b"data: a\n\n\xEF\xBB\xBFdata: b\n\n"), ["a"]);
    assert_eq!(data(b"data:\n\n"), [""]);
    assert_eq!(data(b" data: x\n\nDATA: y\n\ndatax: z\n\n"), Vec::<String>::new());
}

#[test]
fn comments_between_events_come_at_once() {
    let (events, rest) = decoded([b": ping\n".as_slice(), b"data: a\n: inside\n"]);
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0].raw[..], &events[0].data), (&b": ping\n"[..], &None));
    assert_eq!(&rest[..], b"data: a\n: inside\n");
}

#[test]
fn a_priming_event_has_an_id_and_is_no_message() {
    let (events, _) = decoded([
        b"id: 0\ndata:\n\nretry: 5\n\nevent: endpoint\ndata: /m\n\ndata: {}\n\n".as_slice(),
    ]);
    let are_messages: Vec<_> = events.iter().map(Event::is_message).collect();
    assert_eq!(are_messages, [false, false, false, true]);
}

#[test]
fn an_edited_event_keeps_its_other_lines() {
    let stream =
        b"id: 1\r\n: note\r\nevent: message\r\ndata: {\"a\":\r\nretry: 3\r\ndata: 1}\r\n\r\n";
    let (events, _) = decoded([stream.as_slice()]);
    let edited = events[0].with_data(b"{}");
    assert_eq!(&edited[..], b"id: 1\r\n: note\r\nevent: message\r\ndata: {}\nretry: 3\r\n\r\n");
    let (again, _) = decoded([&edited[..]]);
    assert_eq!(again[0].data.as_deref(), Some(&b"{}"[..]));
    assert_eq!(data(&events[0].with_data(b"{\n}")), ["{\n}"]);
}

/// What a client gets of a stream, piece by piece.
fn passed_on(stream: &str) -> String {
    let (events, _) = decoded([stream.as_bytes()]);
    let passed: Vec<u8> = events.iter().flat_map(Event::for_client).collect();
    String::from_utf8(passed).unwrap()
}

#[test]
fn what_all_readers_take_alike_is_passed_on_as_it_came() {
    for stream in [
        "id: 1\r\n: note\r\nevent: message\r\ndata: {\"a\":\r\nretry: 3\r\ndata: 1}\r\n\r\n",
        ": ping\n\ndata: {\"a\":\"\u{e9}\u{2026}\u{a0}\"}\n\nid\ndata\n\n",
    ] {
        assert_eq!(passed_on(stream), stream);
    }
}

#[test]
fn nothing_is_passed_on_that_a_reader_could_take_for_another_message() {
    for (stream, passed) in [
        // Readers that end lines at a line feed only take the whole for one line of data.
        ("data: \r{\"hidden\":1}\n\n", "data: \n\n"),
        (": note\rdata: {}\n\n", "data: {}\n\n"),
        ("data: {}\rid: 4\r\r", "data: {}\nid: 4\n\n"),
        // Readers that trim names, or skip a mark at the start, in whichever encoding.
        (" data: {\"hidden\":1}\n\n", "\n"),
        ("Data: {\"hidden\":1}\n\n", "\n"),
        ("\u{ef}\u{bb}\u{bf}data: {\"hidden\":1}\n\n", "\n"),
        ("id: 1\n\u{feff}data: {\"hidden\":1}\n\n", "id: 1\ndata: \n\n"),
        // Readers that end lines wherever Unicode does.
        (": x\u{2028}\u{2028}data: {\"hidden\":1}\n\n", "\n"),
        ("id: 1\u{85}data: {\"hidden\":1}\ndata: {}\n\n", "data: {}\n\n"),
        (
            "data: {\"a\":\"\u{2028}\u{2029}\u{85}\u{2027}\"}\n\n",
            "data: {\"a\":\"\\u2028\\u2029\\u0085\u{2027}\"}\n\n",
        ),
        ("id: 1\0\ndata: {}\n\n", "data: {}\n\n"),
    ] {
        assert_eq!(passed_on(stream), passed, "{stream:?}");
    }
}

#[test]
fn an_event_without_its_data_can_still_be_resumed_from() {
    let (events, _) = decoded([b"event: x\nid: 7\ndata: a\n\ndata: b\n\n".as_slice()]);
    assert_eq!(&events[0].without_data()[..], b"id: 7\n\n");
    assert_eq!(&events[1].without_data()[..], b"");
}

#[test]
fn written_events_are_read_back() {
    let (events, _) = decoded([&encode(Some("message"), Some("9"), b"{\n\"a\":1}")[..]]);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].id.as_deref(), Some(&b"9"[..]));
    assert_eq!(events[0].data.as_deref(), Some(&b"{\n\"a\":1}"[..]));
    assert_eq!(&encode(None, None, b"x")[..], b"data: x\n\n");
    assert_eq!(&comment("ping")[..], b": ping\n\n");
}

#[test]
fn an_endless_event_is_refused_whether_or_not_its_lines_end() {
    for chunk in [&b"xxxxxxxx"[..], b"data: x\n"] {
        let mut decoder = Decoder::with_limit(64);
        let verdict = (0..20).find_map(|_| {
            decoder.push(chunk);
            decoder.next_event().err()
        });
        assert_eq!(verdict, Some(EventTooLarge { limit: 64 }));
    }
}

#[test]
fn a_large_event_in_small_chunks_is_read_once() {
    let big = [b"data: ".as_slice(), &vec![b'x'; 12 << 20], b"\n\n"].concat();
    let start = std::time::Instant::now();
    let (events, _) = decoded(big.chunks(512));
    assert_eq!(events[0].data.as_ref().map(Bytes::len), Some(12 << 20));
    // Searching from the start for each chunk would take minutes.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

proptest! {
    #[test]
    fn chunks_do_not_matter_and_no_byte_is_lost(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "\n", "\r", "\r\n", "data", ": ", ":", "x", "id: 4", "data: {}", "\n\n", "\r\r", "event:e", " ",
        ]), 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream = pieces.concat().into_bytes();
        let (whole, rest) = decoded([&stream[..]]);
        let raw: Vec<u8> = whole.iter().flat_map(|event| event.raw.iter()).copied().collect();
        prop_assert_eq!(&[&raw[..], &rest[..]].concat(), &stream);

        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(stream.len());
        let mut from = 0;
        let chunks: Vec<_> = cuts.into_iter().map(|to| &stream[std::mem::replace(&mut from, to)..to]).collect();
        let (cut, cut_rest) = decoded(chunks);
        let cut_raw: Vec<u8> = cut.iter().flat_map(|event| event.raw.iter()).copied().collect();
        prop_assert_eq!(&[&cut_raw[..], &cut_rest[..]].concat(), &stream);
        let passed: Vec<u8> = whole.iter().flat_map(Event::for_client).collect();
        let said = |events: Vec<Event>| -> Vec<_> {
            let said = events.into_iter().filter(|event| event.data.is_some());
            said.map(|event| (event.event, event.id, event.data)).collect()
        };
        prop_assert_eq!(said(cut), said(whole.clone()));
        prop_assert_eq!(said(decoded([&passed[..]]).0), said(whole));
        // One who ends lines at line feeds only sees the same lines.
        prop_assert!(passed.iter().zip(passed.iter().skip(1)).all(|(a, b)| *a != b'\r' || *b == b'\n'));
    }
}
