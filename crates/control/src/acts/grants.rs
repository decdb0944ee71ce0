//! Grants: mint, change, rotate, revoke, and put a binding under another policy.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::perm::{ManageGrants, WritePolicies};
use domain::secret::{KeyKind, PlainKey};
use domain::{GrantId, Permission, PolicyId, ServerId};
use serde::Deserialize;
use store::Event;
use store::grants::{Binding, Grant, NewBinding, NewToken};

use super::check::{Change, Checks, expiry, label};
use super::snippets::{self, Snippet};
use crate::failure::{Failure, Kind};
use crate::guard::Can;
use crate::urls;

/// Most servers of one grant.
const MAX_BINDINGS: usize = 100;
/// Longest time that a rotated token goes on working: a day.
const MAX_OVERLAP_SECS: u32 = 86_400;

/// A grant to mint.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantForm {
    /// Who or what will hold it.
    #[schema(example = "ci-runner")]
    pub(crate) label: String,
    /// The servers it reaches, each under a policy.
    pub(crate) bindings: Vec<BindingForm>,
    /// When it ends; never, if left out.
    #[serde(default)]
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// A grant reaches a server under a policy.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BindingForm {
    /// The server.
    #[schema(value_type = String, example = "srv_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    pub(crate) server_id: ServerId,
    /// The policy; `null` denies everything.
    #[schema(value_type = Option<String>)]
    pub(crate) policy_id: Option<PolicyId>,
}

/// What to change of a grant; what is left out stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantPatch {
    /// Who or what holds it.
    pub(crate) label: Option<String>,
    /// When it ends; `null` for never.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub(crate) expires_at: Change<DateTime<Utc>>,
    /// Replaces the whole list.
    pub(crate) bindings: Option<Vec<BindingForm>>,
}

/// How to rotate.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateForm {
    /// Seconds that the old token goes on working: 0 (the default) to 86 400.
    #[serde(default)]
    pub(crate) overlap_seconds: u32,
}

/// A grant whose token was just made: the only time that it is seen.
pub(crate) struct Minted {
    pub(crate) grant: Grant,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) token: PlainKey,
}

/// Where MCP clients reach what a grant reaches.
pub(crate) struct Addresses {
    /// All its servers behind one address.
    pub(crate) all: String,
    /// One address a server, by slug.
    pub(crate) servers: BTreeMap<String, String>,
}

/// Mints a grant; its token is shown once.
pub(crate) async fn create(
    caller: &mut Can<ManageGrants>,
    form: GrantForm,
) -> Result<Minted, Failure> {
    let now = caller.now();
    let mut checks = Checks::default();
    let name = checks.take("/label", label(&form.label));
    let expires_at = checks.maybe("/expires_at", form.expires_at.map(|at| expiry(at, now)));
    let bindings = check_bindings(caller, &form.bindings, &mut checks).await?;
    let Some(name) = name else { return Err(checks.refuse()) };
    checks.done()?;
    let (id, token) = (GrantId::fresh(now), PlainKey::fresh(KeyKind::Grant));
    let tx = caller.tx().await?;
    tx.insert_grant(id, &name, expires_at, &stored(&token), &bindings).await?;
    let (grant, bindings) = find(caller, id).await?;
    caller.commit(Event::GrantCreated(id)).await?;
    Ok(Minted { grant, bindings, token })
}

/// Changes label, expiry or the list of servers.
pub(crate) async fn change(
    caller: &mut Can<ManageGrants>,
    id: GrantId,
    patch: GrantPatch,
) -> Result<(Grant, Vec<Binding>), Failure> {
    let (grant, _) = find_live(caller, id).await?;
    let now = caller.now();
    let mut checks = Checks::default();
    let name = checks.maybe("/label", patch.label.as_deref().map(label));
    if let Change::Set(at) = patch.expires_at {
        checks.take("/expires_at", expiry(at, now));
    }
    let bindings = match &patch.bindings {
        Some(forms) => Some(check_bindings(caller, forms, &mut checks).await?),
        None => None,
    };
    checks.done()?;
    let expires_at = patch.expires_at.over(grant.expires_at);
    let tx = caller.tx().await?;
    tx.update_grant(id, name.as_deref().unwrap_or(&grant.label), expires_at).await?;
    if let Some(bindings) = &bindings {
        tx.replace_bindings(id, bindings).await?;
    }
    let changed = find(caller, id).await?;
    caller.commit(Event::GrantChanged(id)).await?;
    Ok(changed)
}

/// Puts an existing binding under another policy, or under none.
pub(crate) async fn bind_policy(
    caller: &mut Can<WritePolicies>,
    id: GrantId,
    server: ServerId,
    policy: Option<PolicyId>,
) -> Result<(Grant, Vec<Binding>), Failure> {
    find_live(caller, id).await?;
    if !caller.tx().await?.set_binding_policy(id, server, policy).await? {
        return Err(Failure::new(
            Kind::NotFound,
            "This grant does not reach this server. An admin can add it to the grant.",
        ));
    }
    let changed = find(caller, id).await?;
    caller.commit(Event::BindingChanged { grant: id, server }).await?;
    Ok(changed)
}

