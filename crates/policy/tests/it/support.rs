//! Short ways to write a policy, make a call and say what came of it.

use policy::{
    Call, Category, Compiled, Context, Decision, Document, Limits, Problem, ToolFacts, ToolState,
};

/// A Wednesday.
pub(crate) const NOW: &str = "2026-11-25T13:47:31Z";

pub(crate) fn document(text: &str) -> Document {
    policy::parse(text).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

/// A document with `default: deny` and these further members.
pub(crate) fn with(members: &str) -> String {
    format!(r#"{{"version":"1","default":"deny",{members}}}"#)
}

/// A document whose tool `t` has this rule.
pub(crate) fn rule(rule: &str) -> String {
    with(&format!(r#""tools":{{"t":{rule}}}"#))
}

pub(crate) fn facts(name: &str, category: Category) -> ToolFacts {
    ToolFacts {
        name: name.to_owned(),
        category,
        risk: "medium".to_owned(),
        input_schema: None,
        annotations: None,
        state: ToolState::Current,
    }
}

pub(crate) fn tools(names: &[&str]) -> Vec<ToolFacts> {
    names.iter().map(|name| facts(name, Category::Read)).collect()
}

/// The policy for one server whose only tool is `t`.
pub(crate) fn for_t(text: &str) -> Compiled {
    compiled(text, &tools(&["t"]))
}

pub(crate) fn compiled(text: &str, tools: &[ToolFacts]) -> Compiled {
    policy::compile(&document(text), tools).unwrap()
}

pub(crate) fn context() -> Context<'static> {
    Context { grant_label: "agent", client_name: Some("tester"), now: NOW.parse().unwrap() }
}

/// What comes of a call: the outcome word, then the rule and the message if there are any.
pub(crate) fn judged(policy: &Compiled, tool: &str, arguments: &str) -> String {
    at(policy, tool, arguments, &context())
}

pub(crate) fn at(policy: &Compiled, tool: &str, arguments: &str, context: &Context<'_>) -> String {
    let tape = json::parse(arguments.as_bytes()).unwrap();
    let arguments = (!tape.root().is_null()).then(|| tape.root());
    said(&policy.decide(&Call { tool, arguments, context }))
}

pub(crate) fn said(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Allow { observed: None, .. } => "allowed".to_owned(),
        Decision::Allow { observed: Some(observed), .. } => {
            format!("observed {} {}", observed.rule, observed.message)
        }
        Decision::Approve { rule, message, .. } => format!("approval_required {rule} {message}"),
        Decision::Refuse(refusal) => {
            format!("{} {} {}", refusal.outcome.as_str(), refusal.rule, refusal.message)
        }
    }
}

/// The outcome word alone, of a call of `t`.
pub(crate) fn outcome(policy: &Compiled, arguments: &str) -> String {
    judged(policy, "t", arguments).split(' ').next().unwrap().to_owned()
}

/// What the limits of an allowed or waiting call ask: `counter amount`.
pub(crate) fn asked(policy: &Compiled, arguments: &str) -> Vec<String> {
    let tape = json::parse(arguments.as_bytes()).unwrap();
    let context = context();
    let call = Call { tool: "t", arguments: Some(tape.root()), context: &context };
    let limits: Limits<'_> = match policy.decide(&call) {
        Decision::Allow { limits, .. } | Decision::Approve { limits, .. } => limits,
        Decision::Refuse(refusal) => panic!("{refusal:?}"),
    };
    let ask = |request: &policy::LimitRequest<'_>| {
        format!("{} {}", request.limit.counter, request.amount)
    };
    limits.requests().iter().map(ask).collect()
}

/// Problems as lines: `pointer line:column detail`.
pub(crate) fn listed(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        let Problem { pointer, line, column, detail, .. } = problem;
        format!("\"{pointer}\" {line}:{column} {detail}")
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}
