//! The store against a real Postgres: walls between tenants, listings, tokens, snapshots.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod accounts;
mod calls;
mod changes;
mod listings;
mod walls;

use chrono::{DateTime, Utc};
use domain::secret::{KeyKind, PlainKey};
use domain::{GrantId, OrganisationId, PolicyId, ServerId, Slug, Transport, UserId};
use sqlx::PgPool;
use store::auth::SignUp;
use store::grants::{NewBinding, NewToken};
use store::servers::{NewServer, SealedCredentials};
use store::{Actor, Store, Tenant, TenantTx};

/// One organisation with its first admin.
struct Org {
    store: Store,
    tenant: Tenant,
    user: UserId,
    slug: Slug,
}

fn now() -> DateTime<Utc> {
    Utc::now()
}

impl Org {
    async fn new(pool: &PgPool, slug: &str) -> Self {
        let store = Store::new(pool.clone());
        let (user, organisation) = (UserId::fresh(now()), OrganisationId::fresh(now()));
        let slug: Slug = slug.parse().unwrap();
        store
            .sign_up(&SignUp {
                user,
                email: &format!("admin@{slug}.example").parse().unwrap(),
                name: "Ada",
                password_hash: "x",
                organisation,
                slug: &slug,
                organisation_name: "Org",
            })
            .await
            .unwrap();
        let tenant = Tenant { actor: Actor::User(user), ..Tenant::by_system(organisation) };
        Self { store, tenant, user, slug }
    }

    async fn tx(&self) -> TenantTx {
        self.store.tenant(self.tenant).await.unwrap()
    }

    async fn server(&self, slug: &str) -> ServerId {
        let id = ServerId::fresh(now());
        let mut tx = self.tx().await;
        tx.insert_server(&NewServer {
            id,
            slug: &slug.parse().unwrap(),
            name: slug,
            url: "http://127.0.0.1:1/mcp",
            transport: Transport::Auto,
            credentials: SealedCredentials::default(),
        })
        .await
        .unwrap();
        tx.commit_unaudited("set-up of a test").await.unwrap();
        id
    }

    async fn policy(&self, name: &str) -> PolicyId {
        let id = PolicyId::fresh(now());
        let mut tx = self.tx().await;
        tx.insert_policy(id, name, None, r#"{"version":"1"}"#, "").await.unwrap();
        tx.commit_unaudited("set-up of a test").await.unwrap();
        id
    }

    async fn grant(&self, label: &str, bindings: &[NewBinding]) -> (GrantId, PlainKey) {
        let (id, key) = (GrantId::fresh(now()), PlainKey::fresh(KeyKind::Grant));
        let mut tx = self.tx().await;
        let token = NewToken { digest: key.digest(), hint: key.hint() };
        tx.insert_grant(id, label, None, &token, bindings).await.unwrap();
        tx.commit_unaudited("set-up of a test").await.unwrap();
        (id, key)
    }
}
