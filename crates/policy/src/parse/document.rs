//! The document itself: its keys, its names, its sections.

use std::collections::{BTreeMap, BTreeSet};

use json::Kind;

use super::reader::{Entry, Fields, Place, Reader};
use super::rule::Judged;
use crate::category::Category;
use crate::document::{Document, Effect, Gates, Mode, Rule, Section, ServerRequest};
use crate::glob::Glob;
use crate::problem::{Problem, nearest};

/// The longest document.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
/// The most rules of one document.
const MAX_RULES: usize = 2_000;
/// The most limits that one tool may meet.
const MAX_LIMITS: usize = 64;

pub(crate) const DOCUMENT_KEYS: [&str; 13] = [
    "version",
    "default",
    "mode",
    "hide",
    "all_tools",
    "categories",
    "tools",
    "prompts",
    "resources",
    "server_requests",
    "list_denied",
    "approvals",
    "$schema",
];

pub(crate) const SECTION_KEYS: [&str; 3] = ["default", "hide", "rules"];

/// Reads a policy document into its normal form, or says everything that is wrong with it.
///
/// ```
/// let problems = policy::parse(r#"{"version": "1", "default": "deny", "hidee": []}"#).unwrap_err();
/// assert_eq!(problems[0].pointer, "/hidee");
/// assert_eq!(problems[0].suggestion.as_deref(), Some("hide"));
/// ```
pub fn parse(text: &str) -> Result<Document, Vec<Problem>> {
    read(text, false).map(|(document, _)| document)
}

/// Reads a policy document, or a bare `{"<tool>": RULE}` fragment, which then stands alone under
/// `"default": "deny"`, and says whether it is one.
pub(crate) fn parse_import(text: &str) -> Result<(Document, bool), Vec<Problem>> {
    read(text, true)
}

fn read(text: &str, takes_fragments: bool) -> Result<(Document, bool), Vec<Problem>> {
    let mut reader = Reader::new(text);
    if text.len() > MAX_BYTES {
        let detail =
            format!("The document has {} bytes; it may have at most {MAX_BYTES}.", text.len());
        reader.wrong_at(0, "", detail, None);
        return Err(reader.finish());
    }
    let tape = match json::parse(text.as_bytes()) {
        Ok(tape) => tape,
        Err(error) => {
            let detail = format!("This is not valid JSON: {}.", error.kind());
            reader.wrong_at(error.offset(), "", detail, None);
            return Err(reader.finish());
        }
    };
    let mut reader = Reader::new(text);
    let root = Place::root(tape.root());
    reader.inspect(&root, 1);
    let is_fragment = takes_fragments && is_fragment(&root);
    let document = if is_fragment { Some(reader.fragment(&root)) } else { reader.document(&root) };
    match (document, reader.finish()) {
        (Some(document), problems) if problems.is_empty() => Ok((document, is_fragment)),
        (_, problems) => Err(problems),
    }
}

/// A fragment has rules where a document has keys.
fn is_fragment(root: &Place<'_>) -> bool {
    !root.node.is_empty()
        && root
            .members()
            .all(|entry| entry.place.is(Kind::Object) && !DOCUMENT_KEYS.contains(&&*entry.key))
}

