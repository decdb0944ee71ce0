//! Editing a document by replacing spans, so that everything else stays byte for byte.

use std::borrow::Cow;
use std::ops::Range;

/// `source` with each span replaced by its bytes.
///
/// Spans should not overlap; what any of them covers is gone from the result in every case, so a
/// mistake of the caller removes too much rather than too little.
pub fn splice(source: &[u8], edits: &[(Range<usize>, Cow<'_, [u8]>)]) -> Vec<u8> {
    let mut ordered: Vec<_> = edits.iter().collect();
    ordered.sort_by_key(|(range, _)| range.start);
    let added: usize = edits.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut out = Vec::with_capacity(source.len() + added);
    let mut done = 0;
    for (range, bytes) in ordered {
        out.extend_from_slice(source.get(done..range.start).unwrap_or_default());
        out.extend_from_slice(bytes);
        done = done.max(range.end);
    }
    out.extend_from_slice(source.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(edits: &[(Range<usize>, &'static str)]) -> String {
        let edits: Vec<_> =
            edits.iter().map(|(range, text)| (range.clone(), text.as_bytes().into())).collect();
        String::from_utf8(splice(b"0123456789", &edits)).unwrap()
    }

    #[test]
    fn spans_are_replaced_and_the_rest_is_kept() {
        assert_eq!(edited(&[]), "0123456789");
        assert_eq!(edited(&[(0..2, "ab"), (4..4, "+"), (9..10, "")]), "ab23+45678");
    }

    #[test]
    fn unsorted_or_overlapping_spans_never_bring_back_what_was_removed() {
        assert_eq!(edited(&[(8..9, "b"), (0..2, "a")]), "a234567b9");
        assert_eq!(edited(&[(0..8, "a"), (2..4, "b")]), "ab89");
        assert_eq!(edited(&[(5..99, "")]), "01234");
    }
}
