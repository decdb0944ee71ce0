//! Conditions: a path, an operator and a value, and how they are put together.

use std::fmt::Write as _;

use crate::cidr::Cidr;
use crate::decimal::Decimal;
use crate::glob::Glob;
use crate::literal::{Literal, Values};
use crate::path::Path;
use crate::patterns::{Pattern, Patterns};
use crate::problem::nearest;

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Test(Test),
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
}

impl Condition {
    /// Every test in it, with whether an odd number of `not` stands above it.
    pub(crate) fn each_test<'c>(&'c self, negated: bool, visit: &mut impl FnMut(&'c Test, bool)) {
        match self {
            Self::Test(test) => visit(test, negated),
            Self::Not(inner) => inner.each_test(!negated, visit),
            Self::Any(inner) | Self::All(inner) => {
                for condition in inner {
                    condition.each_test(negated, visit);
                }
            }
        }
    }

    /// The condition in words: `amount is greater than 10000`.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Test(test) => test.words(),
            Self::Not(inner) => format!("not ({})", inner.words()),
            Self::Any(inner) => format!("({})", joined(inner, " or ")),
            Self::All(inner) => format!("({})", joined(inner, " and ")),
        }
    }
}

/// Conditions in words, joined by a word.
pub(crate) fn joined(conditions: &[Condition], by: &str) -> String {
    conditions.iter().map(Condition::words).collect::<Vec<_>>().join(by)
}

// === Test ===

/// A condition that looks at one path.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    pub(crate) path: Path,
    pub(crate) op: Op,
    pub(crate) value: Literal,
    matcher: Matcher,
}

impl Test {
    pub(crate) fn new(
        path: Path,
        op: Op,
        value: Literal,
        patterns: &mut Patterns,
    ) -> Result<Self, Unfit> {
        let matcher = Matcher::new(op, &value, patterns)?;
        fits_attribute(&path, op, &value)?;
        Ok(Self { path, op, value, matcher })
    }

    pub(crate) fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    fn words(&self) -> String {
        let mut out = String::from(self.path.subject());
        let _ = match (self.op, &self.value) {
            (Op::Exists, Literal::Bool(true)) => write!(out, " is given"),
            (Op::Exists, _) => write!(out, " is not given"),
            (op, value) => write!(out, " {} {}", op.words(), shortened(&value.compact())),
        };
        out
    }
}

/// The matcher follows from the other parts.
impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, self.op, &self.value) == (&other.path, other.op, &other.value)
    }
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}…", text.split_at(cut).0),
        None => text.to_owned(),
    }
}

// === Op ===

/// What a condition asks of the value at its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    In,
    NotIn,
    Exists,
    Regex,
    Contains,
    StartsWith,
    EndsWith,
    Glob,
    Cidr,
    LengthLte,
}

impl Op {
    pub(crate) const ALL: [Self; 16] = [
        Self::Eq,
        Self::Neq,
        Self::Lt,
        Self::Lte,
        Self::Gt,
        Self::Gte,
        Self::In,
        Self::NotIn,
        Self::Exists,
        Self::Regex,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Glob,
        Self::Cidr,
        Self::LengthLte,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::Exists => "exists",
            Self::Regex => "regex",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::Glob => "glob",
            Self::Cidr => "cidr",
            Self::LengthLte => "length_lte",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Eq => "is",
            Self::Neq => "is not",
            Self::Lt => "is less than",
            Self::Lte => "is at most",
            Self::Gt => "is greater than",
            Self::Gte => "is at least",
            Self::In => "is one of",
            Self::NotIn => "is none of",
            Self::Exists => "is given:",
            Self::Regex => "matches the pattern",
            Self::Contains => "contains",
            Self::StartsWith => "begins with",
            Self::EndsWith => "ends with",
            Self::Glob => "matches",
            Self::Cidr => "is within",
            Self::LengthLte => "has a length of at most",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.as_str() == word)
    }

    /// The operator that a wrong word probably means: by spelling, or by another language's habit.
    pub(crate) fn meant_by(word: &str) -> Option<&'static str> {
        const HABITS: [(&str, &str); 18] = [
            ("=", "eq"),
            ("==", "eq"),
            ("equals", "eq"),
            ("is", "eq"),
            ("!=", "neq"),
            ("<>", "neq"),
            ("ne", "neq"),
            ("<", "lt"),
            ("<=", "lte"),
            ("le", "lte"),
            (">", "gt"),
            (">=", "gte"),
            ("ge", "gte"),
            ("nin", "not_in"),
            ("matches", "regex"),
            ("like", "glob"),
            ("includes", "contains"),
            ("present", "exists"),
        ];
        let habit = HABITS.iter().find(|(habit, _)| *habit == word).map(|(_, op)| *op);
        habit.or_else(|| nearest(word, Self::ALL.map(Self::as_str)))
    }

    /// Whether it can only judge text.
    const fn is_of_text(self) -> bool {
        matches!(
            self,
            Self::Regex
                | Self::Contains
                | Self::StartsWith
                | Self::EndsWith
                | Self::Glob
                | Self::Cidr
                | Self::LengthLte
        )
    }

    /// Whether it can only judge numbers.
    const fn is_of_numbers(self) -> bool {
        matches!(self, Self::Lt | Self::Lte | Self::Gt | Self::Gte)
    }
}

