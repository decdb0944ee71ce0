//! From text to tests: strict, with all errors at once, like a policy document.

use std::collections::BTreeSet;

use json::Kind;
use serde_json::value::RawValue;

use super::{Expect, MAX_ARGUMENTS_BYTES, MAX_NAME_CHARS, MAX_REPEAT, MAX_TESTS, Test};
use crate::decimal::Decimal;
use crate::parse::{Fields, Place, Reader};
use crate::problem::Problem;

/// The longest file of tests.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The longest label, client's name, tool or rule id.
const MAX_TEXT_CHARS: usize = 2_000;

const SUITE_KEYS: [&str; 3] = ["version", "tests", "$schema"];
const TEST_KEYS: [&str; 9] =
    ["name", "tool", "arguments", "at", "grant", "client", "repeat", "expect", "rule"];

/// Reads the tests of a policy, or says everything that is wrong with them.
pub fn parse(text: &str) -> Result<Vec<Test>, Vec<Problem>> {
    let mut reader = Reader::new(text);
    if text.len() > MAX_BYTES {
        let detail =
            format!("The tests have {} bytes; they may have at most {MAX_BYTES}.", text.len());
        reader.wrong_at(0, "", detail, None);
        return Err(reader.finish());
    }
    let tape = match json::parse(text.as_bytes()) {
        Ok(tape) => tape,
        Err(error) => {
            let detail = format!("This is not valid JSON: {}.", error.kind());
            reader.wrong_at(error.offset(), "", detail, None);
            return Err(reader.finish());
        }
    };
    let tests = suite(&mut reader, &Place::root(tape.root()));
    match reader.finish() {
        problems if problems.is_empty() => Ok(tests),
        problems => Err(problems),
    }
}

fn suite<'t>(reader: &mut Reader<'t>, root: &Place<'t>) -> Vec<Test> {
    let Some(fields) = reader.object(root, "a file of tests", &SUITE_KEYS) else {
        return Vec::new();
    };
    match fields.place("version") {
        Some(place) if place.node.is_str("1") => {}
        Some(place) => {
            reader.wrong(place, "Tests have one version, written \"version\": \"1\".");
        }
        None => reader.missing(root, "A file of tests", "version"),
    }
    let Some(place) = fields.place("tests") else {
        reader.missing(root, "A file of tests", "tests");
        return Vec::new();
    };
    if reader.expect(place, Kind::Array, "a list of tests").is_none() {
        return Vec::new();
    }
    if place.node.len() > MAX_TESTS {
        let detail =
            format!("These are {} tests; there may be at most {MAX_TESTS}.", place.node.len());
        reader.wrong(place, detail);
        return Vec::new();
    }
    let mut names = BTreeSet::new();
    let mut tests = Vec::new();
    for item in place.items() {
        let Some(test) = test(reader, &item) else { continue };
        if !names.insert(test.name.clone()) {
            reader.wrong(&item, "Another test has the same name.");
        }
        tests.push(test);
    }
    tests
}

fn test<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Option<Test> {
    let fields = reader.object(place, "a test", &TEST_KEYS)?;
    for key in ["name", "tool", "expect"].into_iter().filter(|key| !fields.has(key)) {
        reader.missing(place, "A test", key);
    }
    let name = fields.place("name").and_then(|place| reader.text(place, MAX_NAME_CHARS));
    let tool = fields.place("tool").and_then(|place| reader.text(place, MAX_TEXT_CHARS));
    let expect = fields.place("expect");
    let expect = expect.and_then(|place| reader.word(place, &Expect::ALL, Expect::as_str));
    let arguments = fields.place("arguments").and_then(|place| arguments(reader, place));
    let at = fields.place("at").and_then(|place| time(reader, place));
    let repeat = fields.place("repeat").map_or(Some(1), |place| repeat(reader, place));
    let [grant, client, rule] = ["grant", "client", "rule"].map(|key| words(reader, &fields, key));
    Some(Test {
        name: name?,
        tool: tool?,
        arguments,
        at,
        grant,
        client,
        repeat: repeat?,
        expect: expect?,
        rule,
    })
}

fn words<'t>(reader: &mut Reader<'t>, fields: &Fields<'t>, key: &str) -> Option<String> {
    fields.place(key).and_then(|place| reader.text(place, MAX_TEXT_CHARS))
}

fn arguments<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Option<Box<RawValue>> {
    if place.is(Kind::Null) {
        return None;
    }
    reader.expect(place, Kind::Object, "an object of arguments")?;
    let text = place.node.raw_str();
    if text.len() > MAX_ARGUMENTS_BYTES {
        let detail = format!("Arguments may have at most {MAX_ARGUMENTS_BYTES} bytes.");
        reader.wrong(place, detail);
        return None;
    }
    RawValue::from_string(text.to_owned()).ok()
}

fn time<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Option<chrono::DateTime<chrono::Utc>> {
    let text = reader.text(place, MAX_NAME_CHARS)?;
    let time = text.parse().ok();
    if time.is_none() {
        reader.wrong(place, "A time is written like \"2026-11-25T12:00:00Z\".");
    }
    time
}

fn repeat<'t>(reader: &mut Reader<'t>, place: &Place<'t>) -> Option<u64> {
    let number = place.node.as_number().and_then(Decimal::parse);
    let repeat = number.and_then(|number| number.whole().ok());
    let repeat = repeat.filter(|repeat| (1..=MAX_REPEAT).contains(repeat));
    if repeat.is_none() {
        reader.wrong(place, format!("\"repeat\" is a whole number from 1 to {MAX_REPEAT}."));
    }
    repeat
}
