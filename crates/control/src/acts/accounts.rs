//! Accounts: sign up, sign in, sign out; sessions of browsers and tokens of programs.

use chrono::TimeDelta;
use domain::secret::{KeyDigest, KeyKind, PlainKey};
use domain::{Email, OrganisationId, SessionId, Slug, UserId, password};
use secrecy::SecretString;
use serde::Deserialize;
use store::Conflict;
use store::auth::{Membership, Redeemed, SignUp, User};

use super::check::{Checks, label};
use crate::app::{App, SignupMode};
use crate::failure::{Failure, Kind};
use crate::guard::{Anyone, session_ends_at};
use crate::password::Checked;
use crate::throttle::Throttled;
use crate::token::{LIFETIME_SECS, Named};

/// Days after which an unused refresh token is void.
const REFRESH_DAYS: i64 = 30;

/// Who signs up.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUpForm {
    /// The address to sign in with.
    #[schema(example = "ada@example.com")]
    pub(crate) email: String,
    /// At least 12 characters.
    #[schema(value_type = String, format = Password)]
    pub(crate) password: SecretString,
    /// What to be called.
    #[schema(example = "Ada Lovelace")]
    pub(crate) name: String,
    /// Name of the organisation that is made.
    #[schema(example = "Analytical Engines")]
    pub(crate) organisation: String,
}

/// Who signs in.
#[derive(Deserialize)]
pub(crate) struct SignInForm {
    pub(crate) email: String,
    pub(crate) password: SecretString,
}

/// A person and the organisation made with them.
pub(crate) struct Account {
    pub(crate) user: User,
    pub(crate) organisation: Membership,
}

/// What a program gets when it signs in.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) expires_in_secs: i64,
    pub(crate) refresh: PlainKey,
    pub(crate) organisation: Membership,
}

/// Makes a person, their organisation and their admin membership.
pub(crate) async fn sign_up(caller: &Anyone, form: SignUpForm) -> Result<Account, Failure> {
    let app = caller.app();
    admitted(app.settings().signup)?;
    let mut checks = Checks::default();
    let email = checks.take("/email", form.email.parse::<Email>());
    let name = checks.take("/name", label(&form.name));
    let organisation = checks.take("/organisation", label(&form.organisation));
    let judged = password::check(&form.password, form.email.trim());
    checks.take("/password", judged);
    let (Some(email), Some(name), Some(organisation)) = (email, name, organisation) else {
        return Err(checks.refuse());
    };
    checks.done()?;
    throttled(caller, &email)?;
    if app.store().find_account(&email).await?.is_some() {
        return Err(email_taken());
    }
    let hash = app.passwords().hash(form.password).await.map_err(Failure::internal)?;
    let new = NewAccount { email, name, hash, organisation };
    new.insert(app).await
}

/// A checked sign-up.
struct NewAccount {
    email: Email,
    name: String,
    hash: String,
    organisation: String,
}

impl NewAccount {
    /// Inserts it under the first slug like its name that is free.
    async fn insert(self, app: &App) -> Result<Account, Failure> {
        let plain = Slug::from_name(&self.organisation, "organisation");
        let slugs = std::iter::once(plain.clone()).chain((2..1_000).map(|n| plain.numbered(n)));
        for slug in slugs {
            let (user, organisation) = (UserId::fresh(app.now()), OrganisationId::fresh(app.now()));
            let new = SignUp {
                user,
                email: &self.email,
                name: &self.name,
                password_hash: &self.hash,
                organisation,
                slug: &slug,
                organisation_name: &self.organisation,
            };
            match app.store().sign_up(&new).await {
                Ok(()) => return Ok(self.made(user, organisation, slug)),
                Err(e) if e.conflict() == Some(Conflict::OrganisationSlugTaken) => {}
                Err(e) if e.conflict() == Some(Conflict::EmailTaken) => return Err(email_taken()),
                Err(e) => return Err(e.into()),
            }
        }
        Err(Conflict::OrganisationSlugTaken.into())
    }

    fn made(self, id: UserId, organisation: OrganisationId, slug: Slug) -> Account {
        let user = User { id, email: self.email.as_str().to_owned(), name: self.name };
        let role = domain::Role::Admin;
        let name = self.organisation;
        Account { user, organisation: Membership { organisation, slug, name, role } }
    }
}

fn email_taken() -> Failure {
    Failure::new(
        Kind::Conflict,
        "There is an account with this address. Sign in, or use another address.",
    )
    .at("/email", "there is an account with this address; sign in instead")
}

fn admitted(signup: SignupMode) -> Result<(), Failure> {
    match signup {
        SignupMode::Open => Ok(()),
        SignupMode::Invite => Err(Failure::new(
            Kind::Forbidden,
            "Accounts are made by invitation here. Ask a colleague who is in, or the operator.",
        )),
        SignupMode::Closed => Err(Failure::new(
            Kind::Forbidden,
            "Sign-up is closed here. The operator makes accounts with `drawbridge user create`.",
        )),
    }
}