impl<'t> Reader<'t> {
    fn document(&mut self, root: &Place<'t>) -> Option<Document> {
        let fields = self.object(root, "a policy document", &DOCUMENT_KEYS)?;
        let mut document = Document::deny_all();
        self.version(root, &fields);
        match fields.place("default") {
            Some(place) => document.default = self.effect(place).unwrap_or(Effect::Deny),
            None => self.missing(root, "A policy document", "default"),
        }
        if let Some(place) = fields.place("mode") {
            document.mode = self.word(place, &Mode::ALL, Mode::as_str).unwrap_or(Mode::Enforce);
        }
        if let Some(place) = fields.place("hide") {
            document.hide = self.names(place);
        }
        if let Some(place) = fields.place("all_tools") {
            document.all_tools = self.all_tools(place);
        }
        if let Some(place) = fields.place("categories") {
            document.categories = self.categories(place);
        }
        if let Some(place) = fields.place("tools") {
            document.tools = self.rules(place, Judged::Tool, &mut document.hide);
        }
        document.prompts =
            fields.place("prompts").and_then(|place| self.section(place, Judged::Prompt));
        document.resources =
            fields.place("resources").and_then(|place| self.section(place, Judged::Resource));
        if let Some(place) = fields.place("server_requests") {
            document.server_requests = self.server_requests(place);
        }
        if let Some(place) = fields.place("list_denied") {
            document.list_denied = self.boolean(place).unwrap_or(true);
        }
        document.approvals = fields.place("approvals").and_then(|place| self.approvals(place));
        // Editors put it there for themselves; whatever else it may be is ignored, as specified.
        document.schema =
            fields.place("$schema").and_then(|place| place.node.as_str()).map(Into::into);
        self.counts(root, &fields, &document);
        Some(document)
    }

    fn fragment(&mut self, root: &Place<'t>) -> Document {
        let mut document = Document::deny_all();
        document.tools = self.rules(root, Judged::Tool, &mut document.hide);
        document
    }

    fn version(&mut self, root: &Place<'t>, fields: &Fields<'t>) {
        match fields.place("version") {
            Some(place) if place.node.is_str("1") => {}
            Some(place) => {
                let detail = "This language has one version, written \"version\": \"1\".";
                self.wrong(place, detail);
            }
            None => self.missing(root, "A policy document", "version"),
        }
    }

    fn effect(&mut self, place: &Place<'t>) -> Option<Effect> {
        self.word(place, &Effect::ALL, Effect::as_str)
    }

    /// A list of names and globs.
    fn names(&mut self, place: &Place<'t>) -> BTreeSet<String> {
        if self.expect(place, Kind::Array, "a list of names").is_none() {
            return BTreeSet::new();
        }
        place.items().filter_map(|item| self.listed_name(&item)).collect()
    }

    fn listed_name(&mut self, place: &Place<'t>) -> Option<String> {
        self.expect(place, Kind::String, "a name")?;
        let name = place.node.as_str().unwrap_or_default();
        match Glob::parse(&name) {
            Ok(_) => Some(name.into_owned()),
            Err(detail) => {
                self.wrong(place, detail);
                None
            }
        }
    }

    fn all_tools(&mut self, place: &Place<'t>) -> Gates {
        let fields = self.object(place, "\"all_tools\"", &super::GATE_KEYS);
        fields.map(|fields| self.gates(&fields, Judged::Tool)).unwrap_or_default()
    }

    fn categories(&mut self, place: &Place<'t>) -> BTreeMap<Category, Rule> {
        let mut rules = BTreeMap::new();
        if self.expect(place, Kind::Object, "an object of rules").is_none() {
            return rules;
        }
        for entry in place.members() {
            let Some(category) = Category::parse(&entry.key) else {
                let words = Category::ALL.map(Category::as_str);
                let meant = nearest(&entry.key, words);
                let detail =
                    format!("\"{}\" is not a category; they are {}.", entry.key, words.join(", "));
                self.wrong_meaning(&entry.key_place(), detail, meant);
                continue;
            };
            if let Some((rule, _)) = self.rule(&entry, Judged::Category) {
                rules.insert(category, rule);
            }
        }
        rules
    }

    /// Rules by name or glob. A rule whose action is `hide` moves into `hide`.
    fn rules(
        &mut self,
        place: &Place<'t>,
        judged: Judged,
        hide: &mut BTreeSet<String>,
    ) -> BTreeMap<String, Rule> {
        let mut rules = BTreeMap::new();
        if self.expect(place, Kind::Object, "an object of rules").is_none() {
            return rules;
        }
        for entry in place.members() {
            let is_named = self.rule_name(&entry, judged);
            let Some((rule, hides)) = self.rule(&entry, judged) else { continue };
            if !is_named {
                continue;
            }
            let name = entry.key.into_owned();
            if hides {
                hide.insert(name.clone());
            }
            if !hides || rule != Rule::default() {
                rules.insert(name, rule);
            }
        }
        rules
    }

