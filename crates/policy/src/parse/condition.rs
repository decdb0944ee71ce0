//! Conditions: one test, or several joined.

use json::Kind;

use super::reader::{Fields, Place, Reader};
use super::rule::Judged;
use crate::condition::{Condition, Op, Test};
use crate::literal::Literal;
use crate::path::Path;

const CONDITION_KEYS: [&str; 6] = ["path", "op", "value", "any", "all", "not"];
const TEST_KEYS: [&str; 3] = ["path", "op", "value"];

impl<'t> Reader<'t> {
    pub(super) fn conditions(&mut self, place: &Place<'t>, judged: Judged) -> Vec<Condition> {
        place.items().filter_map(|item| self.condition(&item, judged)).collect()
    }

    fn condition(&mut self, place: &Place<'t>, judged: Judged) -> Option<Condition> {
        let fields = self.object(place, "a condition", &CONDITION_KEYS)?;
        let is_test = TEST_KEYS.iter().any(|key| fields.has(key));
        let joins: Vec<_> = ["any", "all", "not"].into_iter().filter(|k| fields.has(k)).collect();
        match (is_test, &*joins) {
            (true, []) => self.test(place, &fields, judged),
            (false, [join]) => self.joined(join, fields.place(join)?, judged),
            _ => {
                let detail = "A condition has \"path\", \"op\" and \"value\", or one of \"any\", \
                              \"all\" and \"not\".";
                self.wrong(place, detail);
                None
            }
        }
    }

    fn joined(&mut self, join: &str, place: &Place<'t>, judged: Judged) -> Option<Condition> {
        if join == "not" {
            return self.condition(place, judged).map(|inner| Condition::Not(Box::new(inner)));
        }
        self.expect(place, Kind::Array, "a list of conditions")?;
        if place.node.is_empty() {
            self.wrong(place, format!("\"{join}\" needs at least one condition."));
        }
        let inner = self.conditions(place, judged);
        Some(if join == "any" { Condition::Any(inner) } else { Condition::All(inner) })
    }

    fn test(
        &mut self,
        place: &Place<'t>,
        fields: &Fields<'t>,
        judged: Judged,
    ) -> Option<Condition> {
        for key in TEST_KEYS.into_iter().filter(|key| !fields.has(key)) {
            self.missing(place, "A condition", key);
        }
        let path = fields.place("path").and_then(|place| self.path(place, judged));
        let op = fields.place("op").and_then(|place| self.op(place));
        let value = fields.place("value").and_then(|place| self.literal(place));
        let at = fields.place("value")?;
        match Test::new(path?, op?, value?, &mut self.patterns) {
            Ok(test) => Some(Condition::Test(test)),
            Err(unfit) => {
                self.wrong_meaning(at, unfit.detail, unfit.suggestion.as_deref());
                None
            }
        }
    }

    /// A path that makes sense for what is judged.
    pub(super) fn path(&mut self, place: &Place<'t>, judged: Judged) -> Option<Path> {
        self.expect(place, Kind::String, "a path")?;
        let text = place.node.as_str().unwrap_or_default();
        let path = match Path::parse(&text) {
            Ok(path) => path,
            Err(error) => {
                self.wrong_meaning(place, error.detail, error.suggestion.as_deref());
                return None;
            }
        };
        if path.is_of_arguments() && !judged.has_arguments() {
            self.wrong(place, "A resource is read without arguments.");
        }
        if path.is_of_tool() && !judged.is_tool() {
            self.wrong(place, "Only tools have a category, a risk and annotations.");
        }
        Some(path)
    }

    fn op(&mut self, place: &Place<'t>) -> Option<Op> {
        self.expect(place, Kind::String, "an operator")?;
        let word = place.node.as_str().unwrap_or_default();
        let op = Op::parse(&word);
        if op.is_none() {
            let detail = format!("\"{word}\" is not an operator.");
            self.wrong_meaning(place, detail, Op::meant_by(&word));
        }
        op
    }

    fn literal(&mut self, place: &Place<'t>) -> Option<Literal> {
        match Literal::read(place.node) {
            Ok(value) => Some(value),
            Err(number) => {
                let detail = "A number may have at most 34 significant digits and an exponent \
                              within ±400.";
                self.wrong_at(number.span().start, &place.pointer, detail.to_owned(), None);
                None
            }
        }
    }
}
