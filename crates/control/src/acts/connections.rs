//! Clients that log in: what a person allows one, what it is issued, and how that ends.
//!
//! A code works once and a refresh token works once. Whoever shows one again, or cannot prove that
//! a code is theirs, has it from somebody else: then the whole connection ends, with every token
//! that was issued for it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::perm::ManageGrants;
use domain::secret::{KeyDigest, KeyKind, PlainKey};
use domain::{ConnectionId, GrantId, OrganisationId, Permission, PolicyId, ServerId};
use risk::Style;
use sha2::{Digest, Sha256};
use store::connections::{Connection, HeldConnection, NewConnection, NewTokens, Shown};
use store::grants::NewBinding;
use store::servers::Server;
use store::{Event, Tenant, TenantTx};

use super::check::{Checks, expiry, label};
use super::grants::{BindingForm, check_bindings};
use super::{grants, policies, tools};
use crate::failure::{Failure, Kind};
use crate::guard::{Anyone, Can};
use crate::oauth::request::Asked;
use crate::oauth::resource::Resource;
use crate::oauth::{Refused, Word};

/// How long a code may wait.
const CODE_LASTS: TimeDelta = TimeDelta::seconds(60);
/// How long an access token is good.
const ACCESS_LASTS: TimeDelta = TimeDelta::hours(1);
/// How long a connection lasts that is not refreshed.
const REFRESH_LASTS: TimeDelta = TimeDelta::days(30);
/// Lengths of a PKCE verifier.
const VERIFIER_CHARS: std::ops::RangeInclusive<usize> = 43..=128;

// === What a person allows ===

/// The grant that a client is to call with.
pub(crate) enum Chosen {
    /// One that is there.
    Existing(GrantId),
    /// A new one.
    New(NewGrant),
}

/// A grant to make for a client. It has no token of its own.
pub(crate) struct NewGrant {
    pub(crate) label: String,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) bindings: Vec<Bound>,
}

/// A server that the new grant reaches.
pub(crate) struct Bound {
    pub(crate) server: ServerId,
    pub(crate) policy: ChosenPolicy,
}

/// The policy that it is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChosenPolicy {
    /// None: everything is denied.
    None,
    /// One that is there.
    Existing(PolicyId),
    /// A new one, as recommended for the server's tools.
    Recommended,
}

/// Lets a client call with a grant, at the address it asked for. Gives the code.
pub(crate) async fn allow(
    caller: &mut Can<ManageGrants>,
    asked: &Asked,
    chosen: Chosen,
) -> Result<PlainKey, Failure> {
    let user = caller.user().ok_or_else(Failure::unauthenticated)?;
    let server = server_of(caller, &asked.resource).await?.map(|server| server.id);
    let grant = match chosen {
        Chosen::Existing(id) => existing(caller, id, server).await?,
        Chosen::New(new) => create(caller, new, server).await?,
    };
    let (now, code) = (caller.now(), PlainKey::fresh(KeyKind::Code));
    let gateway = caller.app().settings().gateway_url.clone();
    let connection = NewConnection {
        id: ConnectionId::fresh(now),
        grant,
        server,
        user,
        client_id: &asked.client.id,
        client_name: &asked.client.name,
        resource: &asked.resource.uri(&gateway),
        redirect_uri: asked.redirect_uri(),
        challenge: &asked.challenge,
        code: code.digest(),
        code_expires_at: now + CODE_LASTS,
        now,
    };
    caller.tx().await?.insert_connection(&connection).await?;
    let client = asked.client.name.clone();
    caller.commit(Event::ClientConnected { grant, client }).await?;
    if let Some(registration) = asked.client.registration {
        caller.app().store().touch_oauth_client(registration, now).await?;
    }
    Ok(code)
}

