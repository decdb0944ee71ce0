//! Any document that is accepted can be compiled for any server, linted, compared and asked.

use chrono::DateTime;

use super::dice::Dice;
use super::laws::facts;
use super::made;
use crate::{Call, Context, Decision, compile as build, diff, warnings};

/// For any text that somebody could publish.
///
/// # Panics
/// If an accepted document cannot be compiled, or decides one thing and explains another.
pub fn compile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(document) = crate::parse(text) else { return };
    let mut dice = Dice::Seed(7);
    let tools: Vec<_> = made::tools(&mut dice).iter().map(facts).collect();
    let _ = warnings(&document, Some(&tools));
    let again = crate::parse(&document.to_json()).expect("the normal form is a document");
    assert!(diff(&document, &again).is_empty());
    // Only globs that are too large when compiled are refused this late.
    let Ok(policy) = build(&document, &tools) else { return };
    let context = Context { grant_label: "agent", client_name: None, now: DateTime::UNIX_EPOCH };
    for tool in tools.iter().map(|tool| &*tool.name).chain(["gone"]) {
        for _ in 0..3 {
            let arguments = made::arguments(&mut dice).to_string();
            let tape = json::parse(arguments.as_bytes()).expect("made arguments are JSON");
            let call = Call { tool, arguments: Some(tape.root()), context: &context };
            let decision = policy.decide(&call);
            assert!(!decision.can_pass() || policy.lists(tool), "{tool} is callable, not listed");
            if let Decision::Refuse(refusal) = decision {
                let explanation = policy.explain(&call);
                assert_eq!(explanation.rule, refusal.rule);
                assert_eq!(explanation.message, refusal.message);
            }
        }
    }
}
