//! Judging one value by one operator.

use std::borrow::Cow;

use chrono::{Datelike as _, Timelike as _};
use json::{Kind, Node};

use super::condition::{Scope, Wanted};
use super::effort::Effort;
use crate::condition::{Matcher, Op};
use crate::decimal::Decimal;
use crate::glob::has_dot_segment;
use crate::literal::{Literal, Values};
use crate::path::{Root, WEEKDAYS};

/// A value that is there.
#[derive(Clone, Copy)]
pub(crate) enum Value<'v> {
    Node(Node<'v>),
    Text(&'v str),
    Whole(u32),
}

impl<'v> Value<'v> {
    /// Its length in bytes, as written.
    fn len(self) -> usize {
        match self {
            Self::Node(node) => node.span().len(),
            Self::Text(text) => text.len(),
            Self::Whole(_) => 0,
        }
    }

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

    fn equals(self, literal: &Literal, effort: &Effort) -> Result<bool, Wanted> {
        match (self, literal) {
            (Self::Node(node), literal) => equal(node, literal, effort),
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

/// Whether a value meets an operator, or what it would have to be for the operator to judge it.
pub(super) fn judge(matcher: &Matcher, value: Value<'_>, effort: &Effort) -> Result<bool, Wanted> {
    effort.look(value.len(), matcher.comparisons())?;
    let text = || value.text().ok_or(Wanted::Text);
    Ok(match matcher {
        Matcher::Exists { wanted } => *wanted,
        Matcher::OneOf { values, wanted } => any_equal(value, values, effort)? == *wanted,
        Matcher::Compare { op, bound } => {
            let number = value.number()?;
            match op {
                Op::Lt => number < *bound,
                Op::Lte => number <= *bound,
                Op::Gt => number > *bound,
                _ => number >= *bound,
            }
        }
        Matcher::Regex(pattern) => {
            effort.run_pattern(value.len(), pattern.size)?;
            pattern.regex.is_match(&text()?)
        }
        Matcher::Contains(part) => contains(value, part, effort)?,
        Matcher::StartsWith(start) => text()?.starts_with(start.as_str()),
        Matcher::EndsWith(end) => text()?.ends_with(end.as_str()),
        Matcher::Glob(pattern) => {
            effort.run_pattern(value.len(), pattern.size)?;
            let text = text()?;
            if has_dot_segment(&text) {
                return Err(Wanted::PlainPath);
            }
            pattern.regex.is_match(&text)
        }
        Matcher::Cidr(ranges) => {
            let address = text()?.parse().map_err(|_not_an_address| Wanted::Address)?;
            ranges.iter().any(|range| range.contains(address))
        }
        Matcher::LengthAtMost(most) => length(value)? <= *most,
    })
}

fn any_equal(value: Value<'_>, values: &Values, effort: &Effort) -> Result<bool, Wanted> {
    // Asked once even of an empty list, so that an empty list judges no more than a full one.
    if let Value::Node(node) = value {
        judgeable(node)?;
    }
    if value.text().is_some_and(|text| values.has_text(&text)) {
        return Ok(true);
    }
    if value.number().is_ok_and(|number| values.has_number(number)) {
        return Ok(true);
    }
    for literal in values.one_by_one() {
        if value.equals(literal, effort)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn contains(value: Value<'_>, part: &Literal, effort: &Effort) -> Result<bool, Wanted> {
    if let Value::Node(list) = value
        && list.kind() == Kind::Array
    {
        judgeable(list)?;
        for item in list.items() {
            if equal(item, part, effort)? {
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
fn equal(node: Node<'_>, literal: &Literal, effort: &Effort) -> Result<bool, Wanted> {
    Ok(match (node.kind(), literal) {
        (Kind::Null, Literal::Null) => true,
        (Kind::Bool, Literal::Bool(value)) => node.as_bool() == Some(*value),
        (Kind::Number, Literal::Number(value)) => number(node)? == value.value(),
        (Kind::String, Literal::Text(text)) => node.is_str(text),
        (Kind::Array, Literal::List(values)) => {
            node.len() == values.len() && same_items(node, values, effort)?
        }
        (Kind::Object, Literal::Object(members)) => {
            node.len() == members.len() && same_members(node, members, effort)?
        }
        _ => false,
    })
}

/// A value may begin like thousands of lists that it is compared with, so this has its price.
fn same_items(node: Node<'_>, values: &[Literal], effort: &Effort) -> Result<bool, Wanted> {
    effort.look(0, node.len())?;
    for (item, literal) in node.items().zip(values) {
        if !equal(item, literal, effort)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same_members(
    node: Node<'_>,
    members: &[(String, Literal)],
    effort: &Effort,
) -> Result<bool, Wanted> {
    for (key, literal) in members {
        effort.search(node.len())?;
        let Some(value) = node.get(key) else { return Ok(false) };
        if !equal(value, literal, effort)? {
            return Ok(false);
        }
    }
    Ok(true)
}
