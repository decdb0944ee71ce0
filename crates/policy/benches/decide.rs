//! What a decision costs: at 20, 50, 200 and 2 000 rules, and for the shapes of a call.

#![expect(clippy::panic, reason = "a benchmark that cannot begin has nothing to measure")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use policy::{Call, Category, Compiled, Context, ToolFacts, ToolState};

const SHARED: &str = r#""all_tools":{"limits":[
    {"counter":"calls","window":"minute","max":60,"scope":"grant"}]}"#;

/// The rule of a tool that moves money: everything a rule can have.
const RULE: &str = r#"{
    "require":[{"conditions":[{"path":"args.reason","op":"exists","value":true}]}],
    "deny_if":[{"conditions":[{"path":"args.amount","op":"gt","value":10000}]},
               {"conditions":[{"path":"args.note","op":"regex","value":"(?i)drop\\s+table"}]}],
    "approve_if":[{"conditions":[{"path":"args.amount","op":"gt","value":1000}]}],
    "limits":[{"counter":"charges","window":"minute","max":30,"scope":"grant"},
              {"counter":"spend","window":"day","max":50000,"scope":"server",
               "increment_from":"args.amount"}]}"#;

fn text(rules: usize) -> String {
    let mut text =
        format!(r#"{{"version":"1","default":"deny","hide":["admin_*"],{SHARED},"tools":{{"#);
    for index in 0..rules {
        let rule = if rules > 400 { "{}" } else { RULE };
        let _ = write!(text, r#""tool_{index}":{rule},"#);
    }
    let _ = write!(text, r#""charge":{RULE},"list_*":{{}}}}}}"#);
    text
}

fn tools(rules: usize) -> Vec<ToolFacts> {
    let names = (0..rules).map(|index| format!("tool_{index}"));
    let names = names.chain(["charge".to_owned(), "list_users".to_owned()]);
    let facts = |name| ToolFacts {
        name,
        category: Category::Write,
        risk: "medium".to_owned(),
        input_schema: None,
        annotations: None,
        state: ToolState::Current,
    };
    names.map(facts).collect()
}

fn compiled(rules: usize) -> Compiled {
    let document = policy::parse(&text(rules)).unwrap_or_else(|problems| panic!("{problems:?}"));
    policy::compile(&document, &tools(rules)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn decide(criterion: &mut Criterion) {
    let now = "2026-11-25T12:00:00Z".parse().unwrap_or_default();
    let context = Context { grant_label: "agent", client_name: Some("bench"), now };
    let text = br#"{"amount":99.5,"reason":"invoice 12","note":"second half","currency":"eur"}"#;
    let Ok(tape) = json::parse(text) else { return };
    let arguments = Some(tape.root());
    let mut group = criterion.benchmark_group("decide");
    for rules in [20, 50, 200, 1_990] {
        let policy = compiled(rules);
        for tool in ["charge", "list_users", "unknown"] {
            let call = Call { tool, arguments, context: &context };
            group.bench_with_input(BenchmarkId::new(tool, rules), &call, |bencher, call| {
                bencher.iter(|| black_box(policy.decide(black_box(call))));
            });
        }
    }
    group.finish();
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    group.sample_size(20);
    for rules in [20, 200, 1_990] {
        let text = text(rules);
        group.bench_with_input(BenchmarkId::new("parse", rules), &text, |bencher, text| {
            bencher.iter(|| black_box(policy::parse(text)));
        });
        let (Ok(document), tools) = (policy::parse(&text), tools(rules)) else { return };
        group.bench_with_input(
            BenchmarkId::new("compile", rules),
            &document,
            |bencher, document| {
                bencher.iter(|| black_box(policy::compile(document, &tools)));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, decide, build);
criterion_main!(benches);
