//! From rules of Intercept to rules of this language.

use json::Node;

use super::super::notes::{Note, Weight};
use super::limits::{Bound, Counters, Known, limit, path, subject};
use super::source::{Action, By, Policy, Rule, SPENT, Test, Tool};
use super::values::{asked, required};
use crate::condition::Op;
use crate::document::Members;
use crate::glob;
use crate::literal::Literal;
use crate::parse::{EXPIRES, Place, Reader};
use crate::problem::{Problem, child, item};
use crate::response::span;
use crate::window::Window;

/// A policy that was carried over.
pub(super) struct Carried {
    pub(super) document: Literal,
    pub(super) notes: Vec<Note>,
    /// Where parts of the document come from: pointers into it, and into the source.
    origins: Vec<(String, String)>,
}

impl Carried {
    /// A problem of the document as one of the source.
    pub(super) fn in_the_source(&self, problem: Problem) -> Problem {
        let within = |(pointer, _): &&(String, String)| problem.pointer.starts_with(pointer);
        let found = self.origins.iter().filter(within).max_by_key(|(pointer, _)| pointer.len());
        let pointer = found.map(|(_, source)| source.clone()).unwrap_or_default();
        Problem { pointer, ..problem }
    }
}

/// Carries a policy over; what cannot be said here is told to the reader.
pub(super) fn carried<'t>(
    reader: &mut Reader<'t>,
    policy: &Policy<'t>,
    line: &dyn Fn(Node<'_>) -> u32,
) -> Carried {
    let counters = Counters::of(policy);
    let mut carrier = Carrier {
        reader,
        counters,
        line,
        notes: Vec::new(),
        origins: Vec::new(),
        told: Told::default(),
        expires: None,
    };
    let document = carrier.document(policy);
    let Carrier { notes, origins, .. } = carrier;
    Carried { document, notes, origins }
}

struct Carrier<'r, 't> {
    reader: &'r mut Reader<'t>,
    counters: Counters,
    line: &'r dyn Fn(Node<'_>) -> u32,
    notes: Vec<Note>,
    origins: Vec<(String, String)>,
    told: Told,
    /// The shortest time that an approval may take.
    expires: Option<(Place<'t>, u64)>,
}

/// What is said once, however often it is so.
#[derive(Default)]
struct Told {
    limits: bool,
    types: bool,
    approvals: bool,
}

