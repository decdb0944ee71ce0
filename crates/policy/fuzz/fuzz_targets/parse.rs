//! `policy::fuzz::parse` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy::fuzz::parse(bytes));