/// The server of a resource; none for the address of all servers.
pub(crate) async fn server_of<P: Permission>(
    caller: &mut Can<P>,
    resource: &Resource,
) -> Result<Option<Server>, Failure> {
    let Some(slug) = &resource.server else { return Ok(None) };
    let server = caller.tx().await?.find_server_by_slug(slug.as_str()).await?;
    server.map(Some).ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            "Your organisation has no server at the address that the client asks for.",
        )
    })
}

async fn existing(
    caller: &mut Can<ManageGrants>,
    id: GrantId,
    server: Option<ServerId>,
) -> Result<GrantId, Failure> {
    let unusable = |text: &str| Failure::invalid_at("/grant", text);
    let now = caller.now();
    let tx = caller.tx().await?;
    let grant = tx.find_grant(id).await?.ok_or_else(|| unusable("there is no such grant"))?;
    if grant.revoked_at.is_some() || grant.expires_at.is_some_and(|at| at <= now) {
        return Err(unusable("this grant has ended; choose another one"));
    }
    let bindings = tx.list_bindings(&[id]).await?;
    let reaches = match server {
        Some(server) => bindings.iter().any(|binding| binding.server_id == server),
        None => !bindings.is_empty(),
    };
    if reaches { Ok(id) } else { Err(unusable("this grant does not reach the server")) }
}

async fn create(
    caller: &mut Can<ManageGrants>,
    new: NewGrant,
    server: Option<ServerId>,
) -> Result<GrantId, Failure> {
    let mut checks = Checks::default();
    let now = caller.now();
    let name = checks.take("/label", label(&new.label));
    let expires_at = checks.maybe("/expires_at", new.expires_at.map(|at| expiry(at, now)));
    let bound = |bound: &Bound| BindingForm {
        server_id: bound.server,
        policy_id: match bound.policy {
            ChosenPolicy::Existing(policy) => Some(policy),
            ChosenPolicy::None | ChosenPolicy::Recommended => None,
        },
    };
    let forms: Vec<BindingForm> = new.bindings.iter().map(bound).collect();
    let mut bindings = check_bindings(caller, &forms, &mut checks).await?;
    if server.is_some_and(|server| !forms.iter().any(|form| form.server_id == server)) {
        checks.wrong("/bindings", "the grant must reach the server that the client asks for");
    }
    let Some(name) = name else { return Err(checks.refuse()) };
    checks.done()?;
    for (binding, bound) in bindings.iter_mut().zip(&new.bindings) {
        if bound.policy == ChosenPolicy::Recommended {
            binding.policy_id = Some(recommended(caller, bound.server).await?);
        }
    }
    insert(caller, &name, expires_at, &bindings).await
}

async fn insert(
    caller: &mut Can<ManageGrants>,
    name: &str,
    expires_at: Option<DateTime<Utc>>,
    bindings: &[NewBinding],
) -> Result<GrantId, Failure> {
    let id = GrantId::fresh(caller.now());
    let tx = caller.tx().await?;
    tx.insert_bare_grant(id, name, expires_at, bindings).await?;
    tx.also(&Event::GrantCreated(id)).await?;
    Ok(id)
}

/// A new policy for a server, as recommended for its tools.
async fn recommended(
    caller: &mut Can<ManageGrants>,
    server: ServerId,
) -> Result<PolicyId, Failure> {
    let (server, tools) = tools::list(caller, server).await?;
    let document = policies::recommended(&tools, Style::Balanced).to_string();
    let document = policy::parse(&document).map_err(policies::uncompiled)?;
    let id = PolicyId::fresh(caller.now());
    let tx = caller.tx().await?;
    let taken = tx.list_policy_names().await?;
    let plain: String = format!("{} policy", server.name).chars().take(90).collect();
    let numbered = (2..).map(|n| format!("{plain} {n}"));
    let mut names = std::iter::once(plain.clone()).chain(numbered);
    let name = names.find(|name| !taken.iter().any(|policy| policy.name == *name));
    let name = name.unwrap_or_else(|| id.to_string());
    tx.insert_policy(id, &name, Some(server.id), &document.to_json(), "Recommended").await?;
    tx.also(&Event::PolicyCreated(id)).await?;
    Ok(id)
}

