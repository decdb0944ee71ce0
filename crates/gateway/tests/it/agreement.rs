//! What the gateway does with a call is what the policy's explanation says of it: made documents
//! and calls, as `policy` makes them for its own laws, through the whole of the gateway.

#[path = "../../../policy/src/fuzz/dice.rs"]
#[expect(dead_code, reason = "the fuzzer of the policy needs more of it")]
mod dice;
#[path = "../../../policy/src/fuzz/made/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the laws of the policy need more of it")]
mod made;
#[path = "../../../policy/src/fuzz/tree.rs"]
#[expect(dead_code, reason = "the laws of the policy need more of it")]
mod tree;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{Clock, ToolState};
use gateway::source::ToolSnapshot;
use made::Known;
use policy::{Call, Category, Compiled, Context, Explanation, ToolFacts};
use serde_json::json;

use crate::world::{Agent, World, allow_all, borrowed, call, modern, reply};
use dice::Dice;
use tree::Tree;

const DOCUMENTS: u64 = 25;
const CALLS: usize = 40;

fn snapshot(known: &Known) -> ToolSnapshot {
    let mut definition = Tree::object([("name", Tree::text(known.name))]);
    for (key, value) in [("inputSchema", &known.schema), ("annotations", &known.annotations)] {
        if let Some(value) = value {
            definition.put(key, value.clone());
        }
    }
    ToolSnapshot {
        name: known.name.to_owned(),
        category: known.category.to_owned(),
        risk: known.risk.to_owned(),
        state: match known.state {
            "current" => ToolState::Current,
            "new" => ToolState::New,
            _ => ToolState::Changed,
        },
        fingerprint: definition.to_string(),
        definition: definition.to_string().into(),
    }
}

fn facts(known: &Known) -> ToolFacts {
    let category = Category::parse(known.category).unwrap();
    ToolFacts {
        name: known.name.to_owned(),
        category,
        risk: known.risk.to_owned(),
        input_schema: known.schema.as_ref().map(Tree::to_string),
        annotations: known.annotations.as_ref().map(Tree::to_string),
        state: match known.state {
            "current" => policy::ToolState::Current,
            // Of a kind that an organisation accepts by itself.
            "new" if category == Category::Read => policy::ToolState::Current,
            "new" => policy::ToolState::New,
            _ => policy::ToolState::Quarantined,
        },
    }
}

fn explained(policy: &Compiled, tool: &str, arguments: &str, now: DateTime<Utc>) -> Explanation {
    let tape = json::parse(arguments.as_bytes()).unwrap();
    let arguments = (!tape.root().is_null()).then(|| tape.root());
    let context = Context { grant_label: "agent", client_name: Some("modern-client"), now };
    policy.explain(&Call { tool, arguments, context: &context })
}

/// A world whose one server has made tools, under a made document.
async fn made_world(document: &str, tools: &[Known]) -> (World, Agent) {
    let mut world = World::empty();
    world.clock = Clock::fixed("2026-11-25T13:47:31Z".parse().unwrap());
    // Numbers that no float holds are no trouble for a server that reads none of them.
    let answer = json!({"jsonrpc": "2.0", "id": 7, "result": {"content": []}}).to_string();
    let at = world
        .upstream(move |_| {
            let answer = answer.clone();
            async move { reply(200, "application/json", answer) }
        })
        .await;
    world.server("shop", at, &[]);
    let agent = world.grant("agent", &[("shop", Some(allow_all()))]);
    world.source.change(|organisation| {
        organisation.servers[0].tools = tools.iter().map(snapshot).collect();
        organisation.policies[0].document = document.into();
    });
    world.gateway(|_| {}).await;
    (world, agent)
}

#[tokio::test]
async fn the_gateway_does_what_the_explanation_says() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..DOCUMENTS {
        let mut dice = Dice::Seed(seed);
        let (document, tools) = (made::document(&mut dice).to_string(), made::tools(&mut dice));
        let known: Vec<_> = tools.iter().map(facts).collect();
        let policy = policy::compile(&policy::parse(&document).unwrap(), &known).unwrap();
        let (world, agent) = made_world(&document, &tools).await;
        for _ in 0..CALLS {
            let tool = made::tool_name(&mut dice);
            let arguments = made::arguments(&mut dice);
            // The protocol itself refuses these, or has them spelled otherwise in a header.
            if tool.is_empty() || !tool.is_ascii() || matches!(arguments, Tree::List(_)) {
                continue;
            }
            let arguments = arguments.to_string();
            let explanation = explained(&policy, tool, &arguments, world.clock.now());
            let (headers, message) = modern(call(tool, json!("ARGUMENTS")));
            let body = message.to_string().replace("\"ARGUMENTS\"", &arguments);
            let before = world.records.all().len();
            let answer = world.post_raw(&agent, &borrowed(&headers), body).await;
            let record = world.records.count(before + 1).await.pop().unwrap();
            let told = format!("{document}\n{tool} {arguments}\n{explanation:#?}\n{}", answer.text);
            let outcome = record.outcome.as_str();
            outcomes.insert(outcome);
            if outcome == "limited" {
                // Only the counters know; the explanation says what is asked of them.
                assert!(explanation.limits.iter().any(|limit| limit.rule == record.rule), "{told}");
                continue;
            }
            assert_eq!(outcome, explanation.outcome, "{told}");
            assert_eq!(record.rule, explanation.rule, "{told}");
            match outcome {
                // The client is told what it is told of any name that is not there.
                "hidden" => assert_eq!(answer.json["error"]["message"], *explanation.message),
                "allowed" | "observed" => assert_eq!(record.message, explanation.message, "{told}"),
                _ => {
                    assert_eq!(record.message, explanation.message, "{told}");
                    assert!(answer.tool_text().ends_with(&explanation.message), "{told}");
                }
            }
        }
    }
    let expected = ["allowed", "denied", "hidden", "observed", "quarantined", "approval_required"];
    assert!(expected.iter().all(|outcome| outcomes.contains(outcome)), "{outcomes:?}");
}
