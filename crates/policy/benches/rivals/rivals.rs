//! The same policy in three languages: each tool is allowed up to an amount. What it costs to make
//! 20, 200 and 2 000 such rules ready, and to judge one call by them, with its arguments already
//! read and from their text.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{Authorizer, Entities, EntityUid, PolicySet, Request};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use policy::{Call, Category, Compiled, ToolFacts, ToolState};
use serde_json::Value;

const SIZES: [usize; 3] = [20, 200, 2_000];
const ARGUMENTS: &str = r#"{"amount":99,"reason":"invoice 12","note":"second half"}"#;
const TOO_MUCH: &str = r#"{"amount":10001,"reason":"invoice 12","note":"second half"}"#;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A way to say and to judge the policy.
trait Language: Sized {
    const NAME: &str;
    /// Arguments as the language wants them.
    type Arguments;

    fn text(rules: usize) -> String;
    fn ready(text: &str, rules: usize) -> Outcome<Self>;
    fn read(&self, text: &str) -> Outcome<Self::Arguments>;
    fn allows(&self, tool: &str, arguments: &Self::Arguments) -> Outcome<bool>;
}

// === Ours ===

struct Ours(Compiled);

impl Language for Ours {
    const NAME: &str = "drawbridge";
    type Arguments = json::Tape<'static>;

    fn text(rules: usize) -> String {
        let mut text = String::from(r#"{"version":"1","default":"deny","tools":{"#);
        for index in 0..rules {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(
                text,
                r#"{comma}"tool_{index}":{{"require":[{{"conditions":[
                {{"path":"args.amount","op":"lte","value":10000}}]}}]}}"#
            );
        }
        text.replace("\n                ", "") + "}}"
    }

    fn ready(text: &str, rules: usize) -> Outcome<Self> {
        let document = policy::parse(text).map_err(|problems| format!("{problems:?}"))?;
        let facts = |index| ToolFacts {
            name: format!("tool_{index}"),
            category: Category::Write,
            risk: "medium".to_owned(),
            input_schema: None,
            annotations: None,
            state: ToolState::Current,
        };
        let tools: Vec<_> = (0..rules).map(facts).collect();
        let compiled = policy::compile(&document, &tools).map_err(|p| format!("{p:?}"))?;
        Ok(Self(compiled))
    }

    fn read(&self, text: &str) -> Outcome<Self::Arguments> {
        // A tape borrows its text, which a call has anyway.
        let text: &'static str = if text == ARGUMENTS { ARGUMENTS } else { TOO_MUCH };
        Ok(json::parse(text.as_bytes()).map_err(|error| format!("{error:?}"))?)
    }

    fn allows(&self, tool: &str, arguments: &Self::Arguments) -> Outcome<bool> {
        let context = policy::Context {
            grant_label: "agent",
            client_name: None,
            now: chrono::DateTime::UNIX_EPOCH,
        };
        let call = Call { tool, arguments: Some(arguments.root()), context: &context };
        Ok(self.0.decide(&call).can_pass())
    }
}

// === CEL ===

struct Cel {
    env: Arc<cel::Env>,
    programs: HashMap<String, cel::Program>,
}

impl Language for Cel {
    const NAME: &str = "cel";
    type Arguments = cel::Value;

    /// One expression a line.
    fn text(rules: usize) -> String {
        "has(args.amount) && args.amount <= 10000\n".repeat(rules)
    }

    fn ready(text: &str, _rules: usize) -> Outcome<Self> {
        let env = Arc::new(cel::Env::stdlib());
        let compile = |(index, line): (usize, &str)| -> Outcome<_> {
            Ok((format!("tool_{index}"), env.compile(line).map_err(|e| format!("{e}"))?))
        };
        let programs = text.lines().enumerate().map(compile).collect::<Outcome<_>>()?;
        Ok(Self { env, programs })
    }

    fn read(&self, text: &str) -> Outcome<cel::Value> {
        let read: Value = serde_json::from_str(text)?;
        Ok(cel::to_value(read).map_err(|error| format!("{error}"))?)
    }

