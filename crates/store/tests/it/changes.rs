//! Every change that the gateway must see moves the revision and is announced.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{OrganisationSettings, Slug};
use sqlx::PgPool;
use store::grants::{NewBinding, NewToken};

use crate::{Org, now};

async fn revision(org: &Org) -> i64 {
    org.store.snapshot(&org.slug).await.unwrap().unwrap().organisation.revision
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_change_is_announced_with_its_organisation(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let mut changes = org.store.changes().await.unwrap();
    let before = revision(&org).await;
    org.policy("p").await;
    let told = tokio::time::timeout(Duration::from_secs(5), changes.next()).await.unwrap();
    assert_eq!(told.unwrap(), Some(org.tenant.organisation));
    let after = revision(&org).await;
    assert!(after > before);
    let revised = org.store.revised(now() - TimeDelta::minutes(1)).await.unwrap();
    assert_eq!(revised, [(org.tenant.organisation, after)]);
    let known = org.store.revision(org.tenant.organisation).await.unwrap();
    assert_eq!(known, Some(after));

    let mut tx = org.tx().await;
    tx.update_organisation("New", &OrganisationSettings::default()).await.unwrap();
    tx.commit_unaudited("a change of a test").await.unwrap();
    assert!(revision(&org).await > after);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_snapshot_holds_what_live_grants_reach(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    Org::new(&pool, "theirs").await.server("other").await;
    let (server, policy) = (org.server("a").await, org.policy("p").await);
    org.policy("unused").await;
    let binding = NewBinding { server_id: server, policy_id: Some(policy) };
    let (grant, key) = org.grant("ci", &[binding]).await;
    org.tx().await.publish_policy(policy, None, "{}", "").await.unwrap();

    let seen = org.store.snapshot(&org.slug).await.unwrap().unwrap();
    assert_eq!(seen.servers.len(), 1);
    assert_eq!(seen.policies.len(), 1);
    assert_eq!(seen.policies[0].version, 1, "an uncommitted version is not seen");
    assert_eq!(seen.tokens[0].digest, key.digest());
    assert_eq!(seen.bindings[0].policy, Some(policy));

    let mut tx = org.tx().await;
    let next = domain::secret::PlainKey::fresh(domain::secret::KeyKind::Grant);
    let token = NewToken { digest: next.digest(), hint: next.hint() };
    let soon = now() + TimeDelta::minutes(5);
    assert!(tx.rotate_grant(grant, &token, Some(soon)).await.unwrap());
    tx.commit_unaudited("a rotation of a test").await.unwrap();
    let seen = org.store.snapshot(&org.slug).await.unwrap().unwrap();
    let mut ends: Vec<_> = seen.tokens.iter().map(|t| t.expires_at.is_some()).collect();
    ends.sort_unstable();
    assert_eq!(ends, [false, true]);

    let mut tx = org.tx().await;
    assert!(tx.revoke_grant(grant, now()).await.unwrap());
    assert!(!tx.revoke_grant(grant, now()).await.unwrap());
    tx.commit_unaudited("a revocation of a test").await.unwrap();
    let seen = org.store.snapshot(&org.slug).await.unwrap().unwrap();
    assert!(seen.tokens.is_empty() && seen.bindings.is_empty() && seen.policies.is_empty());
    let nobody: Slug = "nobody".parse().unwrap();
    assert!(org.store.snapshot(&nobody).await.unwrap().is_none());
}
