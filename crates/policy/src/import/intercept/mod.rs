//! Policies of Intercept, the proxy of PolicyLayer: read whole, then carried over rule by rule.
//!
//! There a call passes if no rule refuses it: the tool's rules first, then those of `"*"`. A rule
//! that evaluates refuses unless all of its conditions hold, so it becomes `require`; a condition
//! on a counter of its own becomes a limit. Numbers are compared exactly here, as doubles there.

mod carry;
mod limits;
mod source;
mod values;

use json::{Kind, Node};

use super::{Dialect, Imported};
use crate::parse::{Place, Reader, parse};
use crate::problem::Problem;

/// Whether a JSON text is one of Intercept's, whose tools have `rules`.
pub(super) fn is_intercept(root: Node<'_>) -> bool {
    let has_rules = |tool: json::Member<'_>| {
        tool.value.get("rules").is_some_and(|rules| rules.kind() == Kind::Array)
    };
    let tools = root.get("tools");
    root.get("description").is_some() || tools.is_some_and(|tools| tools.members().any(has_rules))
}

/// Reads the JSON of a policy. `locate` puts a problem where the author looks for it, `line` says
/// where a value stands.
pub(super) fn read(
    text: &str,
    locate: impl Fn(Problem) -> Problem,
    line: impl Fn(Node<'_>) -> u32,
) -> Result<Imported, Vec<Problem>> {
    let all = |problems: Vec<Problem>| problems.into_iter().map(&locate).collect::<Vec<_>>();
    let tape = match json::parse(text.as_bytes()) {
        Ok(tape) => tape,
        Err(error) => {
            let detail = format!("This cannot be read: {}.", error.kind());
            return Err(vec![Problem::at_start(detail)]);
        }
    };
    let mut reader = Reader::new(text);
    let root = Place::root(tape.root());
    reader.inspect(&root, 1);
    let carried = source::policy(&mut reader, &root)
        .map(|policy| carry::carried(&mut reader, &policy, &line));
    let problems = reader.finish();
    let carried = match carried {
        Some(carried) if problems.is_empty() => carried,
        _ => return Err(all(problems)),
    };
    // Only what the two languages allow differently is left to be refused: lengths and counts.
    let document = parse(&carried.document.compact()).map_err(|problems| {
        all(problems.into_iter().map(|problem| carried.in_the_source(problem)).collect())
    })?;
    Ok(Imported { document, dialect: Dialect::Intercept, report: carried.notes })
}
