//! Laws over made documents and calls, then each body over its kept inputs and over made ones. The
//! seed of a failed run is printed, and `DRAWBRIDGE_FUZZ_SEED` repeats it; `PROPTEST_CASES` asks
//! for more of everything.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::dice::Dice;
use super::laws::{World, facts};
use super::{changes, compile, corpus, evaluate, made, mutate, parse};
use crate::condition::Op;
use crate::limit::Scope;
use crate::path::ATTRIBUTES;
use crate::response::Sensitive;
use crate::window::Window;

/// Calls that each made document judges. In all, a million: four tests, so that they share the
/// machine's processors.
const CALLS: usize = 625;
const DOCUMENTS: u64 = 400;
/// What `PROPTEST_CASES` is where nobody says.
const USUAL_CASES: u64 = 256;

/// Every law for every case: a case is one call of a tool, a prompt and a resource, judged by one
/// made document, by what that becomes, and by the reference.
fn laws_hold(part: u64) {
    let seed = seed().wrapping_add(part << 32);
    for round in 0..DOCUMENTS * cases() / USUAL_CASES {
        let seed = seed.wrapping_add(round);
        let held = catch_unwind(AssertUnwindSafe(|| {
            let mut dice = Dice::Seed(seed);
            World::made(&mut dice).check(&mut dice, CALLS);
        }));
        let first = seed.wrapping_sub(part << 32);
        assert!(held.is_ok(), "DRAWBRIDGE_FUZZ_SEED={first} repeats it in this test at once");
    }
}

#[test]
fn every_law_holds_for_a_quarter_of_a_million_calls() {
    laws_hold(0);
}

#[test]
fn every_law_holds_for_another_quarter() {
    laws_hold(1);
}

#[test]
fn every_law_holds_for_a_third_quarter() {
    laws_hold(2);
}

#[test]
fn every_law_holds_for_the_last_quarter() {
    laws_hold(3);
}

#[test]
fn what_is_said_of_a_change_is_so() {
    let seed = seed();
    for round in 0..1_500 * cases() / USUAL_CASES {
        let seed = seed.wrapping_add(round);
        let held = catch_unwind(|| changes::bear_as_is_said(&mut Dice::Seed(seed), 40)).is_ok();
        assert!(held, "DRAWBRIDGE_FUZZ_SEED={seed} repeats it in this test at once");
    }
}

/// Laws that are only asked of refusals would hold of a generator that makes nothing else.
#[test]
fn made_cases_come_to_every_end() {
    let mut ends = BTreeMap::<String, usize>::new();
    for seed in 0..150 {
        let mut dice = Dice::Seed(seed);
        for end in World::made(&mut dice).ends(&mut dice, 40) {
            *ends.entry(end).or_default() += 1;
        }
    }
    for end in [
        "allowed",
        "observed",
        "approval_required",
        "hidden (hidden)",
        "hidden (unknown tool)",
        "quarantined (definition changed)",
        "denied (default deny)",
        "denied require",
        "denied deny_if",
        "denied approve_if",
        "denied limits",
        "denied validate_arguments",
        "denied keys",
    ] {
        let count = ends.get(end).copied().unwrap_or_default();
        assert!(count >= 20, "{end}: {count} of 6000\n{ends:#?}");
    }
}

// === Bodies ===

fn run(target: &str, body: fn(&[u8]), rounds: u64) {
    let kept = corpus::of(target);
    assert!(kept.len() > 5, "{target} has hardly any kept inputs");
    for (name, bytes) in &kept {
        check(body, bytes, || format!("{target}: the kept input {name}"));
    }
    let seed = seed();
    let mut dice = Dice::Seed(seed);
    for round in 0..rounds * cases() / USUAL_CASES {
        let input = mutate::mutated(&mut dice, &kept);
        check(body, &input, || format!("{target}: DRAWBRIDGE_FUZZ_SEED={seed}, round {round}"));
    }
}

fn check(body: fn(&[u8]), input: &[u8], what: impl Fn() -> String) {
    let held = catch_unwind(AssertUnwindSafe(|| body(input))).is_ok();
    assert!(held, "{}\n{}", what(), input.escape_ascii());
}

#[expect(clippy::disallowed_methods, reason = "a failed run is repeated by its seed")]
fn seed() -> u64 {
    let given = std::env::var("DRAWBRIDGE_FUZZ_SEED").ok();
    let random = || RandomState::new().hash_one(0);
    given.map_or_else(random, |seed| seed.parse().expect("the seed is a number"))
}

#[expect(clippy::disallowed_methods, reason = "the nightly run asks for more")]
fn cases() -> u64 {
    let given = std::env::var("PROPTEST_CASES").ok();
    given.map_or(USUAL_CASES, |cases| cases.parse().expect("the cases are a number"))
}

#[test]
fn a_text_is_a_document_or_a_list_of_errors() {
    run("parse", parse, 8_000);
}

#[test]
fn an_accepted_document_compiles_and_decides() {
    run("compile", compile, 3_000);
}

#[test]
fn bytes_that_are_choices_keep_every_law() {
    run("evaluate", evaluate, 1_000);
}

#[test]
fn made_documents_are_valid_and_have_everything() {
    let mut words = words_of_the_language();
    let schema = jsonschema::options().offline().build(&crate::json_schema()).expect("a schema");
    for seed in 0..400 {
        let mut dice = Dice::Seed(seed);
        let text = made::document(&mut dice).to_string();
        // Numbers that are too large for floats are beyond this reader, not beyond the schema.
        if let Ok(value) = serde_json::from_str(&text) {
            assert!(schema.is_valid(&value), "the schema refuses {text}");
        }
        words.retain(|word| !text.contains(&format!("\"{word}\"")));
        let tools: Vec<_> = made::tools(&mut dice).iter().map(facts).collect();
        let document = crate::parse(&text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert!(crate::compile(&document, &tools).is_ok());
    }
    assert!(words.is_empty(), "no made document has {words:?}");
}

fn words_of_the_language() -> Vec<&'static str> {
    use crate::parse::{
        ACTIONS, APPROVALS_KEYS, DOCUMENT_KEYS, GATE_KEYS, LIMIT_KEYS, OWN_KEYS, PREDICATE_KEYS,
        RATE_LIMIT_KEYS, RESPONSE_KEYS, RULE_KEYS, SECTION_KEYS,
    };
    let keys: [&[&str]; 11] = [
        &ACTIONS,
        &APPROVALS_KEYS,
        &DOCUMENT_KEYS,
        &GATE_KEYS,
        &LIMIT_KEYS,
        &OWN_KEYS,
        &PREDICATE_KEYS,
        &RATE_LIMIT_KEYS,
        &RESPONSE_KEYS,
        &RULE_KEYS,
        &SECTION_KEYS,
    ];
    let ops = Op::ALL.map(Op::as_str).into_iter();
    let scopes = Scope::ALL.map(Scope::as_str).into_iter();
    let kinds = Sensitive::ALL.map(Sensitive::as_str).into_iter();
    let windows = Window::NAMED.into_iter().filter_map(Window::name);
    let paths = ATTRIBUTES.iter().map(|(name, _)| *name);
    let joins = ["path", "op", "value", "any", "all", "not", "sliding", "observe"].into_iter();
    let rest = ops.chain(scopes).chain(kinds).chain(windows).chain(paths).chain(joins);
    keys.into_iter().flatten().copied().chain(rest).collect()
}
