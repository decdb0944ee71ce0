//! Spellings of a URI that some server reads as another URI (RFC 3986 section 6, and the URL
//! standard's special schemes). A rule on `file:///secret/*` must not be passed by
//! `FILE:///%73ecret/a`, so where globs decide, such a spelling is not judged but refused.

use crate::glob::has_dot_segment;

/// Schemes whose authority every reader takes apart, and folds.
const SPECIAL: [&str; 6] = ["file", "ftp", "http", "https", "ws", "wss"];

/// Whether a server could read this URI as one that is spelled otherwise.
pub(crate) fn is_ambiguous(uri: &str) -> bool {
    // A URI is ASCII (RFC 3986 section 2); what else there is stands encoded.
    let has_stray = |c: char| !matches!(c, '!'..='~') || matches!(c, '\\' | '#');
    if uri.contains(has_stray) || has_dot_segment(uri) || has_needless_encoding(uri) {
        return true;
    }
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    if scheme.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return true;
    }
    SPECIAL.contains(&scheme) && is_ambiguous_place(scheme, rest)
}

/// Behind a special scheme: a host in lower case without user or default port; for files, none.
fn is_ambiguous_place(scheme: &str, rest: &str) -> bool {
    let Some(place) = rest.strip_prefix("//") else { return true };
    let (authority, path) = place.find('/').map_or((place, ""), |at| place.split_at(at));
    if scheme == "file" {
        return !authority.is_empty() || path.starts_with("//") || path.contains('?');
    }
    let default_port = match scheme {
        "http" | "ws" => ":80",
        "https" | "wss" => ":443",
        _ => ":21",
    };
    let is_plain = |c: char| !c.is_ascii_uppercase() && c.is_ascii() && !matches!(c, '@' | '%');
    !authority.chars().all(is_plain)
        || authority.ends_with(default_port)
        || authority.ends_with([':', '.'])
}

/// Whether something is percent-encoded that needs no encoding, or whose decoding cuts the path
/// elsewhere; or a `%` that begins no encoding.
fn has_needless_encoding(uri: &str) -> bool {
    // Nothing in the path of a file means anything else when it is encoded.
    let is_file = uri.starts_with("file:");
    let mut rest = uri;
    while let Some((_, after)) = rest.split_once('%') {
        // The normal form of an encoding has capitals.
        let digits = after.get(..2).filter(|text| text.bytes().all(is_digit));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let is_needed = |byte: u8| {
            let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let delimits = |byte: u8| b"!$&'()*+,;=:@".contains(&byte);
            let is_plain = unreserved || (is_file && delimits(byte));
            !is_plain && !byte.is_ascii_control() && !b"/\\%".contains(&byte)
        };
        if !byte.is_some_and(is_needed) {
            return true;
        }
        rest = after;
    }
    false
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_reader_takes_for_another_uri_is_told() {
        for uri in [
            "FILE:///secret/a",
            "file:///%73ecret/a",
            "file://localhost/secret/a",
            "file:////secret/a",
            "file:/secret/a",
            "file:secret",
            "file:///secret%2fa",
            "file:///secret%5Ca",
            "file:///sec\tret/a",
            "file:///secret\\a",
            " file:///secret/a",
            "file:///secret/a#x",
            "file:///secret/a?x",
            "file:///public/../secret/a",
            "file:///secret/%zz",
            "file:///secret/%",
            "file:///caf%c3%a9",
            "file:///café",
            "file:///home/team%40corp/x",
            "file:///%28secret%29/x",
            "file:///secret/%252e",
            "file:///secret/a%00",
            "https://Example.com/a",
            "https://user@example.com/a",
            "https://example.com:443/a",
            "https://example.com./a",
            "https:/example.com/a",
            "https://ex%61mple.com/a",
        ] {
            assert!(is_ambiguous(uri), "{uri}");
        }
        for uri in [
            "file:///secret/a",
            "file:///with%20blank/%C3%A4",
            "https://example.com/a?b=c%26d",
            "https://example.com:8443/a//b",
            "test://static-text",
            "note://MyNote/One",
            "demo://resource/static/document/README.md",
            "urn:isbn:0451450523",
            "plain",
            "test://template/{id}/data",
            "file:///{path}",
        ] {
            assert!(!is_ambiguous(uri), "{uri}");
        }
    }
}
