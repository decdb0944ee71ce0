//! Arguments that a tool's schema wants mirrored in headers (`x-mcp-header`, 2026-07-28): which
//! they are, and whether `Mcp-Param-*` says what the arguments say.

use http::{HeaderMap, HeaderName};
use json::{Kind, Node};

use crate::era::{decoded, mirrored, mismatch, plain};
use crate::message::{Malformed, MalformedKind, Message};

/// The keyword of the schema.
pub const KEYWORD: &str = "x-mcp-header";

/// How deep mirrored properties may lie, and how many of them are read.
const MAX_DEPTH: usize = 16;
const MAX_MIRRORS: usize = 64;

/// One argument that a header mirrors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    header: HeaderName,
    path: Vec<String>,
}

/// What a tool's input schema wants mirrored, along its `properties`. What is no name of a header
/// is passed over, as clients pass over such tools.
pub fn of_schema(schema: Node<'_>) -> Vec<Mirror> {
    let mut found = Vec::new();
    collect(schema, &mut Vec::new(), &mut found);
    found
}

fn collect(schema: Node<'_>, path: &mut Vec<String>, found: &mut Vec<Mirror>) {
    let properties = schema.get("properties").filter(|node| node.is_object());
    for property in properties.into_iter().flat_map(Node::members) {
        if path.len() >= MAX_DEPTH || found.len() >= MAX_MIRRORS {
            return;
        }
        path.push(property.key().into_owned());
        let name = property.value.get(KEYWORD).and_then(Node::as_str);
        let name = name.map(|name| format!("mcp-param-{}", name.to_ascii_lowercase()));
        if let Some(header) = name.and_then(|name| HeaderName::try_from(name).ok()) {
            found.push(Mirror { header, path: path.clone() });
        }
        collect(property.value, path, found);
        path.pop();
    }
}

/// Refuses a call whose headers do not say what its arguments say.
pub fn check(
    mirrors: &[Mirror],
    message: &Message<'_>,
    headers: &HeaderMap,
) -> Result<(), Malformed> {
    let arguments = message.arguments();
    for Mirror { header, path } in mirrors {
        let argument = path.iter().try_fold(arguments, |node, key| Some(node?.get(key)));
        let argument = argument.flatten().filter(|node| !node.is_null());
        check_one(header, argument, headers)
            .map_err(|kind| Malformed::new(kind, message.id_raw()))?;
    }
    Ok(())
}

/// The headers of a call with these arguments. What is not there, or cannot be mirrored, has none.
pub fn headers(mirrors: &[Mirror], arguments: Option<Node<'_>>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for Mirror { header, path } in mirrors {
        let argument = path.iter().try_fold(arguments, |node, key| Some(node?.get(key)));
        let Some(argument) = argument.flatten() else { continue };
        let text = match argument.kind() {
            Kind::String => argument.as_str().map(Into::into),
            Kind::Bool => Some(argument.raw_str().to_owned()),
            Kind::Number => integer(argument.raw_str()).map(|value| value.to_string()),
            _ => None,
        };
        if let Some(text) = text {
            headers.insert(header.clone(), mirrored(&text));
        }
    }
    headers
}

fn check_one(
    name: &HeaderName,
    argument: Option<Node<'_>>,
    headers: &HeaderMap,
) -> Result<(), MalformedKind> {
    let header = plain(headers, name)?;
    let says = |header: &str, argument: Node<'_>| match argument.kind() {
        Kind::String => decoded(header).is_some_and(|text| argument.is_str(&text)),
        Kind::Number => argument.as_number().is_some_and(|number| is_same_integer(header, number)),
        Kind::Bool => argument.as_bool().is_some_and(|value| header == value.to_string()),
        // Only these three are mirrored; another value has no header that could match.
        _ => false,
    };
    match (header, argument) {
        (None, None) => Ok(()),
        (Some(header), Some(argument)) if says(header, argument) => Ok(()),
        (None, Some(argument)) if !is_mirrored(argument) => Ok(()),
        (header, _) => Err(mismatch(name, header.is_some())),
    }
}

fn is_mirrored(argument: Node<'_>) -> bool {
    let is_integer = |text| integer(text).is_some();
    matches!(argument.kind(), Kind::String | Kind::Bool)
        || argument.as_number().is_some_and(is_integer)
}

fn is_same_integer(header: &str, argument: &str) -> bool {
    integer(header).is_some_and(|value| integer(argument) == Some(value))
}

/// A number without a fraction, however it is written: `42`, `42.0`, `4.2e1`.
fn integer(text: &str) -> Option<i128> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= 36)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let shift = exponent - i32::try_from(fraction.len()).ok()?;
    let mut value: i128 = digits.parse().ok()?;
    for _ in 0..shift.unsigned_abs().min(64) {
        value = if shift > 0 {
            value.checked_mul(10)?
        } else {
            (value % 10 == 0).then_some(value / 10)?
        };
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "n":{"type":"integer","x-mcp-header":"N"},
        "bad":{"type":"string","x-mcp-header":"not a token"},
        "deep":{"type":"object","properties":{"on":{"type":"boolean","x-mcp-header":"On"}}},
        "plain":{"type":"string"}}}"#;

    fn checked(arguments: &str, headers: &[(&'static str, &str)]) -> bool {
        let tape = json::parse(SCHEMA.as_bytes()).unwrap();
        let mirrors = of_schema(tape.root());
        assert_eq!(mirrors.len(), 3);
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","arguments":{arguments}}}}}"#
        );
        let message = crate::message::parse(body.as_bytes()).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        check(&mirrors, &message, &map).is_ok()
    }

    #[test]
    fn headers_say_what_the_arguments_say_or_the_call_is_refused() {
        let region = ("mcp-param-region", "eu");
        assert!(checked(r#"{"region":"eu","plain":"x"}"#, &[region]));
        assert!(checked(r#"{"region":"eu"}"#, &[("mcp-param-region", "=?base64?ZXU=?=")]));
        assert!(!checked(r#"{"region":"eu"}"#, &[]), "missing");
        assert!(!checked(r#"{"region":"EU"}"#, &[region]), "values are case-sensitive");
        assert!(!checked(r#"{"region":"eu"}"#, &[region, region]), "given twice");
        assert!(!checked("{}", &[region]), "nothing to mirror");
        assert!(checked(r#"{"region":null}"#, &[]));
        assert!(!checked(r#"{"region":null}"#, &[region]));
        assert!(!checked(r#"{"region":["eu"]}"#, &[region]));
        assert!(checked("{}", &[("mcp-param-unknown", "x")]), "others pass");
    }

    #[test]
    fn integers_are_compared_as_numbers_and_booleans_as_words() {
        for (argument, header) in [("42", "42.0"), ("42.0", "42"), ("4.2e1", "42"), ("-7", "-7")] {
            assert!(checked(&format!(r#"{{"n":{argument}}}"#), &[("mcp-param-n", header)]));
        }
        for header in ["43", "42.5", "x", "", "1e400"] {
            assert!(!checked(r#"{"n":42}"#, &[("mcp-param-n", header)]), "{header}");
        }
        assert!(checked(r#"{"deep":{"on":true}}"#, &[("mcp-param-on", "true")]));
        assert!(!checked(r#"{"deep":{"on":true}}"#, &[("mcp-param-on", "TRUE")]));
        assert!(!checked(r#"{"deep":{"on":true}}"#, &[]));
    }
}
