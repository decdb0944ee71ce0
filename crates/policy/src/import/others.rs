//! What is not a tool: prompts, resources and what servers ask. Other languages do not judge it.

use serde::{Deserialize, Serialize};

use super::notes::{Note, Weight};
use super::{Dialect, Imported};
use crate::document::{Document, Effect, Section, ServerRequest};

/// What becomes of prompts, resources and server requests that the text says nothing about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Others {
    /// They follow the document's `default`.
    #[default]
    Inherit,
    /// They pass, as they did where only tools were judged.
    Allow,
}

impl Others {
    pub(super) fn settle(self, imported: &mut Imported) {
        let (left_out, pointer) = left_out(&imported.document);
        if left_out.is_empty() || imported.document.default == Effect::Allow {
            return;
        }
        let names = joined(&left_out);
        let note = match self {
            Self::Allow => {
                allow(&mut imported.document);
                Note {
                    weight: Weight::Check,
                    pointer,
                    line: None,
                    what: format!("{names} are allowed."),
                    why: "You chose it. Other gateways do not judge them at all.".to_owned(),
                }
            }
            // Whoever wrote it here knows this language.
            Self::Inherit if imported.dialect == Dialect::Drawbridge => return,
            Self::Inherit => Note {
                weight: Weight::Stricter,
                pointer: "/default".to_owned(),
                line: None,
                what: format!("{names} are denied, as \"default\" says."),
                why: "Other gateways judge calls of tools only. Choose to allow them if agents \
                      use them."
                    .to_owned(),
            },
        };
        imported.report.push(note);
    }
}

/// What a document says nothing about, and where that would stand.
fn left_out(document: &Document) -> (Vec<&'static str>, String) {
    let asks = document.server_requests.len() < ServerRequest::ALL.len();
    let parts = [
        (document.prompts.is_none(), "prompts"),
        (document.resources.is_none(), "resources"),
        (asks, "server_requests"),
    ];
    let names: Vec<_> = parts.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
    let pointer = names.first().map(|name| format!("/{name}")).unwrap_or_default();
    (names, pointer)
}

fn allow(document: &mut Document) {
    let passing = || Section { default: Some(Effect::Allow), ..Section::default() };
    document.prompts.get_or_insert_with(passing);
    document.resources.get_or_insert_with(passing);
    for kind in ServerRequest::ALL {
        document.server_requests.entry(kind).or_insert(Effect::Allow);
    }
}

/// `Prompts, resources and requests of servers`.
fn joined(names: &[&str]) -> String {
    let said = names.iter().map(|name| match *name {
        "server_requests" => "requests of servers",
        name => name,
    });
    let said: Vec<_> = said.collect();
    let text = match &*said {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => said.concat(),
    };
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
