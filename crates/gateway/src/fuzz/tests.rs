//! Each body over its kept inputs, then over made ones, as many as some ten seconds allow. The
//! seed of a failed run is printed, and `DRAWBRIDGE_FUZZ_SEED` repeats it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::envelope::allows;
use super::{corpus, envelope, hostile, list, mutate, seal, stream};

fn run(target: &str, body: fn(&[u8]), rounds: usize) {
    let kept = corpus::of(target);
    assert!(kept.len() > 5, "{target} has hardly any kept inputs");
    for (name, bytes) in &kept {
        check(body, bytes, || format!("{target}: the kept input {name}"));
    }
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    for round in 0..rounds {
        let input = mutate::mutated(&mut rng, &kept);
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
    given.map_or_else(rand::random, |seed| seed.parse().expect("the seed is a number"))
}

#[test]
fn an_accepted_envelope_has_one_reading() {
    run("envelope", envelope, 100_000);
}

#[test]
fn a_filtered_list_shows_what_it_may_and_loses_nothing() {
    run("list", list, 50_000);
}

#[test]
fn a_stream_reads_alike_however_it_is_cut_and_whoever_reads_it() {
    run("stream", stream, 20_000);
}

#[test]
fn nothing_opens_but_what_was_sealed() {
    run("seal", seal, 2_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_reader_takes_what_is_forwarded_for_another_call(body in hostile::bodies()) {
        envelope(&body.0);
    }
}

#[test]
fn hostile_calls_are_often_enough_let_through_to_mean_something() {
    let mut runner = TestRunner::deterministic();
    let (mut read, mut allowed) = (0, 0);
    for _ in 0..1_000 {
        let body = hostile::bodies().new_tree(&mut runner).unwrap().current();
        if let Ok(message) = mcp::message::parse(&body.0) {
            read += 1;
            allowed += usize::from(allows(&message));
        }
    }
    assert!((100..900).contains(&read), "{read} of 1000 have one reading");
    assert!((50..read - 50).contains(&allowed), "{allowed} of {read} are allowed");
}
