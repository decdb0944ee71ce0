//! Putting one server of a grant under another policy.

use axum::response::Response;
use domain::perm::WritePolicies;
use domain::{GrantId, PolicyId, ServerId};
use serde::Deserialize;

use crate::acts;
use crate::extract::{Form, Path};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::done;
use crate::urls;

/// What the form sends; empty: no policy, all refused.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    policy: String,
}

/// `POST /o/{organisation}/grants/{id}/bindings/{server_id}`.
pub(crate) async fn bind(
    mut caller: Can<WritePolicies>,
    Path((grant, server)): Path<(GrantId, ServerId)>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let policy: Option<PolicyId> = match typed.policy.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|error| Failure::invalid_at("/policy_id", error))?),
    };
    acts::grants::bind_policy(&mut caller, grant, server, policy).await?;
    let text = match policy {
        Some(_) => "Policy changed. The next call is judged by it.",
        None => "Policy removed. Every call to this server is refused now.",
    };
    Ok(done(caller.app().settings(), &urls::item(caller.slug(), "grants", grant), text))
}
