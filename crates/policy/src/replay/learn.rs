//! Least privilege from observation: the smallest policy that lets through what was let through.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::ranges::Values;
use super::{Kind, MAX_NAMES, Recorded};
use crate::document::Document;
use crate::facts::ToolFacts;
use crate::fold::fold;
use crate::parse::parse;
use crate::path::Path;
use crate::problem::Problem;

/// Names of prompts, or URIs, that are written out; with more, all are allowed.
const MAX_NAMED: usize = 100;
/// Arguments of one tool that conditions are made for.
const MAX_CONDITIONS: usize = 20;
/// Different arguments of one tool that are kept; with more, nothing is said of any.
const MAX_ARGUMENTS: usize = 256;

/// Watches recorded calls. Feed it in the order of time.
#[derive(Default)]
pub struct Learner {
    tools: BTreeMap<String, Seen>,
    prompts: BTreeSet<String>,
    resources: BTreeSet<String>,
    passed: u64,
    refused: u64,
}

/// What was seen of one tool.
#[derive(Default)]
struct Seen {
    calls: u64,
    /// Whether there were more arguments than are kept, or than are recorded of one call.
    cut: bool,
    arguments: BTreeMap<String, Values>,
    /// The minute that each grant was last seen in, and its calls then.
    minutes: HashMap<u128, (i64, u64)>,
    /// The most calls of one grant in one minute.
    peak: u64,
}

/// What was learned.
#[derive(Debug, Clone)]
pub struct Learned {
    /// The proposed document.
    pub document: Document,
    /// How many calls it was learned from.
    pub calls: u64,
    /// How many calls were refused then, and taught nothing.
    pub refused: u64,
    /// The tools that were called.
    pub tools: Vec<LearnedTool>,
    /// Tools of the server that were not called, and would be denied.
    pub unused: Vec<String>,
    /// Prompts that were asked for.
    pub prompts: Vec<String>,
    /// Resources that were read.
    pub resources: Vec<String>,
}

/// What was learned of one tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedTool {
    /// Its name.
    pub name: String,
    /// How often it was called.
    pub calls: u64,
    /// The most calls of one grant in one minute.
    pub peak: u64,
    /// What the document allows in one minute.
    pub max: u64,
    /// What it says of arguments, in words.
    pub arguments: Vec<String>,
    /// Arguments of whose values nothing was recorded.
    pub unknown: Vec<String>,
}

impl Learner {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sees one more call. One that was refused teaches nothing.
    pub fn see(&mut self, call: &Recorded<'_>) {
        if !call.was_let_through() {
            self.refused += 1;
            return;
        }
        self.passed += 1;
        match call.kind {
            Kind::Tool => match self.tools.get_mut(call.target) {
                Some(seen) => seen.see(call),
                None => self.tools.entry(call.target.to_owned()).or_default().see(call),
            },
            Kind::Prompt => see_name(&mut self.prompts, call.target),
            Kind::Resource => see_name(&mut self.resources, call.target),
        }
    }

    /// The proposal, for the tools that the server has.
    pub fn finish(self, tools: &[ToolFacts]) -> Result<Learned, Vec<Problem>> {
        let listed: BTreeMap<&str, &ToolFacts> =
            tools.iter().map(|tool| (tool.name.as_str(), tool)).collect();
        let known =
            self.tools.iter().filter_map(|(name, seen)| Some((*listed.get(&**name)?, seen)));
        let learned: Vec<_> = known.map(|(facts, seen)| seen.rule(facts)).collect();
        let rules = learned.iter().map(|(tool, rule)| (escaped(&tool.name), rule.clone()));
        let document = json!({
            "version": "1", "default": "deny", "tools": rules.collect::<Map<_, _>>(),
            "prompts": allowed(&self.prompts), "resources": allowed(&self.resources),
        });
        let unused = listed.keys().filter(|name| !self.tools.contains_key(**name));
        Ok(Learned {
            document: parse(&document.to_string())?,
            calls: self.passed,
            refused: self.refused,
            unused: unused.map(|name| (*name).to_owned()).collect(),
            tools: learned.into_iter().map(|(tool, _)| tool).collect(),
            prompts: self.prompts.into_iter().collect(),
            resources: self.resources.into_iter().collect(),
        })
    }
}

