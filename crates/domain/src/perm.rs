//! Roles and permissions: the matrix of the product, in one place. A guard names a permission as
//! a type, so that a handler's signature says who may call it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a member or an API key may do in its organisation; later roles hold all that earlier ones do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "snake_case")
)]
pub enum Role {
    /// Sees servers, tools, policies, grant labels and calls.
    Viewer,
    /// Writes policies and attaches them.
    PolicyManager,
    /// Everything: servers and credentials, grants, keys, settings.
    Admin,
}

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::PolicyManager, Self::Admin];

    /// The word in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::PolicyManager => "policy_manager",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("choose viewer, policy_manager or admin")]
pub struct BadRole;

impl FromStr for Role {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Self, BadRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(BadRole)
    }
}

/// A right that a handler asks for by type.
pub trait Permission: Send + Sync + 'static {
    /// Its name in the route table and in messages.
    const NAME: &'static str;
    /// The weakest role that holds it.
    const LEAST: Role;

    /// Whether `role` holds this permission.
    fn held_by(role: Role) -> bool {
        role >= Self::LEAST
    }
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $least:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}
        impl Permission for $name {
            const NAME: &'static str = $text;
            const LEAST: Role = Role::$least;
        }
    )*};
}

permissions! {
    /// See servers, tools, policies, grant labels, calls.
    View = "view", Viewer;
    /// Write policies, attach and detach them.
    WritePolicies = "write_policies", PolicyManager;
    /// See the recorded values of arguments.
    SeeValues = "see_values", PolicyManager;
    /// Register, change, remove servers and their credentials.
    ManageServers = "manage_servers", Admin;
    /// Mint, rotate and revoke grants.
    ManageGrants = "manage_grants", Admin;
    /// Make and remove API keys.
    ManageKeys = "manage_keys", Admin;
    /// Make and remove webhooks.
    ManageWebhooks = "manage_webhooks", Admin;
    /// See who changed what.
    SeeAudit = "see_audit", Admin;
    /// Change the organisation's settings.
    ManageSettings = "manage_settings", Admin;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_of_the_product_holds() {
        let held = |role| {
            [
                View::held_by(role),
                WritePolicies::held_by(role),
                SeeValues::held_by(role),
                ManageServers::held_by(role),
                ManageGrants::held_by(role),
                ManageKeys::held_by(role),
                ManageWebhooks::held_by(role),
                SeeAudit::held_by(role),
                ManageSettings::held_by(role),
            ]
        };
        let (no, yes) = (false, true);
        assert_eq!(held(Role::Viewer), [yes, no, no, no, no, no, no, no, no]);
        assert_eq!(held(Role::PolicyManager), [yes, yes, yes, no, no, no, no, no, no]);
        assert_eq!(held(Role::Admin), [yes; 9]);
    }
}