    fn rule_name(&mut self, entry: &Entry<'t>, judged: Judged) -> bool {
        let wrong = match Glob::parse(&entry.key) {
            Err(detail) => Some(detail),
            Ok(glob) if glob.is_everything() && judged == Judged::Tool => {
                Some("\"*\" alone is not a rule: use \"default\", \"categories\" or \"all_tools\".")
            }
            Ok(glob) if glob.is_everything() => Some("\"*\" alone is not a rule: use \"default\"."),
            Ok(glob) if judged == Judged::Resource && glob.has_dot_segment() => {
                Some("A glob with a . or .. segment matches nothing.")
            }
            Ok(_) => None,
        };
        if let Some(detail) = wrong {
            self.wrong(&entry.key_place(), detail);
        }
        wrong.is_none()
    }

    fn section(&mut self, place: &Place<'t>, judged: Judged) -> Option<Section> {
        let fields = self.object(place, judged.section(), &SECTION_KEYS)?;
        let mut section = Section {
            default: fields.place("default").and_then(|place| self.effect(place)),
            ..Section::default()
        };
        if let Some(place) = fields.place("hide") {
            section.hide = self.names(place);
        }
        if let Some(place) = fields.place("rules") {
            section.rules = self.rules(place, judged, &mut section.hide);
        }
        Some(section)
    }

    fn server_requests(&mut self, place: &Place<'t>) -> BTreeMap<ServerRequest, Effect> {
        let words = ServerRequest::ALL.map(ServerRequest::as_str);
        let Some(fields) = self.object(place, "\"server_requests\"", &words) else {
            return BTreeMap::new();
        };
        ServerRequest::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, self.effect(fields.place(kind.as_str())?)?)))
            .collect()
    }

    fn counts(&mut self, root: &Place<'t>, fields: &Fields<'t>, document: &Document) {
        let rules = document.rules_count();
        if rules > MAX_RULES {
            let detail =
                format!("The document has {rules} rules; it may have at most {MAX_RULES}.");
            self.wrong(root, detail);
        }
        // Each is a pattern that every name is compared with, as the globs of rules are.
        let sections = [&document.prompts, &document.resources].into_iter().flatten();
        let lists = sections.map(|section| &section.hide).chain([&document.hide]);
        let globs = lists.flatten().filter(|name| name.contains('*')).count();
        if globs > MAX_RULES {
            let detail =
                format!("The document hides {globs} globs; it may hide at most {MAX_RULES}.");
            self.wrong(root, detail);
        }
        let shared = document.all_tools.limits.len();
        if shared > MAX_LIMITS {
            let place = fields.place("all_tools").unwrap_or(root);
            self.wrong(place, too_many_limits(shared));
            return;
        }
        for (section, shared) in [("tools", shared), ("categories", shared)] {
            self.count_limits(fields.place(section), shared);
        }
        for section in ["prompts", "resources"] {
            let rules = fields.place(section).into_iter().flat_map(Place::members);
            for entry in rules.filter(|entry| entry.key == "rules") {
                self.count_limits(Some(&entry.place), 0);
            }
        }
    }

    fn count_limits(&mut self, rules: Option<&Place<'t>>, shared: usize) {
        for entry in rules.into_iter().flat_map(Place::members) {
            let sugar = usize::from(entry.place.node.get("rate_limit").is_some());
            let own = entry.place.node.get("limits").map_or(0, json::Node::len);
            let total = shared + own + sugar;
            if own + sugar > 0 && total > MAX_LIMITS {
                self.wrong(&entry.place, too_many_limits(total));
            }
        }
    }
}

fn too_many_limits(count: usize) -> String {
    format!("A tool would meet {count} limits here; it may meet at most {MAX_LIMITS}.")
}
