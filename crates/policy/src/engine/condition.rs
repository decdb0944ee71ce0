//! Whether a condition holds: yes, no, or not to be judged.

use json::{Kind, Node};

use super::effort::Effort;
use super::value::{Value, attribute, judge};
use super::witness::Witness;
use crate::category::Category;
use crate::condition::{Condition, Matcher, Test};
use crate::decision::Context;
use crate::path::{Path, Root, Step};

/// All that conditions can look at, and how much that may cost.
pub(crate) struct Scope<'c> {
    pub(crate) arguments: Option<Node<'c>>,
    pub(crate) known: Known,
    pub(crate) context: &'c Context<'c>,
    pub(crate) tool: Option<ToolScope<'c>>,
    pub(crate) effort: Effort,
}

/// How much is known of a call's arguments. Of a call that is being made: everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Known {
    /// Their values.
    Values,
    /// The names at the top, all of them. What stands for a value says nothing.
    Names,
    /// Some of the names at the top.
    SomeNames,
}

/// What a policy knows of the tool itself.
#[derive(Clone, Copy)]
pub(crate) struct ToolScope<'c> {
    pub(crate) category: Category,
    pub(crate) risk: &'c str,
    pub(crate) annotations: Option<&'c str>,
}

/// What came of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth<'p> {
    Holds,
    Fails,
    /// A value is there, but the operator cannot judge such a value: no call passes on that.
    Unjudged(Unjudged<'p>),
    /// It depends on a value that is not known. Only of calls of which names alone are known.
    Unknown(&'p Path),
}

impl From<bool> for Truth<'_> {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

/// What could not be judged, and what it would have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unjudged<'p> {
    path: &'p Path,
    depth: usize,
    wanted: Wanted,
}

impl<'p> Unjudged<'p> {
    pub(crate) fn new(path: &'p Path, depth: usize, wanted: Wanted) -> Self {
        Self { path, depth, wanted }
    }

    /// For the agent: `amount must be a number.`
    pub(crate) fn message(self) -> String {
        format!("{} must be {}.", self.path.subject_at(self.depth), self.wanted.words())
    }
}

/// What a value would have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Number,
    ShorterNumber,
    Text,
    TextOrList,
    List,
    Object,
    Scalar,
    Address,
    PlainPath,
    Smaller,
}

impl Wanted {
    const fn words(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::ShorterNumber => {
                "a number of at most 34 significant digits and an exponent within 400"
            }
            Self::Text => "text",
            Self::TextOrList => "text or a list",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Scalar => "text, a number, true or false",
            Self::Address => "an IP address",
            Self::PlainPath => "a path without . or .. segments",
            Self::Smaller => "smaller, as the whole call takes too long to judge",
        }
    }
}

/// How several elements of a `[*]` make one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elements {
    /// One is enough: `deny_if`, `approve_if`.
    Any,
    /// All of them, and at least one: `require`.
    Every,
}

/// Whether all conditions hold. Each is looked at even if another one failed already: what cannot
/// be judged must not hide behind it. Once something cannot be judged, nothing else matters. What
/// is not known matters only where what is known does not settle it: a value that nobody recorded
/// is taken to be one that can be judged.
pub(crate) fn all_hold<'p, W: Witness>(
    conditions: &'p [Condition],
    elements: Elements,
    scope: &Scope<'_>,
    witness: &mut W,
) -> Truth<'p> {
    joined(true, conditions.iter().map(|inner| holds(inner, false, elements, scope, witness)))
}

fn holds<'p, W: Witness>(
    condition: &'p Condition,
    negated: bool,
    elements: Elements,
    scope: &Scope<'_>,
    witness: &mut W,
) -> Truth<'p> {
    match condition {
        Condition::Test(test) => {
            let truth = Question { test, negated, elements, effort: &scope.effort }.answer(scope);
            witness.tested(test, negated, scope, &truth);
            truth
        }
        // `not` is taken to each test, so that it is evaluated for each element of a `[*]`.
        Condition::Not(inner) => holds(inner, !negated, elements, scope, witness),
        Condition::All(inner) | Condition::Any(inner) => {
            let needs_all = matches!(condition, Condition::All(_)) != negated;
            let truths = inner.iter().map(|c| holds(c, negated, elements, scope, witness));
            joined(needs_all, truths)
        }
    }
}

fn joined<'p>(needs_all: bool, truths: impl Iterator<Item = Truth<'p>>) -> Truth<'p> {
    let mut holds = needs_all;
    let mut unknown = None;
    for truth in truths {
        match truth {
            Truth::Holds => holds |= !needs_all,
            Truth::Fails => holds &= !needs_all,
            Truth::Unjudged(_) => return truth,
            Truth::Unknown(_) => unknown = unknown.or(Some(truth)),
        }
    }
    match unknown {
        Some(unknown) if holds == needs_all => unknown,
        _ => Truth::from(holds),
    }
}

