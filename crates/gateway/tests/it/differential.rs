//! Hostile calls over HTTP: what reaches the server is, for every reader, what was judged. The
//! same without sockets, and many more of them, is in `src/fuzz/`.

#[path = "../../src/fuzz/hostile.rs"]
mod hostile;
#[path = "../../src/fuzz/readers.rs"]
mod readers;
#[path = "../../src/fuzz/rule.rs"]
mod rule;

use std::sync::{Arc, Mutex};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::world::{Seen, World};
use readers::Reader;

const CASES: usize = 600;

#[tokio::test]
async fn what_reaches_the_server_is_what_was_judged_for_every_reader() {
    let heard: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let ears = Arc::clone(&heard);
    let policy = serde_json::from_str(rule::POLICY).unwrap();
    let (world, agent) = World::with_upstream(policy, &[rule::TOOL, "danger"], move |seen| {
        ears.lock().unwrap().push(seen.clone());
        async move { seen.result(&json!({"content": []})) }
    })
    .await;
    let mut runner = TestRunner::default();
    let mut forwarded = 0;
    for _ in 0..CASES {
        let body = hostile::bodies().new_tree(&mut runner).unwrap().current();
        let reply = world.post_raw(&agent, &[], body.0.clone()).await;
        let heard = std::mem::take(&mut *heard.lock().unwrap());
        let [seen] = heard.as_slice() else {
            assert!(heard.is_empty(), "{body:?} was sent {} times", heard.len());
            continue;
        };
        assert_eq!(seen.body, body.0, "the bytes that were judged");
        assert_eq!(reply.status, 200, "{body:?}");
        forwarded += 1;
        let record = world.records.last();
        for reader in Reader::ALL {
            let Some(read) = reader.read(&seen.body) else { continue };
            assert_eq!(read["method"], record.method, "{body:?}");
            if record.method == "tools/call" {
                rule::within_the_rule(reader, &read);
            }
        }
    }
    assert!((5..CASES - 5).contains(&forwarded), "{forwarded} of {CASES} were forwarded");
}
