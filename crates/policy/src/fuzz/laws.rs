//! What holds for every document, every server and every call.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Write as _;

use super::dice::Dice;
use super::made::{self, Known, Who};
use super::reference::{self, Reserved, Rule, Verdict};
use super::tree::Tree;
use crate::{
    Call, Category, Compiled, Context, Decision, Document, LimitRequest, Limits, ServerRequest,
    ToolFacts, ToolState,
};

pub(super) fn facts(known: &Known) -> ToolFacts {
    ToolFacts {
        name: known.name.to_owned(),
        category: Category::parse(known.category).expect("a made category is one"),
        risk: known.risk.to_owned(),
        input_schema: known.schema.as_ref().map(Tree::to_string),
        annotations: known.annotations.as_ref().map(Tree::to_string),
        state: match known.state {
            "current" => ToolState::Current,
            "new" => ToolState::New,
            _ => ToolState::Quarantined,
        },
    }
}

/// A document and the server that it is for, and what is added to it.
pub(super) struct World {
    document: Tree,
    tools: Vec<Known>,
    additions: Vec<(&'static str, Tree)>,
}

/// One thing that is asked of a policy.
pub(super) struct Ask {
    pub(super) tool: &'static str,
    prompt: &'static str,
    uri: &'static str,
    pub(super) arguments: Tree,
    who: Who,
}

impl Ask {
    pub(super) fn made(dice: &mut Dice<'_>) -> Self {
        Self {
            tool: made::tool_name(dice),
            prompt: made::prompt_name(dice),
            uri: made::uri(dice),
            arguments: made::arguments(dice),
            who: made::who(dice),
        }
    }

    pub(super) fn context(&self) -> Context<'static> {
        let Who { label, client, now, .. } = self.who;
        let now = now.parse().expect("a made time is one");
        Context { grant_label: label, client_name: client, now }
    }
}

impl World {
    pub(super) fn made(dice: &mut Dice<'_>) -> Self {
        let document = made::document(dice);
        let tools = made::tools(dice);
        let list = |list| (list, made::addition(dice, list));
        let additions = ["deny_if", "limits", "require", "approve_if"].map(list).into();
        Self { document, tools, additions }
    }

    /// Judges so many made calls by every law. Each is a case.
    pub(super) fn check(&self, dice: &mut Dice<'_>, calls: usize) {
        let policies = Policies::of(self);
        let mut keys = Vec::new();
        for _ in 0..calls {
            let ask = Ask::made(dice);
            if let Err(why) = policies.judge(self, &ask, &mut keys) {
                panic!("{}", self.shrunk(&ask).told(&ask, &why));
            }
        }
        one_key_for_one_value(&keys).unwrap_or_else(|why| panic!("{}\n{why}", self.document));
    }

    /// What so many calls of tools come to, by the step that decides.
    #[cfg(test)]
    pub(super) fn ends(&self, dice: &mut Dice<'_>, calls: usize) -> Vec<String> {
        let end = |ask: Ask| {
            let Ask { tool, arguments, who, .. } = ask;
            let Verdict { outcome, rule, .. } =
                reference::call(&self.document, &self.tools, tool, &arguments, &who);
            match (outcome, rule) {
                ("allowed" | "observed" | "approval_required", _) => outcome.to_owned(),
                (_, Rule::Within(_)) => format!("{outcome} keys"),
                (_, Rule::Is(rule)) => {
                    let word = |part: &&str| !part.is_empty() && part.parse::<u8>().is_err();
                    let last = rule.split('/').rfind(word).unwrap_or_default();
                    format!("{outcome} {last}")
                }
            }
        };
        (0..calls).map(|_| end(Ask::made(dice))).collect()
    }

    fn is_broken_by(&self, ask: &Ask) -> bool {
        crate::parse(&self.document.to_string()).is_ok()
            && Policies::of(self).judge(self, ask, &mut Vec::new()).is_err()
    }