fn see_name(names: &mut BTreeSet<String>, name: &str) {
    // One more than are written out says that there are too many.
    if names.len() <= MAX_NAMED && !names.contains(name) {
        names.insert(name.to_owned());
    }
}

/// The section that allows these names; where they are too many, all.
fn allowed(names: &BTreeSet<String>) -> Value {
    if names.len() > MAX_NAMED {
        return json!({ "default": "allow" });
    }
    let rules: Map<_, _> = names.iter().map(|name| (escaped(name), json!({}))).collect();
    json!({ "default": "deny", "rules": rules })
}

/// A name as the glob that fits it alone.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('*', "\\*")
}

impl Seen {
    fn see(&mut self, call: &Recorded<'_>) {
        self.calls += 1;
        self.cut |= call.names.len() >= MAX_NAMES;
        for name in call.names {
            let value = call.arguments.and_then(|arguments| arguments.get(name));
            let is_full = self.arguments.len() >= MAX_ARGUMENTS;
            match self.arguments.get_mut(name) {
                Some(values) => values.see(value),
                None if is_full => self.cut = true,
                None => self.arguments.entry(name.clone()).or_default().see(value),
            }
        }
        let minute = call.at.timestamp().div_euclid(60);
        let (last, count) = self.minutes.entry(call.grant).or_insert((minute, 0));
        if *last < minute {
            (*last, *count) = (minute, 0);
        }
        *count += 1;
        self.peak = self.peak.max(*count);
    }

    /// The rule that allows what was seen.
    fn rule(&self, facts: &ToolFacts) -> (LearnedTool, Value) {
        let mut require = Vec::new();
        let mut said = Vec::new();
        // A rule that names one of several variants refuses the others.
        let alike = |name: &str| self.arguments.keys().filter(|k| fold(k) == fold(name)).count();
        let once = self.arguments.iter().filter(|(name, _)| {
            self.arguments.len() < MAX_ARGUMENTS && alike(name) == 1 && can_name(name)
        });
        for (name, values) in once.take(MAX_CONDITIONS) {
            let Some(learned) = values.learned(name, self.calls) else { continue };
            let on_deny = format!("When this policy was learned, {}.", learned.words);
            require.push(json!({ "conditions": learned.conditions, "on_deny": on_deny }));
            said.push(learned.words);
        }
        let never = |name: &String| alike(name) == 0 && can_name(name);
        let named = if self.cut { Vec::new() } else { properties(facts) };
        for name in named.into_iter().filter(never).take(MAX_CONDITIONS) {
            let path = format!("args.{name}");
            let conditions = json!([{ "path": path, "op": "exists", "value": false }]);
            let on_deny = format!("When this policy was learned, {name} was never given.");
            require.push(json!({ "conditions": conditions, "on_deny": on_deny }));
            said.push(format!("{name} was never given"));
        }
        let max = roomy(self.peak);
        let mut rule = json!({ "limits": [{
            "counter": format!("{}_rate", facts.name), "window": "minute", "max": max, "scope": "grant",
        }] });
        if let Some(rule) = rule.as_object_mut().filter(|_| !require.is_empty()) {
            rule.insert("require".to_owned(), Value::Array(require));
        }
        let unknown = self.arguments.iter().filter(|(_, values)| values.is_unknown());
        let tool = LearnedTool {
            name: facts.name.clone(),
            calls: self.calls,
            peak: self.peak,
            max,
            arguments: said,
            unknown: unknown.map(|(name, _)| name.clone()).collect(),
        };
        (tool, rule)
    }
}

/// Whether a path can name an argument.
fn can_name(name: &str) -> bool {
    Path::parse(&format!("args.{name}")).is_ok_and(|path| path.steps_count() == 1)
}

/// A limit with head-room: half as much again, and at least five.
fn roomy(peak: u64) -> u64 {
    (peak + peak.div_ceil(2)).max(5)
}

/// The arguments that a tool's own schema names.
fn properties(facts: &ToolFacts) -> Vec<String> {
    let schema = facts.input_schema.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let properties =
        schema.as_ref().and_then(|schema: &Value| schema.get("properties")?.as_object());
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}
