//! The recorded values of a call's arguments: opened for who may see them, what looks like a
//! secret masked.

use domain::perm::SeeValues;
use domain::{CallRecord, SealedArguments};

use crate::guard::Can;

/// What can be shown of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// They are not recorded, or there are none.
    NotRecorded,
    /// They were too long to be recorded.
    TooLong,
    /// They are recorded, but not for this role.
    NotForRole,
    /// They are recorded, and do not open with the keys in force.
    Unreadable,
    /// The JSON object.
    Shown(String),
}

impl Values {
    /// Of a call, for whoever asks.
    pub(crate) fn of<P>(caller: &Can<P>, call: &CallRecord) -> Self {
        match &call.arguments {
            None => Self::NotRecorded,
            Some(_) if !caller.may::<SeeValues>() => Self::NotForRole,
            Some(sealed) => Self::opened(caller, call, sealed),
        }
    }

    fn opened<P>(caller: &Can<P>, call: &CallRecord, sealed: &SealedArguments) -> Self {
        match sealed.open(caller.app().arguments(), call.organisation(), call.id) {
            Ok(None) => Self::TooLong,
            Ok(Some(plain)) => masked(&plain).map_or(Self::Unreadable, Self::Shown),
            Err(cause) => {
                tracing::warn!(call = %call.id, %cause, "recorded arguments are not shown");
                Self::Unreadable
            }
        }
    }

    /// The word in the API.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::NotRecorded => "not_recorded",
            Self::TooLong => "too_long",
            Self::NotForRole => "not_for_role",
            Self::Unreadable => "unreadable",
            Self::Shown(_) => "shown",
        }
    }
}

fn masked(plain: &[u8]) -> Option<String> {
    let tape = json::parse(plain).ok()?;
    String::from_utf8(json::splice(plain, &policy::secrets_in(tape.root()))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_masked_and_all_else_stays_as_it_was_sent() {
        let plain = br#"{"amount": 1.50, "password":"hunter2!","note":"key ghp_abcdefghijklmnopqrstuvwxyz0123456789"}"#;
        let shown = masked(plain).unwrap();
        assert!(shown.starts_with(r#"{"amount": 1.50, "password":"#), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("ghp_"), "{shown}");
        assert_eq!(masked(b"{"), None);
    }
}