    /// The document without whatever the failure does not need.
    fn shrunk(&self, ask: &Ask) -> Self {
        let with = |document: Tree| Self {
            document,
            tools: self.tools.clone(),
            additions: self.additions.clone(),
        };
        let mut smallest = with(self.document.clone());
        let mut at = 0;
        while let Some(document) = without(&smallest.document, &mut at.clone()) {
            let smaller = with(document);
            if smaller.is_broken_by(ask) {
                smallest = smaller;
            } else {
                at += 1;
            }
        }
        smallest
    }

    fn told(&self, ask: &Ask, why: &str) -> String {
        let why = match Policies::of(self).judge(self, ask, &mut Vec::new()) {
            Err(of_the_smallest) => of_the_smallest,
            Ok(()) => why.to_owned(),
        };
        let tool = self.tools.iter().find(|tool| tool.name == ask.tool);
        format!(
            "{why}\ndocument: {}\ntool: {} {tool:?}\nprompt: {}, uri: {}\narguments: {}\n{:?}",
            self.document, ask.tool, ask.prompt, ask.uri, ask.arguments, ask.who
        )
    }
}

/// The value without its `at`-th part, counted depth first; `None` if there are not so many.
pub(super) fn without(tree: &Tree, at: &mut usize) -> Option<Tree> {
    fn cut(tree: &mut Tree, at: &mut usize) -> bool {
        match tree {
            Tree::List(items) => {
                for index in 0..items.len() {
                    if *at == 0 {
                        items.remove(index);
                        return true;
                    }
                    *at -= 1;
                    if cut(&mut items[index], at) {
                        return true;
                    }
                }
                false
            }
            Tree::Object(members) => {
                for index in 0..members.len() {
                    if *at == 0 {
                        members.remove(index);
                        return true;
                    }
                    *at -= 1;
                    if cut(&mut members[index].1, at) {
                        return true;
                    }
                }
                false
            }
            _ => false,
        }
    }
    let mut smaller = tree.clone();
    cut(&mut smaller, at).then_some(smaller)
}

// === Policies ===

/// A document and its relatives, compiled.
struct Policies {
    own: Compiled,
    /// The normal form, read back.
    normal: Compiled,
    normal_text: String,
    /// The rule ids that were looked up in it.
    known_rules: RefCell<HashSet<String>>,
    observing: Compiled,
    enforcing: Compiled,
    more: Vec<(&'static str, Compiled)>,
}

impl Policies {
    fn of(world: &World) -> Self {
        let tools: Vec<_> = world.tools.iter().map(facts).collect();
        let read = |document: &Tree| -> Document {
            let text = document.to_string();
            crate::parse(&text).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
        };
        let compile = |document: &Document| {
            crate::compile(document, &tools).expect("a made document can be compiled")
        };
        let with_mode = |mode| compile(&read(&replaced(&world.document, "mode", Tree::text(mode))));
        let document = read(&world.document);
        let normal_text = document.to_json();
        let normal = crate::parse(&normal_text).expect("the normal form is a document");
        assert_eq!(normal, document, "{normal_text}");
        assert_eq!(normal.to_json(), normal_text);
        let more = world.additions.iter().map(|(list, addition)| {
            (*list, compile(&read(&extended(&world.document, list, addition))))
        });
        Self {
            own: compile(&document),
            normal: compile(&normal),
            normal_text,
            known_rules: RefCell::default(),
            observing: with_mode("observe"),
            enforcing: with_mode("enforce"),
            more: more.collect(),
        }
    }

