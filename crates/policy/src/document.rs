//! A policy document in its normal form: what every accepted text becomes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::category::Category;
use crate::condition::{Condition, Test};
use crate::decimal::Scaled;
use crate::limit::{Algorithm, Limit, Measure, Scope};
use crate::literal::Literal;
use crate::problem::{child, item};
use crate::response::{Approvals, Response};

/// A valid policy document. Made by [`crate::parse`], so whatever it holds is in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub(crate) schema: Option<String>,
    pub(crate) default: Effect,
    pub(crate) mode: Mode,
    pub(crate) hide: BTreeSet<String>,
    pub(crate) all_tools: Gates,
    pub(crate) categories: BTreeMap<Category, Rule>,
    pub(crate) tools: BTreeMap<String, Rule>,
    pub(crate) prompts: Option<Section>,
    pub(crate) resources: Option<Section>,
    pub(crate) server_requests: BTreeMap<ServerRequest, Effect>,
    pub(crate) list_denied: bool,
    pub(crate) approvals: Option<Approvals>,
}

impl Document {
    /// The document that denies everything.
    pub fn deny_all() -> Self {
        Self {
            schema: None,
            default: Effect::Deny,
            mode: Mode::Enforce,
            hide: BTreeSet::new(),
            all_tools: Gates::default(),
            categories: BTreeMap::new(),
            tools: BTreeMap::new(),
            prompts: None,
            resources: None,
            server_requests: BTreeMap::new(),
            list_denied: true,
            approvals: None,
        }
    }

    /// The document that allows everything.
    pub fn allow_all() -> Self {
        Self { default: Effect::Allow, ..Self::deny_all() }
    }

    /// What happens where no rule applies.
    pub fn default_effect(&self) -> Effect {
        self.default
    }

    /// Whether refusals are enforced or only recorded.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The names and globs that `tools` has a rule for.
    pub fn tool_names(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }

    /// What the document itself says of a name in `tools` or `hide`: a choice that a person can
    /// make with one click. `None` where it does not name it.
    pub fn stance(&self, name: &str) -> Option<Stance> {
        if self.hide.contains(name) {
            return Some(Stance::Hide);
        }
        self.tools.get(name).map(Rule::stance)
    }

    /// The normal form as text: keys in the order of the language, names sorted.
    pub fn to_json(&self) -> String {
        let mut text = self.tree().pretty();
        text.push('\n');
        text
    }

    /// How many rules it has.
    pub fn rules_count(&self) -> usize {
        let of = |section: &Option<Section>| section.as_ref().map_or(0, |s| s.rules.len());
        self.tools.len() + self.categories.len() + of(&self.prompts) + of(&self.resources)
    }

    /// Everything that judges tools, with its pointer: `all_tools`, then each rule.
    pub(crate) fn tool_gates(&self) -> impl Iterator<Item = (String, &Gates)> {
        let rules = self.tools.iter().map(|(name, rule)| (child("/tools", name), &rule.gates));
        let categories = self.categories.iter();
        let categories =
            categories.map(|(name, rule)| (child("/categories", name.as_str()), &rule.gates));
        std::iter::once(("/all_tools".to_owned(), &self.all_tools)).chain(rules).chain(categories)
    }

    pub(crate) fn tree(&self) -> Literal {
        let mut out = Members::default();
        out.text_if("$schema", self.schema.as_deref());
        out.text("version", "1");
        out.text("default", self.default.as_str());
        out.text_if("mode", (self.mode == Mode::Observe).then_some("observe"));
        out.names_if("hide", &self.hide);
        out.put_if("all_tools", !self.all_tools.is_empty(), || self.all_tools.tree());
        let category = |(name, rule): (&Category, &Rule)| (name.to_string(), rule.tree());
        let categories = || Literal::Object(self.categories.iter().map(category).collect());
        out.put_if("categories", !self.categories.is_empty(), categories);
        out.put_if("tools", !self.tools.is_empty(), || rules_tree(&self.tools));
        for (name, section) in [("prompts", &self.prompts), ("resources", &self.resources)] {
            if let Some(section) = section {
                out.put(name, section.tree());
            }
        }
        let request = |(kind, effect): (&ServerRequest, &Effect)| {
            (kind.as_str().to_owned(), Literal::text(effect.as_str()))
        };
        let requests = || Literal::Object(self.server_requests.iter().map(request).collect());
        out.put_if("server_requests", !self.server_requests.is_empty(), requests);
        out.put_if("list_denied", !self.list_denied, || Literal::Bool(false));
        if let Some(approvals) = self.approvals {
            out.put("approvals", approvals.tree());
        }
        out.into_object()
    }
}

