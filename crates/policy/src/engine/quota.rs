//! What a call asks of one limit: its amount and its key, read from the arguments.

use json::{Kind, Node};
use sha2::{Digest as _, Sha256};

use super::condition::{Known, Scope, Unjudged, Wanted, is_named};
use super::effort::Effort;
use super::value::{Value, attribute};
use crate::decimal::{Decimal, MAX_SCALED, NotCountable};
use crate::limit::{Limit, LimitRequest, Measure, largest_amount};
use crate::path::{Path, Root, Step};

/// Why nothing can be asked of a limit.
pub(super) enum NoRequest<'p> {
    /// The call is refused, in these words.
    Refused(String),
    /// It depends on a value that is not known.
    Unknown(&'p Path),
}

/// What the call asks of a limit.
pub(super) fn request<'p>(
    rule: &'p str,
    limit: &'p Limit,
    scope: &Scope<'_>,
) -> Result<LimitRequest<'p>, NoRequest<'p>> {
    let sum_path = match &limit.measure {
        Measure::Calls => None,
        Measure::Sum(path) => Some(path),
    };
    if let Some(path) = sum_path.into_iter().chain(&limit.key).find(|path| hides(path, scope)) {
        return Err(NoRequest::Unknown(path));
    }
    request_of_known(rule, limit, scope).map_err(NoRequest::Refused)
}

/// Whether a path leads to a value that is not known.
fn hides(path: &Path, scope: &Scope<'_>) -> bool {
    let may_be_there = |arguments| is_named(path, arguments, scope.known) != Some(false);
    scope.known != Known::Values
        && path.is_of_arguments()
        && scope.arguments.is_some_and(may_be_there)
}

fn request_of_known<'p>(
    rule: &'p str,
    limit: &'p Limit,
    scope: &Scope<'_>,
) -> Result<LimitRequest<'p>, String> {
    let amount = match &limit.measure {
        Measure::Calls => 1,
        Measure::Sum(path) => sum(path, scope).map_err(NoSum::message)?,
    };
    let key = limit.key.as_ref().map(|path| key(path, scope)).transpose()?;
    Ok(LimitRequest { rule, limit, amount, key })
}

// === Sums ===

/// Why an amount cannot be counted.
enum NoSum<'p> {
    Missing(&'p Path),
    Unjudged(Unjudged<'p>),
    NotCountable(&'p Path, NotCountable),
}

impl NoSum<'_> {
    fn message(self) -> String {
        match self {
            Self::Missing(path) => {
                format!("{} is needed: it counts towards a limit.", path.subject())
            }
            Self::Unjudged(unjudged) => unjudged.message(),
            Self::NotCountable(path, NotCountable::Negative) => {
                format!("{} must not be negative: it counts towards a limit.", path.subject())
            }
            Self::NotCountable(path, NotCountable::TooManyPlaces) => {
                format!("{} may have at most 6 decimal places.", path.subject())
            }
            Self::NotCountable(path, NotCountable::TooLarge) => {
                format!("{} must not be larger than {}.", path.subject(), largest_amount())
            }
        }
    }
}

fn sum<'p>(path: &'p Path, scope: &Scope<'_>) -> Result<u64, NoSum<'p>> {
    let arguments = scope.arguments.ok_or(NoSum::Missing(path))?;
    let mut sum = Sum { path, total: 0, effort: &scope.effort };
    sum.add(arguments, path.steps())?;
    Ok(sum.total)
}

/// A sum in the making.
struct Sum<'p, 'e> {
    path: &'p Path,
    total: u64,
    effort: &'e Effort,
}

impl<'p> Sum<'p, '_> {
    fn add(&mut self, node: Node<'_>, steps: &'p [Step]) -> Result<(), NoSum<'p>> {
        let depth = self.path.steps().len() - steps.len();
        let path = self.path;
        let unjudged = |wanted| NoSum::Unjudged(Unjudged::new(path, depth, wanted));
        self.effort.look(0, 0).map_err(unjudged)?;
        if node.is_null() {
            return Err(NoSum::Missing(path));
        }
        let Some((step, rest)) = steps.split_first() else {
            let text = node.as_number().ok_or_else(|| unjudged(Wanted::Number))?;
            let number = Decimal::parse(text).ok_or_else(|| unjudged(Wanted::ShorterNumber))?;
            return self.count(number);
        };
        match step {
            Step::Key(_) if !node.is_object() => Err(unjudged(Wanted::Object)),
            Step::Key(key) => {
                self.effort.search(node.len()).map_err(unjudged)?;
                self.add(node.get(key).ok_or(NoSum::Missing(path))?, rest)
            }
            Step::Each if node.kind() != Kind::Array => Err(unjudged(Wanted::List)),
            Step::Each => node.items().try_for_each(|item| self.add(item, rest)),
        }
    }

    fn count(&mut self, number: Decimal) -> Result<(), NoSum<'p>> {
        let amount = number.scaled().map_err(|why| NoSum::NotCountable(self.path, why))?;
        // Two numbers below 2^53 cannot overflow 64 bits.
        self.total += amount;
        if self.total > MAX_SCALED {
            return Err(NoSum::NotCountable(self.path, NotCountable::TooLarge));
        }
        Ok(())
    }
}

// === Keys ===

/// The digest of the value by which counts are kept apart.
fn key(path: &Path, scope: &Scope<'_>) -> Result<[u8; 32], String> {
    let missing = || format!("{} is needed: calls are counted by it.", path.subject());
    match path.root() {
        Root::Arguments => key_below(path, scope.arguments.ok_or_else(missing)?),
        Root::Annotations => {
            let text = scope.tool.and_then(|tool| tool.annotations).ok_or_else(missing)?;
            let tape = json::parse(text.as_bytes()).map_err(|_unreadable| missing())?;
            key_below(path, tape.root())
        }
        root => Ok(digest(&match attribute(root, scope).ok_or_else(missing)? {
            Value::Node(node) => node.raw_str().to_owned(),
            Value::Text(text) => json::quoted(text),
            Value::Whole(number) => number.to_string(),
        })),
    }
}

fn key_below(path: &Path, root: Node<'_>) -> Result<[u8; 32], String> {
    let mut node = root;
    for (depth, step) in path.steps().iter().enumerate() {
        let Step::Key(key) = step else { continue };
        if !node.is_object() {
            return Err(Unjudged::new(path, depth, Wanted::Object).message());
        }
        let missing = || format!("{} is needed: calls are counted by it.", path.subject());
        node = node.get(key).filter(|inner| !inner.is_null()).ok_or_else(missing)?;
    }
    let unjudged = |wanted| Unjudged::new(path, path.steps().len(), wanted).message();
    match node.kind() {
        Kind::Array | Kind::Object => return Err(unjudged(Wanted::Scalar)),
        Kind::Number if Decimal::parse(node.raw_str()).is_none() => {
            return Err(unjudged(Wanted::ShorterNumber));
        }
        _ => {}
    }
    // One spelling for one value: 1 and 1.0 are one key.
    let mut canonical = Vec::new();
    json::canonical_into(node, &mut canonical);
    Ok(Sha256::digest(&canonical).into())
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
