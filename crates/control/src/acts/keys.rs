//! API keys: make one, remove one.

use chrono::{DateTime, Utc};
use domain::perm::ManageKeys;
use domain::secret::{KeyKind, PlainKey};
use domain::{ApiKeyId, Role};
use serde::Deserialize;
use store::Event;
use store::keys::NewApiKey;

use super::check::{Checks, expiry, label};
use crate::address;
use crate::failure::Failure;
use crate::guard::Can;

/// Most networks that one key names.
const MAX_NETWORKS: usize = 32;

/// A key to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyForm {
    /// What it is for.
    #[schema(example = "deploy pipeline")]
    pub(crate) name: String,
    /// What it may do.
    #[schema(value_type = String, example = "policy_manager")]
    pub(crate) role: Role,
    /// When it stops working; never, if left out.
    #[serde(default)]
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// Addresses and networks it may be used from; anywhere, if left out.
    #[serde(default)]
    #[schema(example = json!(["203.0.113.0/24"]))]
    pub(crate) allowed_addresses: Vec<String>,
}

/// Makes a key; its token is shown once.
pub(crate) async fn create(
    caller: &mut Can<ManageKeys>,
    form: KeyForm,
) -> Result<(ApiKeyId, PlainKey), Failure> {
    let now = caller.now();
    let mut checks = Checks::default();
    let name = checks.take("/name", label(&form.name));
    let expires_at = checks.maybe("/expires_at", form.expires_at.map(|at| expiry(at, now)));
    let networks = networks(&form.allowed_addresses, &mut checks);
    let Some(name) = name else { return Err(checks.refuse()) };
    checks.done()?;
    let (id, token) = (ApiKeyId::fresh(now), PlainKey::fresh(KeyKind::Api));
    let new = NewApiKey {
        id,
        name: &name,
        role: form.role,
        digest: token.digest(),
        hint: &token.hint(),
        expires_at,
        allowed_addresses: &networks,
    };
    caller.tx().await?.insert_api_key(&new).await?;
    caller.commit(Event::ApiKeyCreated(id)).await?;
    Ok((id, token))
}

/// The networks of a form, as they are kept.
fn networks(given: &[String], checks: &mut Checks) -> Vec<String> {
    if given.len() > MAX_NETWORKS {
        checks.wrong("/allowed_addresses", format!("name at most {MAX_NETWORKS} networks"));
        return Vec::new();
    }
    let read = given.iter().enumerate().filter_map(|(at, text)| {
        checks.take(format!("/allowed_addresses/{at}"), address::network(text.trim()))
    });
    read.map(|network| network.to_string()).collect()
}

/// Removes a key: it stops working at once.
pub(crate) async fn remove(caller: &mut Can<ManageKeys>, id: ApiKeyId) -> Result<(), Failure> {
    if !caller.tx().await?.delete_api_key(id).await? {
        return Err(Failure::not_found());
    }
    caller.commit(Event::ApiKeyRevoked(id)).await
}