    /// Every law for one call; the error says which one is broken.
    fn judge(&self, world: &World, ask: &Ask, keys: &mut Vec<Key>) -> Result<(), String> {
        let context = ask.context();
        let text = ask.arguments.to_string();
        let tape = json::parse(text.as_bytes()).expect("made arguments are JSON");
        let arguments = (!tape.root().is_null()).then(|| tape.root());
        let call = Call { tool: ask.tool, arguments, context: &context };
        let World { document, tools, .. } = world;

        let decision = self.own.decide(&call);
        let said = said(&decision);
        let verdict = reference::call(document, tools, ask.tool, &ask.arguments, &ask.who);
        agree("the reference", &decision, &verdict, keys)?;
        let prompt = self.own.prompt(ask.prompt, arguments, &context);
        let verdict = reference::prompt(document, ask.prompt, &ask.arguments, &ask.who);
        agree("the reference on the prompt", &prompt, &verdict, keys)?;
        let resource = self.own.resource(ask.uri, &context);
        let verdict = reference::resource(document, ask.uri, &ask.who);
        agree("the reference on the resource", &resource, &verdict, keys)?;

        let listed = self.own.lists(ask.tool);
        same("listing", &listed, &reference::lists(document, tools, ask.tool))?;
        if let Some(redacts) = reference::redacts(document, tools, ask.tool) {
            same("response", &self.own.response_of_tool(ask.tool).is_some(), &redacts)?;
        }
        for kind in ServerRequest::ALL {
            let expected = reference::server_request(document, kind.as_str());
            same(kind.as_str(), &self.own.server_request(kind), &expected)?;
        }
        law("callable, so listed", !decision.can_pass() || listed)?;
        law("prompt, so listed", !prompt.can_pass() || self.own.lists_prompt(ask.prompt))?;
        law("resource, so listed", !resource.can_pass() || self.own.lists_resource(ask.uri))?;
        law("hidden, so not listed", !said.starts_with("hidden") || !listed)?;

        same("the normal form", &said, &self::said(&self.normal.decide(&call)))?;
        self.is_explained(&call, &said)?;
        self.observes(&call, document)?;
        for (list, more) in &self.more {
            law(list, decision.can_pass() || !more.decide(&call).can_pass())?;
        }
        Ok(())
    }

    /// The explanation says what the decision is, and its rule is in the normal form.
    fn is_explained(&self, call: &Call<'_>, decided: &str) -> Result<(), String> {
        let explanation = self.own.explain(call);
        let rule = &explanation.rule;
        let told = format!("{}|{rule}|{}|", explanation.outcome, explanation.message);
        law("the explanation", decided.starts_with(&told))?;
        let refuses = explanation.steps.iter().filter(|step| step.refuses).count();
        let is_passed = matches!(explanation.outcome, "allowed" | "approval_required");
        law("one step refuses, or none", refuses <= 1 && (refuses == 0 || !is_passed))?;
        let is_known = self.known_rules.borrow().contains(rule);
        if is_known || !rule.starts_with('/') {
            return Ok(());
        }
        self.known_rules.borrow_mut().insert(rule.clone());
        let normal = json::parse(self.normal_text.as_bytes()).expect("the normal form is JSON");
        law("the rule is in the normal form", normal.root().pointer(rule).is_some())
    }

    /// `observe` refuses what the first three steps refuse, and nothing else.
    fn observes(&self, call: &Call<'_>, document: &Tree) -> Result<(), String> {
        let (observed, enforced) = (self.observing.decide(call), self.enforcing.decide(call));
        let is_early = |decision: &Decision<'_>| match decision {
            Decision::Refuse(refusal) => refusal.outcome != crate::decision::Refused::Denied,
            _ => false,
        };
        law("early refusals", is_early(&observed) == is_early(&enforced))?;
        law("observe refuses nothing else", observed.can_pass() != is_early(&observed))?;
        let is_plain =
            |decision: &Decision<'_>| matches!(decision, Decision::Allow { observed: None, .. });
        law("what is allowed is", is_plain(&observed) == is_plain(&enforced))?;
        let own = said(&self.own.decide(call));
        let is_observing = document.get("mode").is_some_and(|mode| mode.is("observe"));
        same("the mode", &own, &said(if is_observing { &observed } else { &enforced }))
    }
}

fn replaced(document: &Tree, key: &str, value: Tree) -> Tree {
    let mut out = document.clone();
    match out.get_mut(key) {
        Some(place) => *place = value,
        None => out.put(key, value),
    }
    out
}

