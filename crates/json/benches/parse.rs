//! How long a strict parse takes: the bar is 1.5 µs for a 1 KB call.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A `tools/call` of about `size` bytes: short values and one long text.
fn tools_call(size: usize) -> Vec<u8> {
    let text = "Please summarise the attached notes, é and all.\\n".repeat(size / 64);
    format!(
        r#"{{"jsonrpc":"2.0","id":42,"method":"tools/call","params":{{"name":"run_workflow","arguments":{{"workflow_id":"0199a8c2-7b1e-7c44-9d5e-3f1a2b4c5d6e","input_text":"{text}","options":{{"retries":3,"timeout_ms":30000,"dry_run":false,"labels":["nightly","eu-central-1"],"score":0.875}}}},"_meta":{{"progressToken":"p-42"}}}}}}"#
    )
    .into_bytes()
}

/// A `tools/list` answer of about 1.15 MB: 1 084 tools with schemas.
fn tools_list() -> Vec<u8> {
    let mut out = String::from(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":["#);
    for index in 0..1084 {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(
            out,
            r#"{comma}{{"name":"tool_{index}","description":"{}","inputSchema":{{"type":"object","properties":{{"id":{{"type":"string","description":"{}"}},"limit":{{"type":"integer","minimum":1,"maximum":100,"default":10}}}},"required":["id"]}},"annotations":{{"readOnlyHint":true}}}}"#,
            "What this tool does, in a sentence or two. ".repeat(14),
            "The identifier of the thing. ".repeat(5),
        );
    }
    out.push_str("]}}");
    out.into_bytes()
}

fn parse(c: &mut Criterion) {
    let documents = [
        ("call 1 KB", tools_call(820)),
        ("call 100 KB", tools_call(125_000)),
        ("list", tools_list()),
    ];
    let mut group = c.benchmark_group("parse");
    for (name, document) in &documents {
        group.throughput(Throughput::Bytes(document.len() as u64));
        group.bench_function(*name, |b| {
            b.iter(|| json::parse(black_box(document)).is_ok());
        });
        group.bench_function(format!("{name}, then duplicate keys"), |b| {
            b.iter(|| {
                json::parse(black_box(document)).is_ok_and(|t| t.root().duplicate_key().is_none())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