    fn allows(&self, tool: &str, arguments: &cel::Value) -> Outcome<bool> {
        let Some(program) = self.programs.get(tool) else { return Ok(false) };
        let mut context = cel::Context::with_env(Arc::clone(&self.env));
        context.add_variable_from_value("args", arguments.clone());
        Ok(program.execute(&context).map_err(|error| format!("{error}"))? == true.into())
    }
}

// === Cedar ===

struct Cedar {
    policies: PolicySet,
    entities: Entities,
    principal: EntityUid,
    resource: EntityUid,
}

impl Language for Cedar {
    const NAME: &str = "cedar";
    type Arguments = cedar_policy::Context;

    fn text(rules: usize) -> String {
        let mut text = String::new();
        for index in 0..rules {
            let _ = writeln!(
                text,
                "permit(principal, action == Action::\"tool_{index}\", resource) \
                 when {{ context has amount && context.amount <= 10000 }};"
            );
        }
        text
    }

    fn ready(text: &str, _rules: usize) -> Outcome<Self> {
        Ok(Self {
            policies: PolicySet::from_str(text)?,
            entities: Entities::empty(),
            principal: EntityUid::from_str("Grant::\"agent\"")?,
            resource: EntityUid::from_str("Server::\"billing\"")?,
        })
    }

    fn read(&self, text: &str) -> Outcome<cedar_policy::Context> {
        Ok(cedar_policy::Context::from_json_value(serde_json::from_str(text)?, None)?)
    }

    fn allows(&self, tool: &str, arguments: &cedar_policy::Context) -> Outcome<bool> {
        let action = EntityUid::from_str(&format!("Action::\"{tool}\""))?;
        let (principal, resource) = (self.principal.clone(), self.resource.clone());
        let request = Request::new(principal, action, resource, arguments.clone(), None)?;
        let answer = Authorizer::new().is_authorized(&request, &self.policies, &self.entities);
        Ok(answer.decision() == cedar_policy::Decision::Allow)
    }
}

// === Measuring ===

fn measure<L: Language>(criterion: &mut Criterion) -> Outcome<()> {
    for rules in SIZES {
        let text = L::text(rules);
        let ready = L::ready(&text, rules)?;
        let tool = format!("tool_{}", rules / 2);
        // All three have to mean the same, or the figures mean nothing.
        let says = |text: &str, tool: &str| ready.allows(tool, &ready.read(text)?);
        let said = [says(ARGUMENTS, &tool)?, says(TOO_MUCH, &tool)?, says(ARGUMENTS, "other")?];
        assert_eq!(said, [true, false, false], "{}", L::NAME);

        let mut group = criterion.benchmark_group("compile");
        group.sample_size(20);
        group.bench_function(BenchmarkId::new(L::NAME, rules), |bencher| {
            bencher.iter(|| black_box(L::ready(black_box(&text), rules).is_ok()));
        });
        group.finish();
        let arguments = ready.read(ARGUMENTS)?;
        let mut group = criterion.benchmark_group("decide");
        group.bench_function(BenchmarkId::new(L::NAME, rules), |bencher| {
            bencher.iter(|| black_box(ready.allows(black_box(&tool), &arguments).ok()));
        });
        group.finish();
        let mut group = criterion.benchmark_group("read and decide");
        group.bench_function(BenchmarkId::new(L::NAME, rules), |bencher| {
            bencher.iter(|| {
                let arguments = ready.read(black_box(ARGUMENTS)).ok();
                black_box(arguments.and_then(|arguments| ready.allows(&tool, &arguments).ok()))
            });
        });
        group.finish();
    }
    Ok(())
}

fn rivals(criterion: &mut Criterion) {
    let measured = measure::<Ours>(criterion)
        .and_then(|()| measure::<Cel>(criterion))
        .and_then(|()| measure::<Cedar>(criterion));
    assert!(measured.is_ok(), "{measured:?}");
}

criterion_group!(benches, rivals);
criterion_main!(benches);