/// Gives a grant a new token; the old one works for the overlap, or stops at once.
pub(crate) async fn rotate(
    caller: &mut Can<ManageGrants>,
    id: GrantId,
    form: &RotateForm,
) -> Result<Minted, Failure> {
    if form.overlap_seconds > MAX_OVERLAP_SECS {
        return Err(Failure::invalid_at("/overlap_seconds", "choose at most 86 400, a day"));
    }
    find_live(caller, id).await?;
    let overlap = i64::from(form.overlap_seconds);
    let until = (overlap > 0).then(|| caller.now() + TimeDelta::seconds(overlap));
    let token = PlainKey::fresh(KeyKind::Grant);
    caller.tx().await?.rotate_grant(id, &stored(&token), until).await?;
    let (grant, bindings) = find(caller, id).await?;
    caller.commit(Event::GrantRotated(id)).await?;
    Ok(Minted { grant, bindings, token })
}

/// Ends a grant. One that has ended already stays so.
pub(crate) async fn revoke(caller: &mut Can<ManageGrants>, id: GrantId) -> Result<(), Failure> {
    let (grant, _) = find(caller, id).await?;
    if grant.revoked_at.is_some() {
        return Ok(());
    }
    let now = caller.now();
    caller.tx().await?.revoke_grant(id, now).await?;
    caller.commit(Event::GrantRevoked(id)).await
}

/// A grant with its bindings.
pub(crate) async fn find<P: Permission>(
    caller: &mut Can<P>,
    id: GrantId,
) -> Result<(Grant, Vec<Binding>), Failure> {
    let tx = caller.tx().await?;
    let grant = tx.find_grant(id).await?.ok_or_else(Failure::not_found)?;
    let bindings = tx.list_bindings(&[id]).await?;
    Ok((grant, bindings))
}

async fn find_live<P: Permission>(
    caller: &mut Can<P>,
    id: GrantId,
) -> Result<(Grant, Vec<Binding>), Failure> {
    let (grant, bindings) = find(caller, id).await?;
    if grant.revoked_at.is_some() {
        return Err(Failure::new(
            Kind::Conflict,
            "This grant was revoked, and that is final. Create a new one.",
        ));
    }
    Ok((grant, bindings))
}

/// Where clients reach the servers of these bindings.
pub(crate) fn addresses<P>(caller: &Can<P>, bindings: &[Binding]) -> Addresses {
    let (gateway, slug) = (&caller.app().settings().gateway_url, caller.slug());
    let of = |binding: &Binding| {
        let url = urls::gateway_server(gateway, slug, &binding.server_slug);
        (binding.server_slug.to_string(), url)
    };
    Addresses { all: urls::gateway(gateway, slug), servers: bindings.iter().map(of).collect() }
}

/// What to paste into each client. A grant of one server is given that server's own address, where
/// tools keep their names.
pub(crate) fn snippets<P>(caller: &Can<P>, bindings: &[Binding], token: &str) -> Vec<Snippet> {
    let addresses = addresses(caller, bindings);
    match bindings {
        [only] => {
            let gateway = &caller.app().settings().gateway_url;
            let url = urls::gateway_server(gateway, caller.slug(), &only.server_slug);
            snippets::all(only.server_slug.as_str(), &url, token)
        }
        _ => snippets::all(caller.slug().as_str(), &addresses.all, token),
    }
}

/// The bindings of a form, every error at once.
pub(super) async fn check_bindings(
    caller: &mut Can<ManageGrants>,
    forms: &[BindingForm],
    checks: &mut Checks,
) -> Result<Vec<NewBinding>, Failure> {
    if forms.is_empty() || forms.len() > MAX_BINDINGS {
        checks.wrong("/bindings", format!("name 1 to {MAX_BINDINGS} servers"));
        return Ok(Vec::new());
    }
    let mut seen = HashSet::new();
    let tx = caller.tx().await?;
    for (at, form) in forms.iter().enumerate() {
        if !seen.insert(form.server_id) {
            checks.wrong(format!("/bindings/{at}/server_id"), "this server is named twice");
        } else if tx.find_server(form.server_id).await?.is_none() {
            checks.wrong(format!("/bindings/{at}/server_id"), "there is no such server");
        }
        if let Some(policy) = form.policy_id
            && tx.find_policy(policy).await?.is_none()
        {
            checks.wrong(format!("/bindings/{at}/policy_id"), "there is no such policy");
        }
    }
    let binding = |f: &BindingForm| NewBinding { server_id: f.server_id, policy_id: f.policy_id };
    Ok(forms.iter().map(binding).collect())
}

fn stored(token: &PlainKey) -> NewToken {
    NewToken { digest: token.digest(), hint: token.hint() }
}
