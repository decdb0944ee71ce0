//! One suite for both session stores.

use chrono::Utc;
use domain::{OrganisationId, ServerId};

use super::redis::RedisSessions;
use super::store::{
    Lost, MAX_OF_OWNER, MemorySessions, SessionKey, SessionStore, TenantSession, UpstreamSession,
};

#[expect(clippy::disallowed_methods, reason = "tests find their Redis by the environment")]
fn stores() -> Vec<Box<dyn SessionStore>> {
    let memory: Box<dyn SessionStore> = Box::new(MemorySessions::default());
    let redis = std::env::var("REDIS_URL").ok();
    let redis = redis.map(|url| Box::new(RedisSessions::open(&url).unwrap()) as _);
    std::iter::once(memory).chain(redis).collect()
}

fn owner() -> OrganisationId {
    OrganisationId::fresh(Utc::now())
}

fn upstream(id: &str) -> UpstreamSession {
    UpstreamSession { id: Some(id.to_owned()), version: "2025-06-18".to_owned() }
}

#[tokio::test]
async fn the_first_to_join_counts_and_what_ended_stays_ended() {
    for store in stores() {
        let key: SessionKey = rand::random();
        let (one, two) = (ServerId::fresh(Utc::now()), ServerId::fresh(Utc::now()));
        assert_eq!(store.find(key).await, Ok(None));
        let session = TenantSession {
            version: "2025-06-18".to_owned(),
            params: "{}".to_owned(),
            level: None,
        };
        store.create(owner(), key, session.clone()).await.unwrap();
        assert_eq!(store.find(key).await, Ok(Some(session)));
        assert_eq!(store.upstream(key, one).await, Ok(None));
        assert_eq!(store.join(key, one, upstream("a")).await, Ok(upstream("a")));
        assert_eq!(store.join(key, one, upstream("b")).await, Ok(upstream("a")));
        assert_eq!(store.upstream(key, one).await, Ok(Some(upstream("a"))));
        store.leave(key, one).await.unwrap();
        assert_eq!(store.join(key, one, upstream("c")).await, Ok(upstream("c")));
        assert_eq!(store.upstream(key, two).await, Ok(None));
        assert_eq!(store.remove(key).await, Ok(vec![(one, upstream("c"))]));
        assert_eq!(store.find(key).await, Ok(None));
        assert_eq!(store.join(key, two, upstream("d")).await, Err(Lost));
        assert_eq!(store.find(key).await, Ok(None));
    }
}

#[tokio::test]
async fn what_is_noted_is_found_taken_once_and_gone_with_its_session() {
    for store in stores() {
        let key: SessionKey = rand::random();
        let note = |name: &str, word: Option<&str>| {
            store.note(key, name.to_owned(), word.map(str::to_owned))
        };
        assert_eq!(note("level", Some("info")).await, Err(Lost), "there is no session yet");
        let session = TenantSession {
            version: "2025-06-18".to_owned(),
            params: "{}".to_owned(),
            level: None,
        };
        store.create(owner(), key, session.clone()).await.unwrap();
        note("level", Some("info")).await.unwrap();
        let found = store.find(key).await.unwrap().unwrap();
        assert_eq!(found, TenantSession { level: Some("info".to_owned()), ..session });
        for name in ["watch:b", "watch:a", "answer:1"] {
            note(name, Some(name)).await.unwrap();
        }
        note("watch:b", None).await.unwrap();
        let pair = ("watch:a".to_owned(), "watch:a".to_owned());
        assert_eq!(store.notes(key, "watch:").await, Ok(vec![pair]));
        let take = || store.take(key, "answer:1".to_owned());
        assert_eq!(take().await, Ok(Some("answer:1".to_owned())));
        assert_eq!(take().await, Ok(None));
        for n in 0..512 {
            if note(&format!("x:{n}"), Some("")).await.is_err() {
                assert!(n > 400);
                break;
            }
            assert!(n < 511, "nothing bounds what is noted");
        }
        assert_eq!(store.remove(key).await, Ok(Vec::new()));
        assert_eq!(store.find(key).await, Ok(None));
        assert_eq!(store.notes(key, "").await, Ok(Vec::new()));
    }
}

#[tokio::test]
async fn an_organisation_with_too_many_sessions_loses_its_first_and_nobody_elses() {
    for store in stores() {
        let (busy, quiet) = (owner(), owner());
        let session = TenantSession {
            version: "2025-06-18".to_owned(),
            params: "{}".to_owned(),
            level: None,
        };
        let other: SessionKey = rand::random();
        store.create(quiet, other, session.clone()).await.unwrap();
        let keys: Vec<SessionKey> = (0..=MAX_OF_OWNER).map(|_| rand::random()).collect();
        for key in &keys {
            store.create(busy, *key, session.clone()).await.unwrap();
        }
        assert_eq!(store.find(keys[0]).await, Ok(None));
        assert_eq!(store.find(keys[1]).await, Ok(Some(session.clone())));
        assert_eq!(store.find(other).await, Ok(Some(session.clone())));
    }
}