// === Question ===

/// One test as it is asked: turned round or not, in `require` or elsewhere.
struct Question<'p, 'e> {
    test: &'p Test,
    negated: bool,
    elements: Elements,
    effort: &'e Effort,
}

impl<'p> Question<'p, '_> {
    fn answer(&self, scope: &Scope<'_>) -> Truth<'p> {
        let path = &self.test.path;
        match path.root() {
            Root::Arguments => match scope.arguments {
                Some(arguments) if scope.known != Known::Values => {
                    self.named(arguments, scope.known)
                }
                Some(arguments) => self.below(arguments, path.steps()),
                None => self.missing(),
            },
            Root::Annotations => self.annotation(scope),
            root => match attribute(root, scope) {
                Some(value) => self.judge(value),
                None => self.missing(),
            },
        }
    }

    /// The answer by names alone: whether the argument is there, and nothing else.
    fn named(&self, arguments: Node<'_>, known: Known) -> Truth<'p> {
        let path = &self.test.path;
        match (is_named(path, arguments, known), self.test.matcher()) {
            (Some(false), _) => self.missing(),
            (Some(true), Matcher::Exists { wanted }) if path.steps_count() == 1 => {
                Truth::from(*wanted != self.negated)
            }
            _ => Truth::Unknown(path),
        }
    }

    fn annotation(&self, scope: &Scope<'_>) -> Truth<'p> {
        let Some(text) = scope.tool.and_then(|tool| tool.annotations) else {
            return self.missing();
        };
        match json::parse(text.as_bytes()) {
            Ok(tape) => self.below(tape.root(), self.test.path.steps()),
            Err(_unreadable) => self.unjudged(Wanted::Object, 0),
        }
    }

    fn below(&self, node: Node<'_>, steps: &'p [Step]) -> Truth<'p> {
        if node.is_null() {
            let spent = self.effort.look(0, 0);
            return spent.map_or_else(|wanted| self.unjudged(wanted, 0), |()| self.missing());
        }
        let Some((step, rest)) = steps.split_first() else {
            return self.judge(Value::Node(node));
        };
        let depth = self.test.path.steps().len() - steps.len();
        match step {
            Step::Key(_) if !node.is_object() => self.unjudged(Wanted::Object, depth),
            Step::Key(key) => match self.effort.search(node.len()).map(|()| node.get(key)) {
                Ok(Some(inner)) => self.below(inner, rest),
                Ok(None) => self.missing(),
                Err(wanted) => self.unjudged(wanted, depth),
            },
            Step::Each if node.kind() != Kind::Array => self.unjudged(Wanted::List, depth),
            Step::Each if node.is_empty() => Truth::Fails,
            Step::Each => joined(
                self.elements == Elements::Every,
                node.items().map(|item| self.below(item, rest)),
            ),
        }
    }

    /// A missing path fails every test but `exists: false`; `not` turns that round.
    fn missing(&self) -> Truth<'p> {
        let holds = matches!(self.test.matcher(), Matcher::Exists { wanted: false });
        Truth::from(holds != self.negated)
    }

    fn judge(&self, value: Value<'_>) -> Truth<'p> {
        match judge(self.test.matcher(), value, self.effort) {
            Ok(holds) => Truth::from(holds != self.negated),
            Err(wanted) => self.unjudged(wanted, self.test.path.steps().len()),
        }
    }

    fn unjudged(&self, wanted: Wanted, depth: usize) -> Truth<'p> {
        Truth::Unjudged(Unjudged::new(&self.test.path, depth, wanted))
    }
}

/// Whether the argument that a path begins with is there; `None` where that is not known.
pub(super) fn is_named(path: &Path, arguments: Node<'_>, known: Known) -> Option<bool> {
    let Some(Step::Key(key)) = path.steps().first() else { return None };
    match arguments.get(key) {
        Some(_) => Some(true),
        None if known == Known::SomeNames => None,
        None => Some(false),
    }
}

/// What stands at a path, as JSON, for explanations; of a list all of it.
pub(crate) fn shown(path: &Path, scope: &Scope<'_>) -> Option<String> {
    let keys = || {
        path.steps().iter().map_while(|step| match step {
            Step::Key(key) => Some(&**key),
            Step::Each => None,
        })
    };
    let raw = |root: Node<'_>| {
        let found = keys().try_fold(root, Node::get)?;
        (!found.is_null()).then(|| found.raw_str().to_owned())
    };
    match path.root() {
        Root::Arguments => raw(scope.arguments?),
        Root::Annotations => {
            let tape = json::parse(scope.tool?.annotations?.as_bytes()).ok()?;
            raw(tape.root())
        }
        root => Some(match attribute(root, scope)? {
            Value::Node(node) => node.raw_str().to_owned(),
            Value::Text(text) => json::quoted(text),
            Value::Whole(number) => number.to_string(),
        }),
    }
}
