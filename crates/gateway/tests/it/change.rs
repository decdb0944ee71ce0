//! Change and failure: policies that are published, grants that are revoked, a source that is
//! out of reach.

use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Clock;
use domain::secret::{KeyKind, PlainKey};
use serde_json::json;

use crate::world::{Agent, World, allow_all, list, tool};

#[tokio::test]
async fn a_published_policy_judges_the_next_call() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    let session = world.initialize(&agent).await.unwrap();
    assert!(world.call(&agent, &session, "list_customers", json!({})).await.decision().is_null());
    world
        .publish(|organisation| {
            organisation.policies[0].version = 2;
            organisation.policies[0].document = r#"{"version":"1","default":"deny"}"#.into();
        })
        .await;
    let refused = world.call(&agent, &session, "list_customers", json!({})).await;
    assert_eq!(refused.decision()["outcome"], "denied");
    assert_eq!(world.records.last().policy.unwrap().1, 2);
    world.publish(|organisation| organisation.grants[0].revoked = true).await;
    assert_eq!(world.call(&agent, &session, "list_customers", json!({})).await.status, 401);
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_denies_everything() {
    let (world, agent, shop) = World::with_shop(allow_all()).await;
    world
        .publish(|organisation| {
            organisation.policies[0].version = 2;
            organisation.policies[0].document = r#"{"version":"1","default":"maybe"}"#.into();
        })
        .await;
    let refused = world.run(&agent, "list_customers", json!({})).await;
    assert_eq!(refused.decision()["rule"], "(no policy)");
    assert!(world.post(&agent, &[], &list("tools")).await.names("tools", "name").is_empty());
    assert_eq!(shop.total(), 0);
}

#[tokio::test]
async fn without_its_source_a_gateway_serves_on_for_as_long_as_it_may() {
    let start: DateTime<Utc> = "2026-11-25T12:00:00Z".parse().unwrap();
    let mut world = World::empty();
    world.clock = Clock::fixed(start);
    let at = world.serve(demo::router()).await;
    world.server("shop", at, &crate::world::SHOP_TOOLS);
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
    world.gateway(|_| {}).await;
    let status = async |agent: &Agent| world.run(agent, "list_customers", json!({})).await.status;
    assert_eq!(status(&agent).await, 200);
    world.source.is_down.store(true, Ordering::SeqCst);
    world.gateways[0].0.views().lost();
    world.clock.advance(TimeDelta::seconds(299));
    assert_eq!(status(&agent).await, 200);
    let minted = PlainKey::fresh(KeyKind::Grant).reveal().to_owned();
    assert_eq!(status(&Agent { token: minted, ..agent.clone() }).await, 503);
    assert_eq!(status(&agent.at("/t/other/mcp")).await, 503);
    world.clock.advance(TimeDelta::seconds(2));
    assert_eq!(status(&agent).await, 503);
    world.source.is_down.store(false, Ordering::SeqCst);
    world.gateways[0].0.views().heard(world.clock.now());
    assert_eq!(status(&agent).await, 200);
}

#[tokio::test]
async fn zero_staleness_refuses_at_once() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    world.publish(|organisation| organisation.settings.stale_for_secs = 0).await;
    assert_eq!(world.run(&agent, "list_customers", json!({})).await.status, 200);
    world.source.is_down.store(true, Ordering::SeqCst);
    world.gateways[0].0.views().lost();
    assert_eq!(world.run(&agent, "list_customers", json!({})).await.status, 503);
}

#[tokio::test]
async fn an_organisation_that_is_gone_is_forgotten() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    assert_eq!(world.run(&agent, "list_customers", json!({})).await.status, 200);
    let views = world.gateways[0].0.views();
    let (id, _) = views.cached()[0];
    world.source.change(|organisation| organisation.slug = "renamed".parse().unwrap());
    views.forget(id).await;
    assert_eq!(world.run(&agent, "list_customers", json!({})).await.status, 401);
    assert!(views.cached().is_empty());
    // One that comes back at the same address hears of changes like any other.
    world.source.change(|organisation| organisation.slug = "acme".parse().unwrap());
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert_eq!(world.run(&agent, "list_customers", json!({})).await.status, 200);
    world.publish(|organisation| organisation.grants[0].revoked = true).await;
    assert_eq!(world.run(&agent, "list_customers", json!({})).await.status, 401);
}

#[tokio::test]
async fn a_new_tool_is_called_at_once_after_one_refresh_and_guessing_costs_no_more() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    world
        .publish(|organisation| {
            organisation.servers[0].tools.retain(|tool| tool.name != "list_customers");
            organisation.servers[0].tools_at = Some(Utc::now() - TimeDelta::minutes(1));
        })
        .await;
    *world.source.on_refresh.lock().unwrap() = Some(Box::new(|organisation| {
        organisation.servers[0].tools.push(tool("list_customers", "read"));
        organisation.servers[0].tools_at = Some(Utc::now());
    }));
    let called = world.run(&agent, "list_customers", json!({})).await;
    assert!(called.json["result"].is_object(), "{}", called.text);
    for _ in 0..5 {
        world.run(&agent, "guess", json!({})).await;
    }
    assert_eq!(world.source.refreshes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn many_first_calls_at_once_read_the_organisation_once() {
    let (world, agent, _) = World::with_shop(allow_all()).await;
    let calls = (0..30).map(|_| world.run(&agent, "list_customers", json!({})));
    let replies = futures_util::future::join_all(calls).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(world.source.reads.load(Ordering::SeqCst), 1);
}