/// The clients that hold tokens of a grant.
pub(crate) async fn list<P: Permission>(
    caller: &mut Can<P>,
    grant: GrantId,
) -> Result<Vec<Connection>, Failure> {
    let now = caller.now();
    Ok(caller.tx().await?.list_connections(grant, now).await?)
}

/// Ends what a client was allowed. It can log in again, if somebody allows it again.
pub(crate) async fn disconnect(
    caller: &mut Can<ManageGrants>,
    grant: GrantId,
    id: ConnectionId,
) -> Result<(), Failure> {
    grants::find(caller, grant).await?;
    let client = caller.tx().await?.delete_connection(grant, id).await?;
    let client = client.ok_or_else(Failure::not_found)?;
    caller.commit(Event::ClientDisconnected { grant, client }).await
}

// === What a client is issued ===

/// A code to redeem.
pub(crate) struct CodeForm<'a> {
    pub(crate) code: &'a str,
    pub(crate) verifier: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: Option<&'a str>,
    pub(crate) resource: Option<&'a str>,
}

/// A refresh token to exchange.
pub(crate) struct RefreshForm<'a> {
    pub(crate) token: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) resource: Option<&'a str>,
}

/// Tokens, the only time that they are seen.
pub(crate) struct Issued {
    pub(crate) access: PlainKey,
    pub(crate) refresh: PlainKey,
    pub(crate) expires_in_secs: i64,
}

/// A code is one of ours, not used, not older than a minute, and the client's own.
pub(crate) async fn redeem(caller: &Anyone, form: &CodeForm<'_>) -> Result<Issued, Refused> {
    let refused =
        || Refused::new(Word::InvalidGrant, "the code is unknown, used, expired or not yours");
    let digest = KeyDigest::of_presented(KeyKind::Code, form.code).ok_or_else(refused)?;
    let held = Held::of(caller, Shown::Code(digest)).await?.ok_or_else(refused)?;
    if held.row.is_used {
        held.end_reused().await?;
        return Err(refused());
    }
    let is_theirs = held.row.client_id == form.client_id
        && form.redirect_uri.is_none_or(|uri| uri == held.row.redirect_uri);
    if held.row.expires_at <= held.now || !is_theirs {
        return Err(refused());
    }
    if !is_answer_to(&held.row.challenge, form.verifier) {
        // One try: a code whose verifier is not known was taken from somebody.
        held.end().await?;
        return Err(refused());
    }
    held.check_resource(form.resource)?;
    held.issue().await
}

/// A refresh token is exchanged once; the second time ends the connection.
pub(crate) async fn refresh(caller: &Anyone, form: &RefreshForm<'_>) -> Result<Issued, Refused> {
    let refused = || {
        Refused::new(Word::InvalidGrant, "the refresh token is unknown, used, expired or not yours")
    };
    let digest = KeyDigest::of_presented(KeyKind::Refresh, form.token).ok_or_else(refused)?;
    let mut held = Held::of(caller, Shown::Refresh(digest)).await?.ok_or_else(refused)?;
    if held.row.is_used {
        held.end_reused().await?;
        return Err(refused());
    }
    if held.row.expires_at <= held.now || held.row.client_id != form.client_id {
        return Err(refused());
    }
    held.check_resource(form.resource)?;
    let now = held.now;
    held.tx.use_refresh_token(digest, now).await?;
    held.issue().await
}

/// Ends the connection that a token belongs to, whichever of its tokens it is.
pub(crate) async fn revoke(
    caller: &Anyone,
    token: &str,
    client_id: Option<&str>,
) -> Result<(), Refused> {
    let refresh = KeyDigest::of_presented(KeyKind::Refresh, token).map(Shown::Refresh);
    let access = || KeyDigest::of_presented(KeyKind::Grant, token).map(Shown::Access);
    let Some(shown) = refresh.or_else(access) else { return Ok(()) };
    let Some(held) = Held::of(caller, shown).await? else { return Ok(()) };
    if client_id.is_some_and(|id| id != held.row.client_id) {
        return Err(Refused::new(Word::InvalidClient, "the token is not this client's"));
    }
    held.end().await
}