/// The document with something added to a list of `all_tools`.
fn extended(document: &Tree, list: &str, addition: &Tree) -> Tree {
    let mut gates = document.get("all_tools").cloned().unwrap_or(Tree::Object(Vec::new()));
    let mut items = gates.get(list).map(Tree::items).unwrap_or_default().to_vec();
    items.push(addition.clone());
    gates = replaced(&gates, list, Tree::List(items));
    replaced(document, "all_tools", gates)
}

// === Comparing ===

/// `outcome|rule|message|limits`.
fn said(decision: &Decision<'_>) -> String {
    let (mut out, limits) = match decision {
        Decision::Allow { limits, observed: None } => ("allowed|||".to_owned(), Some(limits)),
        Decision::Allow { limits, observed: Some(waived) } => {
            (format!("observed|{}|{}|", waived.rule, waived.message), Some(limits))
        }
        Decision::Approve { rule, message, limits } => {
            (format!("approval_required|{rule}|{message}|"), Some(limits))
        }
        Decision::Refuse(refusal) => {
            let outcome = refusal.outcome.as_str();
            (format!("{outcome}|{}|{}|", refusal.rule, refusal.message), None)
        }
    };
    for request in limits.map(Limits::requests).unwrap_or_default() {
        let _ = write!(out, "{} {} {:?},", request.rule, request.amount, request.key);
    }
    out
}

/// Of one document so many are compared, each with each.
const MAX_KEYS: usize = 64;

/// What a key's value was and what it became.
type Key = (String, Tree, [u8; 32]);

fn agree(
    with: &str,
    decision: &Decision<'_>,
    verdict: &Verdict,
    keys: &mut Vec<Key>,
) -> Result<(), String> {
    let said = said(decision);
    let mut parts = said.splitn(3, '|');
    let (outcome, rule) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_rule = match &verdict.rule {
        Rule::Is(expected) => rule == expected,
        Rule::Within(pointers) => pointers.iter().any(|pointer| pointer == rule),
    };
    let (message, reserved): (&str, &[LimitRequest<'_>]) = match decision {
        Decision::Allow { limits, observed } => {
            (observed.as_ref().map_or("", |waived| &*waived.message), limits.requests())
        }
        Decision::Approve { message, limits, .. } => (message, limits.requests()),
        Decision::Refuse(refusal) => (&*refusal.message, &[]),
    };
    let is_said = verdict.words.as_ref().is_none_or(|words| words == message);
    let is_same = |(request, expected): (&LimitRequest<'_>, &Reserved)| {
        request.rule == expected.rule
            && request.amount == expected.amount
            && request.key.is_some() == expected.key.is_some()
    };
    let is_reserved = reserved.len() == verdict.reserved.len()
        && reserved.iter().zip(&verdict.reserved).all(is_same);
    for (request, expected) in reserved.iter().zip(&verdict.reserved) {
        if keys.len() >= MAX_KEYS {
            break;
        }
        if let Some((digest, value)) = request.key.zip(expected.key.clone()) {
            keys.push((expected.rule.clone(), value, digest));
        }
    }
    if outcome == verdict.outcome && is_rule && is_said && is_reserved {
        return Ok(());
    }
    Err(format!("{with} says {verdict:?}, the engine {said}"))
}

/// Equal values of a key are one key, and others are not.
fn one_key_for_one_value(keys: &[Key]) -> Result<(), String> {
    for (index, (rule, value, digest)) in keys.iter().enumerate() {
        for (_, other, other_digest) in keys[..index].iter().filter(|(of, ..)| of == rule) {
            if reference::equal(value, other) != (digest == other_digest) {
                return Err(format!("{rule}: the keys {value} and {other}"));
            }
        }
    }
    Ok(())
}

fn law(name: &str, holds: bool) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("broken: {name}")) }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, one: &T, other: &T) -> Result<(), String> {
    if one == other { Ok(()) } else { Err(format!("{what}: {one:?}, not {other:?}")) }
}
