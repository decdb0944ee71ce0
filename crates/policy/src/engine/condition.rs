//! Whether a condition holds: yes, no, or not to be judged.

use std::borrow::Cow;

use chrono::{Datelike as _, Timelike as _};
use json::{Kind, Node};

use super::witness::Witness;
use crate::category::Category;
use crate::condition::{Condition, Matcher, Op, Test};
use crate::decimal::Decimal;
use crate::decision::Context;
use crate::glob::has_dot_segment;
use crate::literal::Literal;
use crate::path::{Path, Root, Step, WEEKDAYS};

/// All that conditions can look at.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'c> {
    pub(crate) arguments: Option<Node<'c>>,
    pub(crate) context: &'c Context<'c>,
    pub(crate) tool: Option<ToolScope<'c>>,
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
/// be judged must not hide behind it.
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
            let truth = Question { test, negated, elements }.answer(scope);
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
    let (mut holds, mut unjudged) = (needs_all, None);
    for truth in truths {
        match truth {
            Truth::Holds => holds |= !needs_all,
            Truth::Fails => holds &= !needs_all,
            Truth::Unjudged(what) => unjudged = unjudged.or(Some(what)),
        }
    }
    unjudged.map_or(Truth::from(holds), Truth::Unjudged)
}

// === Question ===

/// One test as it is asked: turned round or not, in `require` or elsewhere.
struct Question<'p> {
    test: &'p Test,
    negated: bool,
    elements: Elements,
}

