//! An organisation and its people: an admin, a policy manager, a viewer; keys of each role; and
//! somebody of another organisation.

use chrono::TimeDelta;
use domain::secret::{KeyKind, PlainKey};
use domain::{OrganisationId, Role, SessionId, Slug, UserId};
use serde_json::json;
use store::Tenant as Wall;
use store::auth::SignUp;

use crate::actor::Actor;
use crate::app::TestApp;

const PASSWORD: &str = "correct horse battery";

/// An organisation.
#[derive(Clone)]
pub struct Tenant {
    /// Its id.
    pub id: OrganisationId,
    /// Its slug.
    pub slug: Slug,
    /// Its first admin.
    pub owner: UserId,
    product: TestApp,
    admin: Actor,
    policy_manager: Actor,
    viewer: Actor,
}

impl Tenant {
    pub(crate) async fn new(product: &TestApp, slug: &str) -> Self {
        let now = product.clock.now();
        let (owner, id) = (UserId::fresh(now), OrganisationId::fresh(now));
        let slug: Slug = slug.parse().unwrap();
        let hash = hash(product).await;
        let email = format!("admin@{slug}.test");
        let sign_up = SignUp {
            user: owner,
            email: &email.parse().unwrap(),
            name: "Ada Admin",
            password_hash: &hash,
            organisation: id,
            slug: &slug,
            organisation_name: &format!("Organisation {slug}"),
        };
        product.store.sign_up(&sign_up).await.unwrap();
        let admin = enter(product, owner, &email).await;
        let policy_manager = join(product, id, &slug, Role::PolicyManager, &hash).await;
        let viewer = join(product, id, &slug, Role::Viewer, &hash).await;
        Self { id, slug, owner, product: product.clone(), admin, policy_manager, viewer }
    }

    /// Somebody who may do everything here.
    pub fn admin(&self) -> &Actor {
        &self.admin
    }

    /// Somebody who writes policies.
    pub fn policy_manager(&self) -> &Actor {
        &self.policy_manager
    }

    /// Somebody who only looks.
    pub fn viewer(&self) -> &Actor {
        &self.viewer
    }

    /// The person of a role.
    pub fn person(&self, role: Role) -> &Actor {
        match role {
            Role::Viewer => &self.viewer,
            Role::PolicyManager => &self.policy_manager,
            Role::Admin => &self.admin,
        }
    }

    /// The admin of another organisation, made for the purpose.
    pub async fn outsider(&self) -> Actor {
        let other = Self::new(&self.product, &format!("not-{}", self.slug)).await;
        other.admin
    }

    /// A program with an API key of a role.
    pub async fn api_key(&self, role: Role) -> Actor {
        let form = json!({ "name": format!("a {role}"), "role": role });
        let made = self.admin.post("/api/v1/api-keys", form).await.expect(201);
        self.product.anonymous().with_bearer(made.text("/token"))
    }

    /// The same people with new tokens, for tests in which days pass.
    pub async fn signed_in_anew(&self) -> Self {
        let sign_in = |email: String| async move {
            let credentials = json!({ "email": email, "password": PASSWORD });
            let answer = self.product.anonymous().post("/api/v1/auth/token", credentials).await;
            answer.expect(200).text("/access_token")
        };
        let bearer = |who: &'static str| sign_in(format!("{who}@{}.test", self.slug));
        Self {
            admin: self.admin.clone().with_bearer(bearer("admin").await),
            policy_manager: self.policy_manager.clone().with_bearer(bearer("policy_manager").await),
            viewer: self.viewer.clone().with_bearer(bearer("viewer").await),
            ..self.clone()
        }
    }

    /// The way into the database as the first admin.
    pub fn wall(&self) -> Wall {
        let (actor, origin) = (store::Actor::User(self.owner), store::Origin::default());
        Wall { organisation: self.id, actor, origin }
    }
}

/// A hash of [`PASSWORD`], as cheap as the app's.
async fn hash(_product: &TestApp) -> String {
    let params = argon2::Params::new(64, 1, 1, None).unwrap();
    let passwords = control::Passwords::new(params, 1).unwrap();
    passwords.hash(PASSWORD.to_owned().into()).await.unwrap()
}

async fn join(
    product: &TestApp,
    organisation: OrganisationId,
    slug: &Slug,
    role: Role,
    hash: &str,
) -> Actor {
    let id = UserId::fresh(product.clock.now());
    let email = format!("{role}@{slug}.test");
    product.store.insert_user(id, &email.parse().unwrap(), "Some One", hash).await.unwrap();
    product.store.put_membership(organisation, id, role).await.unwrap();
    enter(product, id, &email).await
}

/// Signs a person in, as a program and as a browser.
async fn enter(product: &TestApp, id: UserId, email: &str) -> Actor {
    let now = product.clock.now();
    let cookie = PlainKey::fresh(KeyKind::Session);
    product
        .store
        .insert_browser_session(
            SessionId::fresh(now),
            id,
            cookie.digest(),
            "a browser",
            now + TimeDelta::days(30),
        )
        .await
        .unwrap();
    let credentials = json!({ "email": email, "password": PASSWORD });
    let answer = product.anonymous().post("/api/v1/auth/token", credentials).await.expect(200);
    product
        .anonymous()
        .with_bearer(answer.text("/access_token"))
        .with_cookie(format!("drawbridge={}", cookie.reveal()))
}
