//! Who the credential is.

use domain::perm::View;
use domain::{OrganisationId, Role, Slug, UserId};
use serde::Serialize;
use store::Actor;
use store::auth::{Membership, User};

use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// A person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct UserView {
    #[schema(value_type = String, example = "usr_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: UserId,
    email: String,
    name: String,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self { id: user.id, email: user.email, name: user.name }
    }
}

/// An organisation, in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OrganisationBrief {
    #[schema(value_type = String, example = "org_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: OrganisationId,
    #[schema(value_type = String, example = "analytical-engines")]
    slug: Slug,
    name: String,
}

impl From<Membership> for OrganisationBrief {
    fn from(membership: Membership) -> Self {
        let Membership { organisation: id, slug, name, .. } = membership;
        Self { id, slug, name }
    }
}

/// A person's place in an organisation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MembershipView {
    organisation: OrganisationBrief,
    #[schema(value_type = String, example = "admin")]
    role: Role,
}

/// Who the credential is, and what it may do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MeView {
    /// The person; null for an API key.
    user: Option<UserView>,
    /// Id of the API key; null for a person.
    api_key: Option<String>,
    /// The organisation that the credential is for.
    #[schema(value_type = String)]
    organisation: OrganisationId,
    /// The credential's role in it.
    #[schema(value_type = String, example = "admin")]
    role: Role,
    /// All organisations of the person.
    memberships: Vec<MembershipView>,
}

/// `GET /api/v1/me`: who the credential is.
#[utoipa::path(get, path = "/api/v1/me", tag = "auth", responses((status = 200, body = MeView)))]
pub(crate) async fn me(caller: Can<View>) -> Result<Json<MeView>, Failure> {
    let store = caller.app().store();
    let (user, memberships) = match caller.user() {
        Some(id) => (store.find_user(id).await?, store.memberships(id).await?),
        None => (None, Vec::new()),
    };
    let memberships = memberships
        .into_iter()
        .map(|m| MembershipView { role: m.role, organisation: m.into() })
        .collect();
    let api_key = match caller.actor() {
        Actor::Key(id) => Some(id.to_string()),
        Actor::User(_) | Actor::System => None,
    };
    Ok(Json(MeView {
        user: user.map(UserView::from),
        api_key,
        organisation: caller.organisation(),
        role: caller.role(),
        memberships,
    }))
}