/// The normal form.
impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.tree().serialize(serializer)
    }
}

// === The parts ===

/// To let pass or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Let pass.
    Allow,
    /// Refuse.
    Deny,
}

impl Effect {
    pub(crate) const ALL: [Self; 2] = [Self::Allow, Self::Deny];

    /// The word used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// Whether the rules bite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They do.
    Enforce,
    /// What they would refuse is recorded and let pass.
    Observe,
}

impl Mode {
    pub(crate) const ALL: [Self; 2] = [Self::Enforce, Self::Observe];

    /// The word used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// What a server may ask of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerRequest {
    /// To run the client's model.
    Sampling,
    /// To ask the person at the client.
    Elicitation,
    /// Which folders the client works in.
    Roots,
}

impl ServerRequest {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Sampling, Self::Elicitation, Self::Roots];

    /// The word used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sampling => "sampling",
            Self::Elicitation => "elicitation",
            Self::Roots => "roots",
        }
    }
}

/// A rule reduced to one of the choices of the visual builder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// Allowed without conditions.
    Allow,
    /// Allowed within one limit on calls.
    Limit,
    /// Always needs a person's approval.
    Approve,
    /// Always denied.
    Deny,
    /// Not shown and not callable.
    Hide,
    /// Anything that takes more than one choice to say.
    Custom,
}

/// The rule of one tool, glob or category.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rule {
    pub(crate) gates: Gates,
    pub(crate) validate_arguments: bool,
    pub(crate) response: Option<Response>,
}

impl Rule {
    pub(crate) fn stance(&self) -> Stance {
        let Gates { require, deny_if, approve_if, limits } = &self.gates;
        let always =
            |predicates: &[Predicate]| matches!(predicates, [only] if only.conditions.is_empty());
        match (require.is_empty(), &**deny_if, &**approve_if, &**limits) {
            _ if self.validate_arguments || self.response.is_some() => Stance::Custom,
            (true, [], [], []) => Stance::Allow,
            (true, deny, [], []) if always(deny) => Stance::Deny,
            (true, [], approve, []) if always(approve) => Stance::Approve,
            (true, [], [], [only]) if only.measure == Measure::Calls => Stance::Limit,
            _ => Stance::Custom,
        }
    }

    pub(crate) fn tree(&self) -> Literal {
        let mut out = Members::default();
        self.gates.put_into(&mut out);
        out.put_if("validate_arguments", self.validate_arguments, || Literal::Bool(true));
        if let Some(response) = &self.response {
            out.put("response", response.tree());
        }
        out.into_object()
    }
}

/// What a rule, or `all_tools`, says of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Gates {
    pub(crate) require: Vec<Predicate>,
    pub(crate) deny_if: Vec<Predicate>,
    pub(crate) approve_if: Vec<Predicate>,
    pub(crate) limits: Vec<Limit>,
}

impl Gates {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Every path that it looks at, with the pointer of the predicate or limit that does.
    pub(crate) fn each_path(
        &self,
        pointer: &str,
        mut visit: impl FnMut(&crate::path::Path, String),
    ) {
        let named = [
            ("require", &self.require),
            ("deny_if", &self.deny_if),
            ("approve_if", &self.approve_if),
        ];
        for (name, predicates) in named {
            for (index, predicate) in predicates.iter().enumerate() {
                let at = item(&child(pointer, name), index);
                predicate.each_test(|test, _| visit(&test.path, at.clone()));
            }
        }
        for (index, limit) in self.limits.iter().enumerate() {
            let at = item(&child(pointer, "limits"), index);
            if let Measure::Sum(path) = &limit.measure {
                visit(path, at.clone());
            }
            if let Some(path) = &limit.key {
                visit(path, at);
            }
        }
    }

    fn tree(&self) -> Literal {
        let mut out = Members::default();
        self.put_into(&mut out);
        out.into_object()
    }

    fn put_into(&self, out: &mut Members) {
        out.list_if("require", &self.require, Predicate::tree);
        out.list_if("deny_if", &self.deny_if, Predicate::tree);
        out.list_if("approve_if", &self.approve_if, Predicate::tree);
        out.list_if("limits", &self.limits, limit_tree);
    }
}