// === Matcher ===

/// An operator with its value, ready to judge.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    /// One of these; `wanted: false` for none of these.
    OneOf {
        values: Values,
        wanted: bool,
    },
    Compare {
        op: Op,
        bound: Decimal,
    },
    Exists {
        wanted: bool,
    },
    Regex(Pattern),
    Contains(Literal),
    StartsWith(String),
    EndsWith(String),
    Glob(Pattern),
    Cidr(Vec<Cidr>),
    LengthAtMost(u64),
}

/// Why a value does not fit its operator or path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) detail: String,
    pub(crate) suggestion: Option<String>,
}

impl Unfit {
    fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), suggestion: None }
    }
}

impl Matcher {
    fn new(op: Op, value: &Literal, patterns: &mut Patterns) -> Result<Self, Unfit> {
        let name = op.as_str();
        let text = || match value {
            Literal::Text(text) => Ok(text.clone()),
            _ => Err(Unfit::new(format!("\"{name}\" needs text as its value."))),
        };
        Ok(match op {
            Op::Eq | Op::Neq => {
                let values = Values::new(std::slice::from_ref(value));
                Self::OneOf { values, wanted: op == Op::Eq }
            }
            Op::In | Op::NotIn => match value {
                Literal::List(values) => {
                    Self::OneOf { values: Values::new(values), wanted: op == Op::In }
                }
                _ => return Err(Unfit::new(format!("\"{name}\" needs a list as its value."))),
            },
            Op::Lt | Op::Lte | Op::Gt | Op::Gte => match value {
                Literal::Number(number) => Self::Compare { op, bound: number.value() },
                _ => return Err(Unfit::new(format!("\"{name}\" needs a number as its value."))),
            },
            Op::Exists => match value {
                Literal::Bool(wanted) => Self::Exists { wanted: *wanted },
                _ => return Err(Unfit::new("\"exists\" needs true or false as its value.")),
            },
            Op::Regex => Self::Regex(patterns.compile(&text()?).map_err(Unfit::new)?),
            Op::Contains => Self::Contains(value.clone()),
            Op::StartsWith => Self::StartsWith(text()?),
            Op::EndsWith => Self::EndsWith(text()?),
            Op::Glob => Self::Glob(path_glob(&text()?, patterns)?),
            Op::Cidr => Self::Cidr(ranges(value)?),
            Op::LengthLte => Self::LengthAtMost(length(value)?),
        })
    }
}

impl Matcher {
    /// How many values it compares with one by one.
    pub(crate) fn comparisons(&self) -> usize {
        match self {
            Self::OneOf { values, .. } => values.one_by_one().len(),
            Self::Cidr(ranges) => ranges.len(),
            _ => 0,
        }
    }
}

fn path_glob(text: &str, patterns: &mut Patterns) -> Result<Pattern, Unfit> {
    let glob = Glob::parse(text).map_err(Unfit::new)?;
    if glob.has_dot_segment() {
        return Err(Unfit::new("A glob with a . or .. segment matches nothing."));
    }
    patterns.compile_glob(&glob).map_err(Unfit::new)
}

fn ranges(value: &Literal) -> Result<Vec<Cidr>, Unfit> {
    let texts: Option<Vec<&str>> = match value {
        Literal::Text(text) => Some(vec![text]),
        Literal::List(items) if !items.is_empty() => items.iter().map(Literal::as_text).collect(),
        _ => None,
    };
    let needs = "\"cidr\" needs an address range such as \"10.0.0.0/8\", or a list of them.";
    let texts = texts.ok_or_else(|| Unfit::new(needs))?;
    texts.into_iter().map(|text| Cidr::parse(text).map_err(Unfit::new)).collect()
}

fn length(value: &Literal) -> Result<u64, Unfit> {
    match value {
        Literal::Number(number) => number.value().whole().ok(),
        _ => None,
    }
    .ok_or_else(|| Unfit::new("\"length_lte\" needs a whole number of 0 or more as its value."))
}

