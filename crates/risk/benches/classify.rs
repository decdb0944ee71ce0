//! The time that one definition takes; the budget is 50 µs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use risk::{ToolInput, classify};

fn one_tool(criterion: &mut Criterion) {
    let description = "Create or update a record of the named table and return it. ".repeat(20);
    let property = r#"{"type":"string","description":"What to put there, as text."}"#;
    let properties: Vec<String> = (0..20).map(|at| format!(r#""field_{at}":{property}"#)).collect();
    let schema = format!(r#"{{"type":"object","properties":{{{}}}}}"#, properties.join(","));
    let typical = ToolInput {
        server_name: "records",
        name: "get_record",
        description: "Get one record by its id, with all of its fields.",
        input_schema: Some(r#"{"type":"object","properties":{"id":{"type":"string"}}}"#),
        annotations: Some(r#"{"readOnlyHint":true}"#),
        ..ToolInput::default()
    };
    let large = ToolInput {
        name: "records_create_or_update",
        description: &description,
        input_schema: Some(&schema),
        ..typical
    };
    criterion
        .bench_function("classify/typical", |bench| bench.iter(|| classify(black_box(&typical))));
    criterion.bench_function("classify/large", |bench| bench.iter(|| classify(black_box(&large))));
}

criterion_group!(benches, one_tool);
criterion_main!(benches);