/// What a rule becomes, under construction.
struct Gates {
    /// The pointer of the rule.
    at: String,
    lists: [(&'static str, Vec<Literal>); 4],
}

const REQUIRE: usize = 0;
const DENY_IF: usize = 1;
const APPROVE_IF: usize = 2;
const LIMITS: usize = 3;

impl Gates {
    fn new(at: String) -> Self {
        let keys = ["require", "deny_if", "approve_if", "limits"];
        Self { at, lists: keys.map(|key| (key, Vec::new())) }
    }

    fn into_object(self) -> Literal {
        let mut out = Members::default();
        for (key, list) in self.lists {
            if !list.is_empty() {
                out.put(key, Literal::List(list));
            }
        }
        out.into_object()
    }
}

impl<'t> Carrier<'_, 't> {
    fn document(&mut self, policy: &Policy<'t>) -> Literal {
        let (mut every, mut tools) = (None, Vec::new());
        for tool in &policy.tools {
            if tool.is_every() {
                let rule = self.tool(tool, "/all_tools".to_owned());
                every = Some(rule).filter(|rule| *rule != Literal::Object(Vec::new()));
                continue;
            }
            let name = glob::escaped(&tool.name);
            let at = child("/tools", &name);
            if name != tool.name {
                let why = "Intercept has no wildcards in names; here * would be one.";
                self.note(
                    Weight::Check,
                    &at,
                    &tool.place,
                    "Taken as a name, letter by letter.",
                    why,
                );
            }
            tools.push((name, self.tool(tool, at)));
        }
        self.labels(policy);
        self.origins.push(("/hide".to_owned(), "/hide".to_owned()));
        let mut out = Members::default();
        out.text("version", "1");
        out.text("default", policy.default.as_str());
        let hide = |name: &String| {
            Literal::Text(if name == "*" { name.clone() } else { glob::escaped(name) })
        };
        out.list_if("hide", &policy.hide, hide);
        if let Some(every) = every {
            out.put("all_tools", every);
        }
        if !tools.is_empty() {
            out.put("tools", Literal::Object(tools));
        }
        if let Some(expires) = self.expires() {
            let mut approvals = Members::default();
            approvals.text("expires", &expires);
            out.put("approvals", approvals.into_object());
        }
        out.into_object()
    }

    fn tool(&mut self, tool: &Tool<'t>, at: String) -> Literal {
        self.origins.push((at.clone(), tool.place.pointer.clone()));
        let mut gates = Gates::new(at);
        for rule in &tool.rules {
            match rule.action {
                Action::Evaluate => self.evaluate(tool, rule, &mut gates),
                Action::Deny => {
                    self.unused_counter(rule, &gates.at);
                    self.predicate(&mut gates, DENY_IF, Vec::new(), rule);
                }
                Action::Approve => self.approve(rule, &mut gates),
            }
        }
        gates.into_object()
    }

    // --- Rules ---

    fn evaluate(&mut self, tool: &Tool<'t>, rule: &Rule<'t>, gates: &mut Gates) {
        let mut conditions = Vec::new();
        let mut counts = false;
        for test in &rule.tests {
            if test.path.starts_with("state.") {
                counts |= self.counted(tool, rule, test, gates);
            } else {
                conditions.extend(self.test(test, required(test), gates));
            }
        }
        conditions.extend(self.per_call(rule, gates));
        if !conditions.is_empty() {
            self.predicate(gates, REQUIRE, conditions, rule);
        }
        self.daily(tool, rule, gates);
        if !counts {
            self.unused_counter(rule, &gates.at);
        }
    }

    fn approve(&mut self, rule: &Rule<'t>, gates: &mut Gates) {
        let mut conditions = Vec::new();
        for test in &rule.tests {
            if test.path.starts_with("state.") {
                let detail = "Whether a person is asked cannot depend on a count here. Use a \
                              limit instead: an evaluate rule with this condition.";
                self.reader.wrong(&test.place, detail);
            } else {
                conditions.extend(self.test(test, asked(test), gates));
            }
        }
        self.unused_counter(rule, &gates.at);
        let at = self.predicate(gates, APPROVE_IF, conditions, rule);
        if !rule.tests.is_empty() && !std::mem::replace(&mut self.told.approvals, true) {
            let what = "A call whose arguments cannot be judged is denied; no person is asked.";
            let why = "In Intercept a condition that cannot be judged does not hold, and the call \
                       passes without approval.";
            self.note(Weight::Stricter, &at, &rule.place, what, why);
        }
        if let Some((place, secs)) = &rule.timeout
            && self.expires.as_ref().is_none_or(|(_, least)| secs < least)
        {
            self.expires = Some((place.clone(), *secs));
        }
    }

    /// Adds a predicate; its pointer.
    fn predicate(
        &mut self,
        gates: &mut Gates,
        list: usize,
        conditions: Vec<Literal>,
        rule: &Rule<'t>,
    ) -> String {
        let mut out = Members::default();
        out.put("conditions", Literal::List(conditions));
        if let Some(words) = &rule.on_deny {
            out.text("on_deny", words);
        }
        self.add(gates, list, out.into_object(), &rule.place)
    }

    fn add(&mut self, gates: &mut Gates, list: usize, part: Literal, from: &Place<'t>) -> String {
        let Some((key, parts)) = gates.lists.get_mut(list) else { return gates.at.clone() };
        let at = item(&child(&gates.at, key), parts.len());
        parts.push(part);
        self.origins.push((at.clone(), from.pointer.clone()));
        at
    }

    fn test(
        &mut self,
        test: &Test<'t>,
        carried: Result<super::values::Carried, String>,
        gates: &Gates,
    ) -> Option<Literal> {
        let carried = match carried {
            Ok(carried) => carried,
            Err(detail) => {
                self.reader.wrong(&test.place, detail);
                return None;
            }
        };
        let asks = matches!(test.op, Op::Neq | Op::NotIn);
        if carried.differs && asks {
            let subject = test.path.strip_prefix("args.").unwrap_or(&test.path);
            let what = format!("A person is asked also where {subject} is missing.");
            let why = "To Intercept null differs from every value; here it counts as missing.";
            self.note(Weight::Stricter, &gates.at, &test.place, &what, why);
        } else if carried.differs && !std::mem::replace(&mut self.told.types, true) {
            let what = "Values are compared with their type: 5 and \"5\" are not equal.";
            let why = "Intercept compares by how values are printed. Numbers are compared exactly \
                       here, whatever their length.";
            self.note(Weight::Stricter, &gates.at, &test.place, what, why);
        }
        Some(carried.condition)
    }

    // --- Limits ---

    /// A condition on a counter. True if it is one on the rule's own.
    fn counted(
        &mut self,
        tool: &Tool<'t>,
        rule: &Rule<'t>,
        test: &Test<'t>,
        gates: &mut Gates,
    ) -> bool {
        let own = rule.counter.as_ref().map(|counter| path(tool.scope(), &counter.name));
        let is_own = own.as_deref() == Some(&test.path);
        let Some(known) = self.counters.find(&test.path).cloned() else {
            self.reader.wrong(&test.place, "No rule keeps this counter in a \"state\".");
            return false;
        };
        if known.scope != tool.scope() && known.scope != "_global" {
            let detail = "A count is checked only where it is counted: this counter is one of \
                          another tool.";
            self.reader.wrong(&test.place, detail);
            return is_own;
        }
        match known.bound(test) {
            Bound::AtMost(most, is_less) => {
                let is_first = !rule
                    .tests
                    .iter()
                    .take_while(|t| !std::ptr::eq(*t, test))
                    .any(|t| t.path == test.path && matches!(t.op, Op::Lt | Op::Lte));
                let part = known.limit(most, rule.on_deny.as_deref());
                let at = self.add(gates, LIMITS, part, &test.place);
                self.about_limits(&at, &test.place);
                self.about_this_limit(&known, &at, test, is_own && is_first, is_less);
            }
            Bound::Nothing => {
                self.predicate(gates, DENY_IF, Vec::new(), rule);
            }
            Bound::Anything => {}
            Bound::None => {
                let detail = format!(
                    "A count can only be bounded from above: \"lt\" or \"lte\", not \"{}\".",
                    test.op.as_str()
                );
                self.reader.wrong(&test.place, detail);
            }
        }
        is_own && matches!(test.op, Op::Lt | Op::Lte)
    }

    fn about_limits(&mut self, at: &str, place: &Place<'t>) {
        if std::mem::replace(&mut self.told.limits, true) {
            return;
        }
        let what = "Limits count the calls of all grants to this server together, and a call that \
                    fails at the server stays counted.";
        let why = "Intercept keeps one count for a proxy and gives failed calls back. Use \"scope\": \
                   \"grant\" if each agent shall have its own.";
        self.note(Weight::Stricter, at, place, what, why);
    }

    fn about_this_limit(
        &mut self,
        known: &Known,
        at: &str,
        test: &Test<'t>,
        is_its_limit: bool,
        is_less: bool,
    ) {
        if !is_its_limit {
            let what = "The call itself counts before this limit is looked at.";
            let why = "Intercept looks at what was counted before the call, so one call more \
                       passes.";
            self.note(Weight::Stricter, at, &test.place, what, why);
        }
        if is_less {
            let what = "The limit is the largest that can be counted exactly.";
            self.note(Weight::Stricter, at, &test.place, what, "The one of the policy is larger.");
        }
        if let By::Argument(path) = &known.by {
            let what = format!("{path} is summed exactly; a negative amount is denied.");
            let why = "Intercept cuts off what follows the point; a negative amount gives back.";
            self.note(Weight::Stricter, at, &test.place, &what, why);
        }
        if let (By::Steps(steps @ 2..), Op::Lt | Op::Lte) = (&known.by, test.op) {
            let what = "The limit counts calls.";
            let why =
                format!("In Intercept each call adds {steps}; the number is divided by that.");
            self.note(Weight::Check, at, &test.place, what, &why);
        }
    }

    /// A counter that no condition of its rule bounds counts nothing there.
    fn unused_counter(&mut self, rule: &Rule<'t>, at: &str) {
        let Some(counter) = &rule.counter else { return };
        if let (By::Argument(_), Action::Evaluate | Action::Approve) = (&counter.by, rule.action) {
            let detail = "This state has no limit: its rule needs a condition on its counter with \
                          \"lt\" or \"lte\".";
            self.reader.wrong(&counter.place, detail);
            return;
        }
        let what = format!("The counter \"{}\".", counter.name);
        let why = "No condition of its rule bounds it with \"lt\" or \"lte\", so \
                   Intercept never counts it.";
        self.note(Weight::Dropped, at, &counter.place, &what, why);
    }

    // --- Spend ---

    fn per_call(&mut self, rule: &Rule<'t>, gates: &Gates) -> Option<Literal> {
        let (place, most) = rule.per_call.as_ref()?;
        self.about_spend(&gates.at, place);
        let mut out = Members::default();
        out.text("path", SPENT);
        out.text("op", Op::Lte.as_str());
        out.put("value", most.clone());
        Some(out.into_object())
    }

    fn daily(&mut self, tool: &Tool<'t>, rule: &Rule<'t>, gates: &mut Gates) {
        let Some((place, most)) = &rule.daily else { return };
        let counter = format!("{}_spend", subject(tool.scope()));
        let part = limit(&counter, Window::Day, most.clone(), Some(SPENT), rule.on_deny.as_deref());
        let at = self.add(gates, LIMITS, part, place);
        self.about_limits(&at, place);
        if rule.per_call.is_none() {
            self.about_spend(&at, place);
        }
    }

    fn about_spend(&mut self, at: &str, place: &Place<'t>) {
        let what = format!("The amount is taken from {SPENT}; a call without it is denied.");
        let why = "The policy does not say which argument it is. Change the path if the tool \
                   names it otherwise.";
        self.note(Weight::Check, at, place, &what, why);
    }

    // --- The rest ---

    fn labels(&mut self, policy: &Policy<'t>) {
        if let Some(place) = policy.label.clone() {
            let what = "The description and the names of rules.";
            let why = "A rule is known by its place here. The sentences of on_deny are kept.";
            self.note(Weight::Dropped, "", &place, what, why);
        }
    }

    /// One time for all approvals: the shortest.
    fn expires(&mut self) -> Option<String> {
        let (place, secs) = self.expires.take()?;
        let asked = std::time::Duration::from_secs(secs);
        if asked < *EXPIRES.start() {
            let least = span(*EXPIRES.start());
            self.reader.wrong(&place, format!("An approval must be open for at least {least}."));
            return None;
        }
        let given = asked.min(*EXPIRES.end());
        let what = format!("Every approval of this policy expires after {}.", span(given));
        let why = if given < asked {
            "That is the longest there is."
        } else {
            "There is one time for all of a policy's approvals; this is the shortest that it \
             names."
        };
        self.note(Weight::Check, "/approvals", &place, &what, why);
        Some(span(given))
    }

    fn note(&mut self, weight: Weight, pointer: &str, place: &Place<'t>, what: &str, why: &str) {
        self.notes.push(Note {
            weight,
            pointer: pointer.to_owned(),
            line: Some((self.line)(place.node)),
            what: what.to_owned(),
            why: why.to_owned(),
        });
    }
}
