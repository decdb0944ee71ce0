//! Edits by which a message of one era becomes one of the other. What is not named here stays
//! byte for byte: a member is copied as it was written, never read and written anew.

use std::borrow::Cow;
use std::ops::Range;

use json::{Member, Node};

/// Edits of one message, for [`json::splice`].
pub(crate) type Edits<'e> = Vec<(Range<usize>, Cow<'e, [u8]>)>;

/// What becomes of a member.
pub(crate) enum Fate {
    Kept,
    LeftOut,
    Replaced(String),
}

impl Fate {
    /// Kept unless this is so.
    pub(crate) fn left_out_if(is_so: bool) -> Self {
        if is_so { Self::LeftOut } else { Self::Kept }
    }

    /// Replaced if there is something in its place.
    pub(crate) fn replaced_by(value: Option<String>) -> Self {
        value.map_or(Self::Kept, Self::Replaced)
    }
}

/// An object with some members left out or replaced, and others added at its end, unless they are
/// empty.
pub(crate) fn object(
    source: &[u8],
    of: Option<Node<'_>>,
    fate: impl Fn(&Member<'_>) -> Fate,
    added: &[(&str, String)],
) -> String {
    let mut members = Vec::new();
    for member in of.into_iter().flat_map(Node::members) {
        let key = text(source, member.key_span());
        match fate(&member) {
            Fate::Kept => members.push(format!("{key}:{}", member.value.raw_str())),
            Fate::LeftOut => {}
            Fate::Replaced(value) => members.push(format!("{key}:{value}")),
        }
    }
    let added = added.iter().filter(|(_, value)| !value.is_empty());
    members.extend(added.map(|(key, value)| format!("\"{key}\":{value}")));
    format!("{{{}}}", members.join(","))
}

fn text(source: &[u8], span: Range<usize>) -> &str {
    let bytes = source.get(span).unwrap_or_default();
    std::str::from_utf8(bytes).unwrap_or("\"\"")
}

/// The edit that gives a request other parameters.
pub(crate) fn params(root: Node<'_>, params: String) -> (Range<usize>, Cow<'static, [u8]>) {
    if let Some(old) = root.get("params") {
        return (old.span(), Cow::Owned(params.into_bytes()));
    }
    let end = root.span().end.saturating_sub(1);
    (end..end, Cow::Owned(format!(r#","params":{params}"#).into_bytes()))
}

/// The edit that gives a message another id; none where it has none.
pub(crate) fn id(root: Node<'_>, id: &str) -> Option<(Range<usize>, Cow<'static, [u8]>)> {
    let old = root.get("id")?;
    Some((old.span(), Cow::Owned(id.as_bytes().to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, added: &[(&str, String)]) -> String {
        let tape = json::parse(text.as_bytes()).unwrap();
        let judge = |member: &Member<'_>| match member.key().as_ref() {
            "drop" => Fate::LeftOut,
            "change" => Fate::Replaced("1".to_owned()),
            _ => Fate::Kept,
        };
        object(text.as_bytes(), Some(tape.root()), judge, added)
    }

    #[test]
    fn members_are_copied_as_they_were_written() {
        assert_eq!(
            edited(r#"{ "a" : 1.50e0 , "drop":2, "\u0062":[ ] }"#, &[]),
            r#"{"a":1.50e0,"\u0062":[ ]}"#
        );
        assert_eq!(edited(r#"{"drop":1}"#, &[("x", "{}".to_owned())]), r#"{"x":{}}"#);
        assert_eq!(edited(r#"{"change":"was"}"#, &[("x", String::new())]), r#"{"change":1}"#);
    }

    #[test]
    fn parameters_are_replaced_or_added() {
        for (before, after) in [
            (r#"{"id":1,"params":{"a":1}}"#, r#"{"id":7,"params":{"b":2}}"#),
            (r#"{"id":1 }"#, r#"{"id":7 ,"params":{"b":2}}"#),
        ] {
            let tape = json::parse(before.as_bytes()).unwrap();
            let edits = [id(tape.root(), "7").unwrap(), params(tape.root(), r#"{"b":2}"#.into())];
            assert_eq!(String::from_utf8(json::splice(before.as_bytes(), &edits)).unwrap(), after);
        }
    }
}
