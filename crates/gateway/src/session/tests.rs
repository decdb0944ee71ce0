//! One suite for both session stores.

use chrono::Utc;
use domain::ServerId;

use super::redis::RedisSessions;
use super::store::{
    Lost, MemorySessions, SessionKey, SessionStore, TenantSession, UpstreamSession,
};

#[expect(clippy::disallowed_methods, reason = "tests find their Redis by the environment")]
fn stores() -> Vec<Box<dyn SessionStore>> {
    let memory: Box<dyn SessionStore> = Box::new(MemorySessions::default());
    let redis = std::env::var("REDIS_URL").ok();
    let redis = redis.map(|url| Box::new(RedisSessions::open(&url).unwrap()) as _);
    std::iter::once(memory).chain(redis).collect()
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
        let session = TenantSession { version: "2025-06-18".to_owned(), params: "{}".to_owned() };
        store.create(key, session.clone()).await.unwrap();
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
