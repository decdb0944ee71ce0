//! What can go wrong with a row: a conflict that a caller can explain to a person, or the database.

/// A rule of the schema that the change would break. The caller turns it into a field error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another account has this address.
    #[error("this e-mail address is taken")]
    EmailTaken,
    /// Another organisation has this slug.
    #[error("this organisation address is taken")]
    OrganisationSlugTaken,
    /// Another server of the organisation has this slug.
    #[error("another server has this slug")]
    ServerSlugTaken,
    /// Another policy of the organisation has this name.
    #[error("another policy has this name")]
    PolicyNameTaken,
    /// Another test of the policy has this name.
    #[error("another test has this name")]
    PolicyTestNameTaken,
    /// Another live grant of the organisation has this label.
    #[error("another grant has this label")]
    GrantLabelTaken,
    /// The policy is attached to a grant.
    #[error("the policy is in use")]
    PolicyInUse,
    /// A binding or policy names a server that is not there.
    #[error("there is no such server")]
    UnknownServer,
    /// A binding names a policy that is not there.
    #[error("there is no such policy")]
    UnknownPolicy,
    /// Somebody else saved a newer version meanwhile.
    #[error("a newer version was saved meanwhile")]
    Stale,
}

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule of the schema.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The database did not do it.
    #[error("the database did not answer as expected")]
    Db(#[source] sqlx::Error),
}

impl Error {
    /// The conflict, if it is one.
    pub const fn conflict(&self) -> Option<Conflict> {
        match self {
            Self::Conflict(conflict) => Some(*conflict),
            Self::Db(_) => None,
        }
    }

    /// Whether the same data would be refused again: a value out of range or against a rule, and
    /// not a database that is away (SQLSTATE classes 22 and 23).
    pub fn is_about_the_data(&self) -> bool {
        let Self::Db(sqlx::Error::Database(error)) = self else {
            return matches!(self, Self::Conflict(_));
        };
        error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let constraint = error.as_database_error().and_then(|e| e.constraint());
        let deletes =
            error.as_database_error().is_some_and(|e| e.message().starts_with("update or delete"));
        match constraint.and_then(|name| conflict_of(name, deletes)) {
            Some(conflict) => Self::Conflict(conflict),
            None => Self::Db(error),
        }
    }
}

/// Constraint names of `migrations/`, in words.
fn conflict_of(constraint: &str, deletes: bool) -> Option<Conflict> {
    Some(match constraint {
        "users_email_folded_key" => Conflict::EmailTaken,
        "organisations_slug_key" => Conflict::OrganisationSlugTaken,
        "servers_slug_key" => Conflict::ServerSlugTaken,
        "policies_name_key" => Conflict::PolicyNameTaken,
        "policy_tests_name_key" => Conflict::PolicyTestNameTaken,
        "grants_label_key" => Conflict::GrantLabelTaken,
        "bindings_policy_fkey" if deletes => Conflict::PolicyInUse,
        "bindings_policy_fkey" => Conflict::UnknownPolicy,
        "bindings_organisation_id_server_id_fkey" | "policies_organisation_id_server_id_fkey" => {
            Conflict::UnknownServer
        }
        _ => return None,
    })
}
