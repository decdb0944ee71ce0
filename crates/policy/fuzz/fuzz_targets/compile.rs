//! `policy::fuzz::compile` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy::fuzz::compile(bytes));