/// Attributes have a known type, so what could never be judged is an error and not a surprise.
fn fits_attribute(path: &Path, op: Op, value: &Literal) -> Result<(), Unfit> {
    use crate::path::{RISKS, Root, WEEKDAYS};
    let categories = crate::Category::ALL.map(crate::Category::as_str);
    let words: &[&str] = match path.root() {
        Root::Hour if op.is_of_text() => {
            return Err(Unfit::new("time.hour is a number: compare it with lt, gte, in or eq."));
        }
        Root::Arguments | Root::Annotations | Root::Hour => return Ok(()),
        _ if op.is_of_numbers() => {
            let detail = format!("{path} is text, and \"{}\" compares numbers.", op.as_str());
            return Err(Unfit::new(detail));
        }
        Root::GrantLabel | Root::ClientName => return Ok(()),
        Root::ToolCategory => &categories,
        Root::ToolRisk => &RISKS,
        Root::Weekday => &WEEKDAYS,
    };
    let written: &[Literal] = match (op, value) {
        (Op::Eq | Op::Neq, value) => std::slice::from_ref(value),
        (Op::In | Op::NotIn, Literal::List(values)) => values,
        _ => return Ok(()),
    };
    let wrong = |value: &&Literal| !value.as_text().is_some_and(|text| words.contains(&text));
    match written.iter().find(wrong) {
        None => Ok(()),
        Some(value) => Err(Unfit {
            detail: format!("{path} is one of {}.", words.join(", ")),
            suggestion: value
                .as_text()
                .and_then(|text| nearest(text, words.iter().copied()))
                .map(str::to_owned),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(path: &str, op: Op, value: &str) -> Result<Test, Unfit> {
        let tape = json::parse(value.as_bytes()).unwrap();
        let value = Literal::read(tape.root()).unwrap();
        Test::new(Path::parse(path).unwrap(), op, value, &mut Patterns::default())
    }

    #[test]
    fn every_operator_has_one_word() {
        for op in Op::ALL {
            assert_eq!(Op::parse(op.as_str()), Some(op));
        }
        assert_eq!(Op::meant_by("=="), Some("eq"));
        assert_eq!(Op::meant_by("exits"), Some("exists"));
        assert_eq!(Op::meant_by("startswith"), Some("starts_with"));
        assert_eq!(Op::meant_by("frobnicate"), None);
    }

    #[test]
    fn values_must_fit_their_operator() {
        let unfit = [
            (Op::Lt, "\"5\""),
            (Op::In, "5"),
            (Op::NotIn, "{}"),
            (Op::Exists, "1"),
            (Op::Regex, "5"),
            (Op::Regex, "\"(\""),
            (Op::Regex, "\"(a{1000}){1000}\""),
            (Op::Regex, "\"(?=look)ahead\""),
            (Op::StartsWith, "null"),
            (Op::EndsWith, "[]"),
            (Op::Glob, "\"a\\\\\""),
            (Op::Glob, "\"/a/../b\""),
            (Op::Cidr, "\"10.0.0.0/99\""),
            (Op::Cidr, "[]"),
            (Op::LengthLte, "-1"),
            (Op::LengthLte, "1.5"),
        ];
        for (op, value) in unfit {
            assert!(test("args.a", op, value).is_err(), "{op:?} {value}");
        }
        let ordinary =
            ["\"^\\\\w{1,64}$\"", "\"(?i)drop\\\\s+table\"", "\"^[\\\\w.+-]+@x\\\\.com$\""];
        for pattern in ordinary {
            assert!(test("args.a", Op::Regex, pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn attributes_take_only_what_they_can_be() {
        assert!(test("tool.category", Op::Gt, "5").is_err());
        assert!(test("time.hour", Op::Regex, "\"1\"").is_err());
        let wrong = test("time.weekday", Op::In, r#"["monday","teusday"]"#).unwrap_err();
        assert_eq!(wrong.suggestion.as_deref(), Some("tuesday"));
        assert!(test("time.weekday", Op::Eq, "1").is_err());
        assert!(test("time.hour", Op::Gte, "9").is_ok());
        assert!(test("tool.risk", Op::NotIn, r#"["low","medium"]"#).is_ok());
    }

    #[test]
    fn conditions_can_be_said_in_words() {
        let test = |path, op, value| Condition::Test(test(path, op, value).unwrap());
        let all = Condition::All(vec![
            test("args.amount", Op::Gt, "10000"),
            Condition::Not(Box::new(test("args.reason", Op::Exists, "true"))),
        ]);
        assert_eq!(all.words(), "(amount is greater than 10000 and not (reason is given))");
    }
}