/// A connection while one of its secrets is looked at; nobody else looks at it meanwhile.
struct Held<'c> {
    caller: &'c Anyone,
    tx: TenantTx,
    organisation: OrganisationId,
    row: HeldConnection,
    now: DateTime<Utc>,
}

impl<'c> Held<'c> {
    async fn of(caller: &'c Anyone, shown: Shown) -> Result<Option<Self>, Refused> {
        let app = caller.app();
        let Some(organisation) = app.store().find_holder(shown).await? else { return Ok(None) };
        let mut tx = app.store().tenant(Tenant::by_system(organisation)).await?;
        let row = tx.hold_connection(shown).await?;
        Ok(row.map(|row| Self { caller, tx, organisation, row, now: app.now() }))
    }

    /// The address may be named again, and must be the one that was allowed.
    fn check_resource(&self, named: Option<&str>) -> Result<(), Refused> {
        let gateway = &self.caller.app().settings().gateway_url;
        let is_same = |uri| {
            Resource::read(gateway, uri)
                .is_some_and(|named| named.uri(gateway) == self.row.resource)
        };
        if named.is_none_or(is_same) {
            return Ok(());
        }
        Err(Refused::new(Word::InvalidTarget, "this was allowed for another resource"))
    }

    async fn issue(mut self) -> Result<Issued, Refused> {
        let (now, end) = (self.now, self.row.grant_expires_at);
        let until = |lasts| end.map_or(now + lasts, |end| end.min(now + lasts));
        let access_expires_at = until(ACCESS_LASTS);
        if access_expires_at <= now {
            return Err(Refused::new(Word::InvalidGrant, "the grant has expired"));
        }
        let issued = Issued {
            access: PlainKey::fresh(KeyKind::Grant),
            refresh: PlainKey::fresh(KeyKind::Refresh),
            expires_in_secs: (access_expires_at - now).num_seconds(),
        };
        let tokens = NewTokens {
            access: issued.access.digest(),
            access_expires_at,
            refresh: issued.refresh.digest(),
            refresh_expires_at: until(REFRESH_LASTS),
            now,
        };
        self.tx.issue_tokens(self.row.id, &tokens).await?;
        let Self { caller, tx, organisation, .. } = self;
        tx.commit_unaudited("what was allowed is on record, and so is each call").await?;
        // The client uses the token at once.
        caller.app().changes().changed(organisation).await;
        Ok(issued)
    }

    async fn end(mut self) -> Result<(), Refused> {
        self.tx.delete_connection(self.row.grant, self.row.id).await?;
        let (grant, client) = (self.row.grant, self.row.client_name.clone());
        self.commit(Event::ClientDisconnected { grant, client }).await
    }

    async fn end_reused(mut self) -> Result<(), Refused> {
        self.tx.delete_connection(self.row.grant, self.row.id).await?;
        let (grant, client) = (self.row.grant, self.row.client_name.clone());
        self.commit(Event::ClientTokenReused { grant, client }).await
    }

    async fn commit(self, event: Event) -> Result<(), Refused> {
        let Self { caller, tx, organisation, .. } = self;
        tx.commit(event).await?;
        caller.app().changes().changed(organisation).await;
        Ok(())
    }
}

/// Whether a verifier is what a challenge was made of (RFC 7636, S256).
fn is_answer_to(challenge: &str, verifier: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    VERIFIER_CHARS.contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == challenge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_answers_its_own_challenge_only() {
        // The example of RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(is_answer_to(challenge, verifier));
        assert!(!is_answer_to(challenge, challenge));
        assert!(!is_answer_to(verifier, verifier));
        assert!(!is_answer_to(challenge, verifier.trim_end_matches('k')));
    }
}
