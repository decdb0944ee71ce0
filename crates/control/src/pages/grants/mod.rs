//! Grants: what agents hold.

mod bind;
mod create;
mod disconnect;
mod list;
mod live;
mod revoke;
mod rotate;
mod show;

pub(crate) use bind::bind;
pub(crate) use create::{create, new};
pub(crate) use disconnect::disconnect;
pub(crate) use list::list;
pub(crate) use live::live;
pub(crate) use revoke::revoke;
pub(crate) use rotate::rotate;
pub(crate) use show::show;

#[cfg(test)]
pub(super) use create::{GrantMade, NewGrant};
#[cfg(test)]
pub(super) use list::GrantList;
#[cfg(test)]
pub(super) use live::Arrived;
#[cfg(test)]
pub(super) use show::GrantPage;

use chrono::{DateTime, Utc};
use store::grants::Grant;

use crate::acts::snippets;

/// The state of a grant, with its tone.
fn state(grant: &Grant, now: DateTime<Utc>) -> (&'static str, &'static str) {
    match grant {
        Grant { revoked_at: Some(_), .. } => ("Revoked", "slate"),
        Grant { expires_at: Some(at), .. } if *at <= now => ("Expired", "amber"),
        Grant { .. } => ("Active", "green"),
    }
}

/// What to paste into one client.
struct Snippet {
    id: &'static str,
    name: &'static str,
    hint: &'static str,
    text: String,
}

impl From<snippets::Snippet> for Snippet {
    fn from(snippet: snippets::Snippet) -> Self {
        let snippets::Snippet { client, title, place, text, .. } = snippet;
        Self { id: client, name: title, hint: place, text }
    }
}