/// Conditions that count only together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Predicate {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) on_deny: Option<String>,
}

impl Predicate {
    pub(crate) fn each_test<'p>(&'p self, mut visit: impl FnMut(&'p Test, bool)) {
        self.conditions.iter().for_each(|condition| condition.each_test(false, &mut visit));
    }

    fn tree(&self) -> Literal {
        let mut out = Members::default();
        out.put("conditions", Literal::List(self.conditions.iter().map(condition_tree).collect()));
        out.text_if("on_deny", self.on_deny.as_deref());
        out.into_object()
    }
}

/// The rules of `prompts` or `resources`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Section {
    /// `None` inherits the document's.
    pub(crate) default: Option<Effect>,
    pub(crate) hide: BTreeSet<String>,
    pub(crate) rules: BTreeMap<String, Rule>,
}

impl Section {
    fn tree(&self) -> Literal {
        let mut out = Members::default();
        out.text_if("default", self.default.map(Effect::as_str));
        out.names_if("hide", &self.hide);
        out.put_if("rules", !self.rules.is_empty(), || rules_tree(&self.rules));
        out.into_object()
    }
}

// === Writing ===

fn rules_tree(rules: &BTreeMap<String, Rule>) -> Literal {
    Literal::Object(rules.iter().map(|(name, rule)| (name.clone(), rule.tree())).collect())
}

fn condition_tree(condition: &Condition) -> Literal {
    let mut out = Members::default();
    let list = |inner: &[Condition]| Literal::List(inner.iter().map(condition_tree).collect());
    match condition {
        Condition::Test(test) => {
            out.text("path", test.path.as_str());
            out.text("op", test.op.as_str());
            out.put("value", test.value.clone());
        }
        Condition::Any(inner) => out.put("any", list(inner)),
        Condition::All(inner) => out.put("all", list(inner)),
        Condition::Not(inner) => out.put("not", condition_tree(inner)),
    }
    out.into_object()
}

/// Conditions as one line of JSON: what exactly they ask.
pub(crate) fn conditions_text(conditions: &[Condition]) -> String {
    Literal::List(conditions.iter().map(condition_tree).collect()).compact()
}

/// A limit as one line of JSON, without the words of its refusal.
pub(crate) fn limit_text(limit: &Limit) -> String {
    limit_tree(&Limit { on_deny: None, ..limit.clone() }).compact()
}

fn limit_tree(limit: &Limit) -> Literal {
    let mut out = Members::default();
    out.text("counter", &limit.counter);
    let seconds = || Literal::number(limit.window.longest_secs().to_string());
    out.put("window", limit.window.name().map_or_else(seconds, Literal::text));
    let max = match &limit.measure {
        Measure::Calls => limit.max.to_string(),
        Measure::Sum(_) => Scaled(limit.max).to_string(),
    };
    out.put("max", Literal::number(max));
    out.text("scope", limit.scope.as_str());
    let needless = limit.scope == Scope::Organisation;
    out.put_if("across_servers", limit.across_servers && !needless, || Literal::Bool(true));
    out.text_if("increment_from", limit.sum_path());
    out.text_if("key", limit.key.as_ref().map(crate::path::Path::as_str));
    out.text_if("algorithm", (limit.algorithm == Algorithm::Sliding).then_some("sliding"));
    out.text_if("on_deny", limit.on_deny.as_deref());
    out.into_object()
}

/// An object in the making.
#[derive(Default)]
pub(crate) struct Members(Vec<(String, Literal)>);

impl Members {
    pub(crate) fn put(&mut self, key: &str, value: Literal) {
        self.0.push((key.to_owned(), value));
    }

    fn put_if(&mut self, key: &str, wanted: bool, value: impl FnOnce() -> Literal) {
        if wanted {
            self.put(key, value());
        }
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.put(key, Literal::text(text));
    }

    fn text_if(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn names_if(&mut self, key: &str, names: &BTreeSet<String>) {
        let list = || Literal::List(names.iter().map(Literal::text).collect());
        self.put_if(key, !names.is_empty(), list);
    }

    pub(crate) fn list_if<T>(&mut self, key: &str, items: &[T], tree: impl Fn(&T) -> Literal) {
        let list = || Literal::List(items.iter().map(tree).collect());
        self.put_if(key, !items.is_empty(), list);
    }

    pub(crate) fn into_object(self) -> Literal {
        Literal::Object(self.0)
    }
}
