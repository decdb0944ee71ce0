//! What a client says of itself, when it registers or in the document that its id points to.

use serde_json::Value;

use super::redirect::{self, Judged};
use super::{Refused, Word};

/// Most redirect URIs of one client.
const MAX_URIS: usize = 20;
/// Longest name that is shown.
const MAX_NAME_CHARS: usize = 60;

/// The parts that matter here. Everything else a client says is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    /// What it calls itself, fit to be shown; empty if it does not.
    pub(crate) name: String,
    /// Where it can be sent back to.
    pub(crate) redirect_uris: Vec<String>,
}

impl Described {
    /// Reads a client's metadata. Redirect URIs that cannot be used are left out, so that one odd
    /// entry does not fail the others; a dangerous one fails all.
    pub(crate) fn read(document: &Value) -> Result<Self, Refused> {
        let invalid = |text: &'static str| Refused::new(Word::InvalidClientMetadata, text);
        if !document.is_object() {
            return Err(invalid("the description of a client is a JSON object"));
        }
        let lists = |name: &str, wanted: &str| match document.get(name) {
            None | Some(Value::Null) => true,
            Some(listed) => listed.as_array().is_some_and(|l| l.iter().any(|item| item == wanted)),
        };
        if !lists("grant_types", "authorization_code") || !lists("response_types", "code") {
            return Err(invalid("only the authorization code flow is supported here"));
        }
        let name = document.get("client_name").and_then(Value::as_str).unwrap_or_default();
        Ok(Self { name: presentable(name), redirect_uris: uris(document.get("redirect_uris"))? })
    }
}

fn uris(listed: Option<&Value>) -> Result<Vec<String>, Refused> {
    let refused = |text: String| Err(Refused::new(Word::InvalidRedirectUri, text));
    let Some(listed) = listed.and_then(Value::as_array) else {
        return refused("redirect_uris is a list of addresses, and required".to_owned());
    };
    if listed.len() > MAX_URIS {
        return refused(format!("a client has at most {MAX_URIS} redirect_uris"));
    }
    let (mut usable, mut why) = (Vec::new(), String::new());
    for uri in listed {
        let uri = uri.as_str().unwrap_or_default();
        match redirect::judge(uri) {
            Judged::Fine if !usable.iter().any(|known| known == uri) => usable.push(uri.to_owned()),
            Judged::Fine => {}
            Judged::Unusable(reason) => why = format!(": one {reason}"),
            Judged::Dangerous => {
                return refused(
                    "a redirect URI must be https, loopback http or an application's own scheme; \
                     one of these would be run by a browser"
                        .to_owned(),
                );
            }
        }
    }
    if usable.is_empty() {
        return refused(format!("none of the redirect_uris can be used{why}"));
    }
    Ok(usable)
}

/// A name that somebody else chose, fit to stand on a page: one short line without anything
/// invisible or turned round.
pub(crate) fn presentable(name: &str) -> String {
    let visible = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    let spaced = name.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let text: String = spaced.filter(visible).collect();
    let text = text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if text.chars().count() <= MAX_NAME_CHARS {
        return text;
    }
    text.chars().take(MAX_NAME_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn word(document: &Value) -> Option<&'static str> {
        match Described::read(document) {
            Err(Refused::Said(word, _)) => Some(word.as_str()),
            _ => None,
        }
    }

    #[test]
    fn odd_uris_are_left_out_and_dangerous_ones_refuse_the_set() {
        let read = |uris: Value| Described::read(&json!({ "redirect_uris": uris }));
        let cursor = [
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "https://www.cursor.com/agents/mcp/oauth/callback",
            "http://localhost:8787/callback",
        ];
        assert_eq!(read(json!(cursor)).unwrap().redirect_uris, cursor);
        let mixed = json!(["http://x.example/", cursor[0], 7, "nonsense", cursor[0]]);
        assert_eq!(read(mixed).unwrap().redirect_uris, [cursor[0]]);
        for bad in [
            json!(null),
            json!([]),
            json!("x"),
            json!(["http://x.example/"]),
            json!([cursor[0], "javascript:alert(1)"]),
            json!(vec!["https://x.example/"; 21]),
        ] {
            assert_eq!(
                word(&json!({ "redirect_uris": bad })),
                Some("invalid_redirect_uri"),
                "{bad}"
            );
        }
        let implicit = json!({ "redirect_uris": cursor, "response_types": ["token"] });
        assert_eq!(word(&implicit), Some("invalid_client_metadata"));
        assert_eq!(word(&json!([])), Some("invalid_client_metadata"));
    }

    #[test]
    fn a_name_is_one_visible_line() {
        assert_eq!(presentable("  Claude\n\t Code "), "Claude Code");
        assert_eq!(presentable("a\u{202e}b\u{200b}c\0"), "abc");
        assert_eq!(presentable(&"é".repeat(100)).chars().count(), 60);
        assert_eq!(presentable("\u{feff}"), "");
    }
}
