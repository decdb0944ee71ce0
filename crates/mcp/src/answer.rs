//! Our own JSON-RPC answers, with the caller's id echoed as it was written.

use json::escape_into;

use crate::version::Era;

/// An error. `id_raw` and `data` are JSON; without a readable id the member is left out.
pub fn error(id_raw: Option<&str>, code: i32, message: &str, data: Option<&str>) -> Vec<u8> {
    let mut out = opening(id_raw);
    out.extend_from_slice(format!(r#","error":{{"code":{code},"message":"#).as_bytes());
    escape_into(&mut out, message);
    if let Some(data) = data {
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data.as_bytes());
    }
    out.extend_from_slice(b"}}");
    out
}

/// A result. `id_raw` is JSON, and `members` are the members of the result object as JSON,
/// without its braces: `"tools":[]`.
pub fn result(id_raw: &str, era: Era, members: &str) -> Vec<u8> {
    let mut out = opening(Some(id_raw));
    out.extend_from_slice(b",\"result\":{");
    out.extend_from_slice(members.as_bytes());
    if era == Era::Modern {
        let comma = if members.is_empty() { "" } else { "," };
        out.extend_from_slice(format!(r#"{comma}"resultType":"complete""#).as_bytes());
    }
    out.extend_from_slice(b"}}");
    out
}

/// A tool's failure, in words that a model can act on. `meta` is the JSON of `_meta`.
pub fn tool_error(id_raw: &str, era: Era, text: &str, meta: Option<&str>) -> Vec<u8> {
    let text = json::quoted(text);
    let meta = meta.map(|meta| format!(r#","_meta":{meta}"#)).unwrap_or_default();
    let members = format!(r#""content":[{{"type":"text","text":{text}}}],"isError":true{meta}"#);
    result(id_raw, era, &members)
}

fn opening(id_raw: Option<&str>) -> Vec<u8> {
    let mut out = br#"{"jsonrpc":"2.0""#.to_vec();
    if let Some(id) = id_raw {
        out.extend_from_slice(b",\"id\":");
        out.extend_from_slice(id.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        json::parse(&bytes).expect("answers are JSON");
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn errors_echo_the_id_as_written_or_leave_it_out() {
        assert_eq!(
            text(error(Some("\"\\u0061\""), -32602, "Unknown tool: \"x\"", Some("{\"a\":1}"))),
            r#"{"jsonrpc":"2.0","id":"\u0061","error":{"code":-32602,"message":"Unknown tool: \"x\"","data":{"a":1}}}"#
        );
        assert_eq!(
            text(error(None, -32700, "no", None)),
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"no"}}"#
        );
    }

    #[test]
    fn tool_errors_are_results_and_modern_ones_are_complete() {
        assert_eq!(
            text(tool_error("7", Era::Legacy, "[POLICY DENIED] no", Some("{\"k\":2}"))),
            r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"[POLICY DENIED] no"}],"isError":true,"_meta":{"k":2}}}"#
        );
        assert!(
            text(tool_error("7", Era::Modern, "no", None))
                .ends_with(r#""isError":true,"resultType":"complete"}}"#)
        );
        assert_eq!(
            text(result("1", Era::Modern, "")),
            r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}"#
        );
    }
}
