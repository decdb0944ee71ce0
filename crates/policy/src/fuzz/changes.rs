//! What is said of a change of a document is so: nothing that is called stricter lets a call pass
//! that did not pass before, and nothing that is called looser refuses one that did.

use super::dice::Dice;
use super::laws::{Ask, facts, without};
use super::made;
use super::tree::Tree;
use crate::{Bearing, Call, Compiled, Document, ToolState, diff};

/// Changes one made document a little, both ways, and judges so many made calls by both.
pub(super) fn bear_as_is_said(dice: &mut Dice<'_>, calls: usize) {
    let old = made::document(dice);
    let new = edited(&old, dice);
    let read = |tree: &Tree| crate::parse(&tree.to_string()).ok();
    let Some((one, other)) = read(&old).zip(read(&new)) else { return };
    let mut tools: Vec<_> = made::tools(dice).iter().map(facts).collect();
    // Naming a tool exactly accepts its new definition, which no document alone can say.
    for tool in &mut tools {
        tool.state = ToolState::Current;
    }
    let compile = |document: &Document| {
        crate::compile(document, &tools).expect("a made document can be compiled")
    };
    let (before, after) = (compile(&one), compile(&other));
    for _ in 0..calls {
        let ask = Ask::made(dice);
        is_so([&one, &other], [&before, &after], &ask);
        is_so([&other, &one], [&after, &before], &ask);
    }
}

fn is_so(documents: [&Document; 2], policies: [&Compiled; 2], ask: &Ask) {
    let changes = diff(documents[0], documents[1]);
    assert_eq!(changes.is_empty(), documents[0] == documents[1]);
    let text = ask.arguments.to_string();
    let tape = json::parse(text.as_bytes()).expect("made arguments are JSON");
    let arguments = (!tape.root().is_null()).then(|| tape.root());
    let context = ask.context();
    let call = Call { tool: ask.tool, arguments, context: &context };
    let [was, is] = policies.map(|policy| policy.decide(&call).can_pass());
    let all = |way| changes.iter().all(|c| c.bearing == way || c.bearing == Bearing::Neither);
    let told = || {
        let [old, new] = documents.map(Document::to_json);
        format!("{old}\n{new}\n{changes:#?}\n{} {text} {was} {is}", ask.tool)
    };
    // What cannot be judged is refused by whatever looks at it, so that looking at less lets it pass.
    let is_odd = |policy: &Compiled| {
        let steps = policy.explain(&call).steps;
        steps.last().is_some_and(|last| {
            last.step == "keys" || last.conditions.iter().any(|c| c.result == "cannot be judged")
        })
    };
    let [newly_passes, newly_refused] = [is && !was, was && !is];
    let is_looser = all(Bearing::Stricter) && newly_passes && !is_odd(policies[0]);
    let is_stricter = all(Bearing::Looser) && newly_refused && !is_odd(policies[1]);
    assert!(!is_looser, "looser: {}", told());
    assert!(!is_stricter, "stricter: {}", told());
}

/// The document without one of its parts, or with one part of another document.
fn edited(document: &Tree, dice: &mut Dice<'_>) -> Tree {
    let other = made::document(dice);
    let parts = other.members();
    let (key, value) = &parts[dice.below(parts.len())];
    let mut out = document.clone();
    match out.get_mut(key) {
        _ if dice.one_in(2) => {
            let mut at = dice.below(64);
            return without(document, &mut at).unwrap_or(out);
        }
        Some(place) => *place = value.clone(),
        None => out.put(key, value.clone()),
    }
    out
}