impl<'p> Question<'p> {
    fn answer(&self, scope: &Scope<'_>) -> Truth<'p> {
        let path = &self.test.path;
        match path.root() {
            Root::Arguments => match scope.arguments {
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
            return self.missing();
        }
        let Some((step, rest)) = steps.split_first() else {
            return self.judge(Value::Node(node));
        };
        let depth = self.test.path.steps().len() - steps.len();
        match step {
            Step::Key(_) if !node.is_object() => self.unjudged(Wanted::Object, depth),
            Step::Key(key) => match node.get(key) {
                Some(inner) => self.below(inner, rest),
                None => self.missing(),
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
        match judge(self.test.matcher(), value) {
            Ok(holds) => Truth::from(holds != self.negated),
            Err(wanted) => self.unjudged(wanted, self.test.path.steps().len()),
        }
    }

    fn unjudged(&self, wanted: Wanted, depth: usize) -> Truth<'p> {
        Truth::Unjudged(Unjudged::new(&self.test.path, depth, wanted))
    }
}

// === Value ===

/// A value that is there.
#[derive(Clone, Copy)]
pub(crate) enum Value<'v> {
    Node(Node<'v>),
    Text(&'v str),
    Whole(u32),
}

impl<'v> Value<'v> {
    fn text(self) -> Option<Cow<'v, str>> {
        match self {
            Self::Node(node) => node.as_str(),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Whole(_) => None,
        }
    }

    fn number(self) -> Result<Decimal, Wanted> {
        match self {
            Self::Node(node) => number(node),
            Self::Text(_) => Err(Wanted::Number),
            Self::Whole(number) => Ok(number.into()),
        }
    }

    fn equals(self, literal: &Literal) -> Result<bool, Wanted> {
        match (self, literal) {
            (Self::Node(node), literal) => equal(node, literal),
            (Self::Text(text), Literal::Text(other)) => Ok(text == other),
            (Self::Whole(_), Literal::Number(other)) => Ok(self.number()? == other.value()),
            _ => Ok(false),
        }
    }
}

fn number(node: Node<'_>) -> Result<Decimal, Wanted> {
    let text = node.as_number().ok_or(Wanted::Number)?;
    Decimal::parse(text).ok_or(Wanted::ShorterNumber)
}

/// An attribute's value, where there is one.
pub(crate) fn attribute<'c>(root: Root, scope: &Scope<'c>) -> Option<Value<'c>> {
    Some(match root {
        Root::Arguments | Root::Annotations => return None,
        Root::ToolCategory => Value::Text(scope.tool?.category.as_str()),
        Root::ToolRisk => Value::Text(scope.tool?.risk),
        Root::GrantLabel => Value::Text(scope.context.grant_label),
        Root::ClientName => Value::Text(scope.context.client_name?),
        Root::Hour => Value::Whole(scope.context.now.hour()),
        Root::Weekday => {
            let day = scope.context.now.weekday().num_days_from_monday() as usize;
            Value::Text(WEEKDAYS.get(day)?)
        }
    })
}

fn judge(matcher: &Matcher, value: Value<'_>) -> Result<bool, Wanted> {
    let text = || value.text().ok_or(Wanted::Text);
    Ok(match matcher {
        Matcher::Exists { wanted } => *wanted,
        Matcher::OneOf { values, wanted } => any_equal(value, values)? == *wanted,
        Matcher::Compare { op, bound } => {
            let number = value.number()?;
            match op {
                Op::Lt => number < *bound,
                Op::Lte => number <= *bound,
                Op::Gt => number > *bound,
                _ => number >= *bound,
            }
        }
        Matcher::Regex(pattern) => pattern.is_match(&text()?),
        Matcher::Contains(part) => contains(value, part)?,
        Matcher::StartsWith(start) => text()?.starts_with(start.as_str()),
        Matcher::EndsWith(end) => text()?.ends_with(end.as_str()),
        Matcher::Glob(pattern) => {
            let text = text()?;
            if has_dot_segment(&text) {
                return Err(Wanted::PlainPath);
            }
            pattern.is_match(&text)
        }
        Matcher::Cidr(ranges) => {
            let address = text()?.parse().map_err(|_not_an_address| Wanted::Address)?;
            ranges.iter().any(|range| range.contains(address))
        }
        Matcher::LengthAtMost(most) => length(value)? <= *most,
    })
}

fn any_equal(value: Value<'_>, literals: &[Literal]) -> Result<bool, Wanted> {
    // Asked once even of an empty list, so that an empty list judges no more than a full one.
    if let Value::Node(node) = value {
        judgeable(node)?;
    }
    for literal in literals {
        if value.equals(literal)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn contains(value: Value<'_>, part: &Literal) -> Result<bool, Wanted> {
    if let Value::Node(list) = value
        && list.kind() == Kind::Array
    {
        judgeable(list)?;
        for item in list.items() {
            if equal(item, part)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    match (value.text(), part) {
        (Some(text), Literal::Text(part)) => Ok(text.contains(part.as_str())),
        (Some(_), _) => Err(Wanted::List),
        (None, _) => Err(Wanted::TextOrList),
    }
}

/// Characters of a text, elements of a list.
fn length(value: Value<'_>) -> Result<u64, Wanted> {
    let count = match value {
        Value::Node(node) if node.kind() == Kind::Array => node.len(),
        value => value.text().ok_or(Wanted::TextOrList)?.chars().count(),
    };
    Ok(count as u64)
}

/// Whether every number in a value can be judged.
fn judgeable(node: Node<'_>) -> Result<(), Wanted> {
    match node.kind() {
        Kind::Number => number(node).map(|_| ()),
        Kind::Array => node.items().try_for_each(judgeable),
        Kind::Object => node.members().try_for_each(|member| judgeable(member.value)),
        Kind::Null | Kind::Bool | Kind::String => Ok(()),
    }
}

/// Typed equality: numbers by value, objects whatever the order of their keys.
fn equal(node: Node<'_>, literal: &Literal) -> Result<bool, Wanted> {
    Ok(match (node.kind(), literal) {
        (Kind::Null, Literal::Null) => true,
        (Kind::Bool, Literal::Bool(value)) => node.as_bool() == Some(*value),
        (Kind::Number, Literal::Number(value)) => number(node)? == value.value(),
        (Kind::String, Literal::Text(text)) => node.is_str(text),
        (Kind::Array, Literal::List(values)) => {
            node.len() == values.len() && all_equal(node.items().zip(values))?
        }
        (Kind::Object, Literal::Object(members)) => {
            node.len() == members.len() && same_members(node, members)?
        }
        _ => false,
    })
}

fn all_equal<'v>(mut pairs: impl Iterator<Item = (Node<'v>, &'v Literal)>) -> Result<bool, Wanted> {
    pairs.try_fold(true, |so_far, (node, literal)| Ok(so_far && equal(node, literal)?))
}

fn same_members(node: Node<'_>, members: &[(String, Literal)]) -> Result<bool, Wanted> {
    for (key, literal) in members {
        let Some(value) = node.get(key) else { return Ok(false) };
        if !equal(value, literal)? {
            return Ok(false);
        }
    }
    Ok(true)
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