/// The person of these credentials. Wrong password and unknown address look and cost the same.
pub(crate) async fn sign_in(caller: &Anyone, form: SignInForm) -> Result<User, Failure> {
    let app = caller.app();
    let email = form.email.parse::<Email>();
    let email = email.map_err(|error| Failure::invalid_at("/email", error))?;
    throttled(caller, &email)?;
    let account = app.store().find_account(&email).await?;
    let stored = account.as_ref().map(|account| account.password_hash.clone());
    let checked = app.passwords().check(form.password.clone(), stored).await;
    let checked = checked.map_err(Failure::internal)?;
    let (Some(account), Checked::Right | Checked::RightButOld) = (account, checked) else {
        return Err(wrong_credentials());
    };
    app.throttle().succeeded(caller.address(), &email.folded());
    if checked == Checked::RightButOld {
        let hash = app.passwords().hash(form.password).await.map_err(Failure::internal)?;
        app.store().set_password_hash(account.user.id, &hash).await?;
    }
    Ok(account.user)
}

fn wrong_credentials() -> Failure {
    Failure::new(Kind::Unauthenticated, "E-mail or password is not right.")
        .at("/password", "e-mail or password is not right")
}

fn throttled(caller: &Anyone, email: &Email) -> Result<(), Failure> {
    let app = caller.app();
    app.throttle()
        .attempt(caller.address(), &email.folded(), app.now())
        .map_err(|Throttled { retry_after_secs }| Failure::too_many(retry_after_secs))
}

/// Starts a browser's session; the token goes into its cookie.
pub(crate) async fn start_session(caller: &Anyone, user: UserId) -> Result<PlainKey, Failure> {
    let (app, now) = (caller.app(), caller.app().now());
    let token = PlainKey::fresh(KeyKind::Session);
    let (id, agent) = (SessionId::fresh(now), caller.user_agent());
    app.store()
        .insert_browser_session(id, user, token.digest(), agent, session_ends_at(now))
        .await?;
    Ok(token)
}

/// Starts a family of tokens for a person in one organisation: the one named by `slug`, or their
/// only one.
pub(crate) async fn start_tokens(
    app: &App,
    user: UserId,
    slug: Option<&str>,
) -> Result<Tokens, Failure> {
    let organisation = choose(app.store().memberships(user).await?, slug)?;
    let (now, refresh) = (app.now(), PlainKey::fresh(KeyKind::Refresh));
    app.store()
        .insert_token_family(
            SessionId::fresh(now),
            user,
            organisation.organisation,
            refresh.digest(),
            now + TimeDelta::days(REFRESH_DAYS),
        )
        .await?;
    access(app, user, refresh, organisation)
}

fn choose(memberships: Vec<Membership>, slug: Option<&str>) -> Result<Membership, Failure> {
    let named: Vec<String> = memberships.iter().map(|m| m.slug.to_string()).collect();
    let mut fitting =
        memberships.into_iter().filter(|m| slug.is_none_or(|slug| m.slug.as_str() == slug));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Failure::invalid_at(
            "/organisation",
            format!("you belong to several; say which: {}", named.join(", ")),
        )),
        (None, _) => {
            Err(Failure::invalid_at("/organisation", "you belong to no such organisation"))
        }
    }
}

/// Exchanges a refresh token for new tokens. One that was used before ends its whole family:
/// somebody has a copy.
pub(crate) async fn refresh(app: &App, presented: &str) -> Result<Tokens, Failure> {
    let digest = KeyDigest::of_presented(KeyKind::Refresh, presented).ok_or_else(signed_out)?;
    let next = PlainKey::fresh(KeyKind::Refresh);
    let lifetime = TimeDelta::days(REFRESH_DAYS);
    match app.store().redeem_refresh(digest, next.digest(), app.now(), lifetime).await? {
        Redeemed::Fresh { user, organisation } => {
            let membership = app.store().find_membership_by_id(user, organisation).await?;
            access(app, user, next, membership.ok_or_else(signed_out)?)
        }
        Redeemed::Reused => {
            tracing::warn!("a refresh token was used twice; its family is ended");
            Err(signed_out())
        }
        Redeemed::Unknown => Err(signed_out()),
    }
}

/// Ends the family of a refresh token. Unknown ones are as good as ended.
pub(crate) async fn end_tokens(app: &App, presented: &str) -> Result<(), Failure> {
    if let Some(digest) = KeyDigest::of_presented(KeyKind::Refresh, presented) {
        app.store().end_token_family(digest).await?;
    }
    Ok(())
}

fn signed_out() -> Failure {
    Failure::new(
        Kind::Unauthenticated,
        "This refresh token is not good (any more). Sign in again at /api/v1/auth/token.",
    )
}

fn access(
    app: &App,
    user: UserId,
    refresh: PlainKey,
    organisation: Membership,
) -> Result<Tokens, Failure> {
    let named = Named { user, organisation: organisation.organisation };
    let access = app.token_keys().issue(named, app.now()).map_err(Failure::internal)?;
    Ok(Tokens { access, expires_in_secs: LIFETIME_SECS, refresh, organisation })
}
