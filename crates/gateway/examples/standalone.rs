//! A gateway without a database, in front of one server: for trying clients by hand and for
//! measuring. `cargo run -p gateway --example standalone -- [server-url] [policy.json]`; without a
//! URL, the demo server. Prints the addresses and the token.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a tool for developers, not the product"
)]

#[path = "../tests/it/world.rs"]
mod world;

use std::net::SocketAddr;

use domain::Transport;
use gateway::limits::redis::RedisCounters;
use serde_json::{Value, json};
use world::{ACME, SHOP_TOOLS, World};

#[tokio::main]
async fn main() {
    let mut world = World::empty();
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next();
    let upstream: SocketAddr = match &url {
        Some(url) => url.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap(),
        None => world.serve(demo::router()).await,
    };
    let policy: Value = match arguments.next() {
        Some(path) => serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap(),
        None => json!({"version": "1", "default": "allow", "hide": ["delete_customer"],
            "all_tools": {"limits": [{"counter": "calls", "window": "minute", "max": 1_000_000_000}]}}),
    };
    let names = std::env::var("TOOLS").unwrap_or_default();
    let extra = names.split(',').filter(|name| !name.is_empty()).map(|name| (name, "read"));
    let tools: Vec<_> = extra.chain(SHOP_TOOLS).collect();
    world.server("shop", upstream, &tools);
    // By its address a server of the old transport is known here; nothing is discovered.
    if let Some(url) = url.filter(|url| url.ends_with("/sse")) {
        world.source.change(|organisation| {
            let server = &mut organisation.servers[0];
            (server.url, server.transport) = (url.parse().unwrap(), Transport::Sse);
            server.speaks_modern = false;
        });
    }
    let agent = world.grant("standalone", &[("shop", Some(policy))]);
    world.records.forget();
    let at = match std::env::var("REDIS_URL") {
        Ok(url) => {
            let counters = std::sync::Arc::new(RedisCounters::open(&url).unwrap());
            world.gateway_with(counters, |_| {}).await
        }
        Err(_) => world.gateway(|_| {}).await,
    };
    println!("server   http://{upstream}/mcp");
    println!("gateway  http://{at}{}", agent.path);
    println!("tenant   http://{at}/t/{ACME}/mcp");
    println!("token    {}", agent.token);
    std::future::pending::<()>().await;
}
