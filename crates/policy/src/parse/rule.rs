//! Rules and their predicates, the sugar included.

use json::Kind;

use super::reader::{Entry, Fields, Place, Reader};
use crate::document::{Gates, Predicate, Rule};

pub(crate) const GATE_KEYS: [&str; 4] = ["require", "deny_if", "approve_if", "limits"];

pub(crate) const RULE_KEYS: [&str; 9] = [
    "require",
    "deny_if",
    "approve_if",
    "limits",
    "validate_arguments",
    "response",
    "action",
    "reason",
    "rate_limit",
];

pub(crate) const PREDICATE_KEYS: [&str; 2] = ["conditions", "on_deny"];

pub(crate) const ACTIONS: [&str; 4] = ["allow", "deny", "hide", "require_approval"];

/// The longest sentence for an agent.
pub(crate) const MAX_TEXT_CHARS: usize = 1_000;

/// What kind of thing a rule judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    Tool,
    Category,
    Prompt,
    Resource,
}

impl Judged {
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::Tool => "\"tools\"",
            Self::Category => "\"categories\"",
            Self::Prompt => "\"prompts\"",
            Self::Resource => "\"resources\"",
        }
    }

    pub(super) fn has_arguments(self) -> bool {
        self != Self::Resource
    }

    pub(super) fn is_tool(self) -> bool {
        matches!(self, Self::Tool | Self::Category)
    }
}

impl<'t> Reader<'t> {
    /// A rule, and whether its action is to hide the name.
    pub(super) fn rule(&mut self, entry: &Entry<'t>, judged: Judged) -> Option<(Rule, bool)> {
        let place = &entry.place;
        let fields = self.object(place, "a rule", &RULE_KEYS)?;
        let mut rule = Rule { gates: self.gates(&fields, judged), ..Rule::default() };
        if let Some(field) = fields.find("validate_arguments") {
            rule.validate_arguments = self.boolean(&field.place).unwrap_or(false);
            if rule.validate_arguments && !judged.is_tool() {
                self.wrong(&field.key_place(), "Only tools have a schema to validate against.");
            }
        }
        rule.response = fields.place("response").and_then(|place| self.response(place));
        if let Some(place) = fields.place("rate_limit") {
            rule.gates.limits.extend(self.rate_limit(place, &entry.key));
        }
        let hides = self.action(&fields, judged, &mut rule.gates);
        Some((rule, hides))
    }

    pub(super) fn gates(&mut self, fields: &Fields<'t>, judged: Judged) -> Gates {
        let mut predicates = |key| match fields.place(key) {
            Some(place) => self.predicates(place, judged),
            None => Vec::new(),
        };
        let (require, deny_if, approve_if) =
            (predicates("require"), predicates("deny_if"), predicates("approve_if"));
        let limits = match fields.place("limits") {
            Some(place) => self.limits(place, judged),
            None => Vec::new(),
        };
        Gates { require, deny_if, approve_if, limits }
    }

    /// `action` and `reason`: what they stand for joins the gates. True for `hide`. The reason of
    /// an action that tells the agent nothing goes nowhere.
    fn action(&mut self, fields: &Fields<'t>, judged: Judged, gates: &mut Gates) -> bool {
        let reason = fields.place("reason").and_then(|place| self.text(place, MAX_TEXT_CHARS));
        let action = fields.place("action").and_then(|place| self.word(place, &ACTIONS, |a| a));
        if let Some(field) = fields.find("reason").filter(|_| !fields.has("action")) {
            self.wrong(&field.key_place(), "\"reason\" goes with an \"action\".");
        }
        let always = Predicate { conditions: Vec::new(), on_deny: reason };
        match action {
            Some("deny") => gates.deny_if.push(always),
            Some("require_approval") => gates.approve_if.push(always),
            Some("hide") if judged == Judged::Category => {
                if let Some(place) = fields.place("action") {
                    let detail = "A category cannot be hidden: name its tools in \"hide\".";
                    self.wrong(place, detail);
                }
            }
            _ => {}
        }
        action == Some("hide")
    }

    fn predicates(&mut self, place: &Place<'t>, judged: Judged) -> Vec<Predicate> {
        if self.expect(place, Kind::Array, "a list").is_none() {
            return Vec::new();
        }
        place.items().filter_map(|item| self.predicate(&item, judged)).collect()
    }

    fn predicate(&mut self, place: &Place<'t>, judged: Judged) -> Option<Predicate> {
        if place.node.get("path").is_some() && place.node.get("conditions").is_none() {
            let detail = "A condition stands in a list: {\"conditions\": [{\"path\": …}]}.";
            self.wrong(place, detail);
            return None;
        }
        let fields = self.object(place, "a predicate", &PREDICATE_KEYS)?;
        let on_deny = fields.place("on_deny").and_then(|place| self.text(place, MAX_TEXT_CHARS));
        let Some(conditions) = fields.place("conditions") else {
            self.missing(place, "A predicate", "conditions");
            return None;
        };
        self.expect(conditions, Kind::Array, "a list")?;
        let conditions = self.conditions(conditions, judged);
        Some(Predicate { conditions, on_deny })
    }
}
