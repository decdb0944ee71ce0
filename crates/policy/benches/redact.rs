//! What it costs to take things out of an answer: of 64 KiB of text that has nothing to take out,
//! and of one that is full of it.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use policy::{Category, Compiled, ToolFacts, ToolState};

const LENGTH: usize = 64 << 10;

fn policy(kinds: &str) -> Option<Compiled> {
    let text = format!(
        r#"{{"version":"1","default":"deny","tools":{{"t":{{"response":{{"redact":[{kinds}]}}}}}}}}"#
    );
    let tool = ToolFacts {
        name: "t".to_owned(),
        category: Category::Read,
        risk: "low".to_owned(),
        input_schema: None,
        annotations: None,
        state: ToolState::Current,
    };
    policy::compile(&policy::parse(&text).ok()?, &[tool]).ok()
}

/// A result of many texts, as of a table of customers.
fn message(line: &str) -> String {
    let mut out = String::from(r#"{"jsonrpc":"2.0","id":1,"result":{"content":["#);
    for number in 0.. {
        if out.len() >= LENGTH {
            break;
        }
        let comma = if number == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(out, r#"{comma}{{"type":"text","text":"{number}: {line}"}}"#);
    }
    out.push_str("]}}");
    out
}

fn redact(criterion: &mut Criterion) {
    let clean = message(
        "The order 2026-11-25/71 of 12.50 EUR was shipped to the customer in three parcels; the \
         last one is expected on Friday, see https://shop.example/orders/71?tab=parcels.",
    );
    let dirty = message("Ada, ada@example.com, +1 415 555 2671, card 4111 1111 1111 1111.");
    let mut group = criterion.benchmark_group("redact");
    let all = r#""secrets","emails","cards","phones""#;
    for (name, kinds, text) in [
        ("clean/emails", r#""emails""#, &clean),
        ("clean/secrets", r#""secrets""#, &clean),
        ("clean/cards", r#""cards""#, &clean),
        ("clean/phones", r#""phones""#, &clean),
        ("clean/all", all, &clean),
        ("dirty/all", all, &dirty),
    ] {
        let Some(policy) = policy(kinds) else { return };
        let (Some(rule), Ok(tape)) = (policy.response_of_tool("t"), json::parse(text.as_bytes()))
        else {
            return;
        };
        group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap_or_default()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(rule.redact(black_box(tape.root()))));
        });
    }
    group.finish();
}

criterion_group!(benches, redact);
criterion_main!(benches);
