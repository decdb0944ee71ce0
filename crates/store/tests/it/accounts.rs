//! Sign-up, sessions, refresh tokens and API keys.

use chrono::TimeDelta;
use domain::secret::{KeyKind, PlainKey};
use domain::{ApiKeyId, OrganisationId, Role, SessionId, UserId};
use sqlx::PgPool;
use store::auth::{Redeemed, SignUp};
use store::keys::NewApiKey;
use store::{Conflict, Event};

use crate::{Org, now};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_taken_address_in_any_case_and_a_taken_slug_are_conflicts(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let attempt = async |email: &str, slug: &str| {
        let new = SignUp {
            user: UserId::fresh(now()),
            email: &email.parse().unwrap(),
            name: "",
            password_hash: "x",
            organisation: OrganisationId::fresh(now()),
            slug: &slug.parse().unwrap(),
            organisation_name: "Org",
        };
        org.store.sign_up(&new).await.map_err(|error| error.conflict())
    };
    assert_eq!(attempt("ADMIN@ours.example", "x").await, Err(Some(Conflict::EmailTaken)));
    let taken = attempt("new@ours.example", "ours").await;
    assert_eq!(taken, Err(Some(Conflict::OrganisationSlugTaken)));
    assert_eq!(attempt("new@ours.example", "free").await, Ok(()), "nothing of the refused stayed");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_reused_refresh_token_ends_its_family(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let [first, second, third] = [(); 3].map(|()| PlainKey::fresh(KeyKind::Refresh).digest());
    let (session, month) = (SessionId::fresh(now()), TimeDelta::days(30));
    let organisation = org.tenant.organisation;
    org.store
        .insert_token_family(session, org.user, organisation, first, now() + month)
        .await
        .unwrap();
    let redeem = async |old, new| org.store.redeem_refresh(old, new, now(), month).await.unwrap();
    assert!(matches!(redeem(first, second).await, Redeemed::Fresh { .. }));
    assert!(matches!(redeem(first, third).await, Redeemed::Reused));
    assert!(matches!(redeem(second, third).await, Redeemed::Unknown), "the family is gone");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn sessions_and_keys_stop_when_they_expire_or_are_removed(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let cookie = PlainKey::fresh(KeyKind::Session).digest();
    let session = SessionId::fresh(now());
    let hour = TimeDelta::hours(1);
    org.store
        .insert_browser_session(session, org.user, cookie, "test", now() + hour)
        .await
        .unwrap();
    assert!(org.store.find_browser_session(cookie, now()).await.unwrap().is_some());
    assert!(org.store.find_browser_session(cookie, now() + hour * 2).await.unwrap().is_none());
    org.store.end_session(session).await.unwrap();
    assert!(org.store.find_browser_session(cookie, now()).await.unwrap().is_none());

    let (id, key) = (ApiKeyId::fresh(now()), PlainKey::fresh(KeyKind::Api));
    let mut tx = org.tx().await;
    let new = NewApiKey {
        id,
        name: "ci",
        role: Role::Viewer,
        digest: key.digest(),
        hint: &key.hint(),
        allowed_addresses: &[],
        expires_at: Some(now() + hour),
    };
    tx.insert_api_key(&new).await.unwrap();
    tx.commit(Event::ApiKeyCreated(id)).await.unwrap();
    let live = org.store.find_api_key(key.digest(), now()).await.unwrap().unwrap();
    assert_eq!((live.organisation, live.role), (org.tenant.organisation, Role::Viewer));
    assert!(org.store.find_api_key(key.digest(), now() + hour * 2).await.unwrap().is_none());
}
