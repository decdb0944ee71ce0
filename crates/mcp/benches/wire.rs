//! What the wire costs: a call's envelope, a large event in small pieces, a filtered list.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::HeaderMap;
use mcp::lists::{Keep, ListKind, filter};
use mcp::sse::Decoder;
use mcp::version::Era;
use mcp::{era, message};

/// A `tools/list` answer of about 1.15 MB: 1 084 tools with schemas.
fn tools_list() -> String {
    let mut out = String::from(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":["#);
    for index in 0..1084 {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(
            out,
            r#"{comma}{{"name":"tool_{index}","description":"{}","inputSchema":{{"type":"object","properties":{{"id":{{"type":"string"}}}}}}}}"#,
            "What this tool does, in a sentence or two. ".repeat(22),
        );
    }
    out.push_str("]}}");
    out
}

fn wire(c: &mut Criterion) {
    let text = "Please summarise the attached notes. ".repeat(20);
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":42,"method":"tools/call","params":{{"name":"run_workflow","arguments":{{"workflow_id":"0199a8c2-7b1e-7c44-9d5e-3f1a2b4c5d6e","input_text":"{text}"}},"_meta":{{"progressToken":1}}}}}}"#
    );
    let headers = HeaderMap::new();
    c.bench_function("a 1 KB call, parsed and classified", |b| {
        b.iter(|| {
            let message = message::parse(black_box(call.as_bytes()));
            message.is_ok_and(|message| era::classify(&message, &headers).is_ok())
        });
    });

    let list = tools_list();
    let event = format!("event: message\ndata: {list}\n\n");
    let mut group = c.benchmark_group("a list of 1 084 tools");
    group.throughput(Throughput::Bytes(list.len() as u64));
    group.bench_function("as one event in pieces of 16 KB", |b| {
        b.iter(|| {
            let mut decoder = Decoder::default();
            let mut events = 0;
            for piece in event.as_bytes().chunks(16 * 1024) {
                decoder.push(black_box(piece));
                while let Ok(Some(_)) = decoder.next_event() {
                    events += 1;
                }
            }
            events
        });
    });
    group.bench_function("filtered to every second tool", |b| {
        b.iter(|| {
            let mut count = 0;
            filter(black_box(list.as_bytes()), ListKind::Tools, Era::Legacy, &mut |_| {
                count += 1;
                if count % 2 == 0 { Keep::Keep } else { Keep::Drop }
            })
        });
    });
    group.finish();
}

criterion_group!(benches, wire);
criterion_main!(benches);
