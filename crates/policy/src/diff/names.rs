//! Rules by name: of tools, categories, prompts and resources, and what is hidden.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::words;
use super::{Bearing, Changes, label};
use crate::document::{Document, Effect, Rule, Stance};
use crate::glob::Glob;
use crate::problem::{child, item};

/// Of more rules that a name may have fallen under, nobody can say which way a change goes.
const MAX_FALLBACKS: usize = 8;

/// One side of a comparison.
pub(super) struct Named<'d> {
    pub(super) hide: &'d BTreeSet<String>,
    pub(super) rules: &'d BTreeMap<String, Rule>,
    pub(super) rules_pointer: &'static str,
    /// Rules that apply where none of these does, before the default.
    pub(super) others: Vec<&'d Rule>,
    pub(super) default: Effect,
}

impl Named<'_> {
    fn is_hidden(&self, name: &str) -> bool {
        self.hide.contains(name)
    }

    /// Which way it goes if `rule` takes the place of whatever applies to a name that has no rule
    /// of its own here.
    fn instead(&self, rule: &Rule) -> Bearing {
        let is_glob = |name: &str| Glob::parse(name).is_ok_and(|glob| glob.exact().is_none());
        let globs = self.rules.iter().filter(|(name, _)| is_glob(name)).map(|(_, rule)| rule);
        let nearer: Vec<_> = globs.take(MAX_FALLBACKS + 1).chain(self.others.clone()).collect();
        if nearer.len() > MAX_FALLBACKS {
            return Bearing::Either;
        }
        let by_default = match self.default {
            Effect::Allow => compare(&Rule::default(), rule),
            Effect::Deny if denies(rule) => Bearing::Neither,
            Effect::Deny => Bearing::Looser,
        };
        nearer.into_iter().map(|was| compare(was, rule)).fold(by_default, Bearing::and)
    }
}

impl Changes {
    pub(super) fn categories(&mut self, old: &Document, new: &Document) {
        let none = BTreeSet::new();
        let rules = [old, new].map(|document| {
            let of = |(category, rule): (&crate::Category, &Rule)| {
                (category.as_str().to_owned(), rule.clone())
            };
            document.categories.iter().map(of).collect::<BTreeMap<_, _>>()
        });
        let [was, is] = &rules;
        let side = |rules, default| Named {
            hide: &none,
            rules,
            rules_pointer: "categories",
            others: Vec::new(),
            default,
        };
        self.named_rules("category", "", [side(was, old.default), side(is, new.default)]);
    }

    pub(super) fn tools(&mut self, old: &Document, new: &Document) {
        self.named_rules(
            "",
            "",
            [old, new].map(|document| Named {
                hide: &document.hide,
                rules: &document.tools,
                rules_pointer: "tools",
                others: document.categories.values().collect(),
                default: document.default,
            }),
        );
    }

    /// Every name that either side has a word on.
    pub(super) fn named_rules(&mut self, noun: &str, at: &str, [old, new]: [Named<'_>; 2]) {
        let sides = [&old, &new];
        let names = sides.into_iter().flat_map(|side| side.hide.iter().chain(side.rules.keys()));
        let names: BTreeSet<&String> = names.collect();
        let places = sides.map(|side| {
            side.hide.iter().enumerate().map(|(n, name)| (name, n)).collect::<BTreeMap<_, _>>()
        });
        for name in names {
            let [was, is] = sides.map(|side| side.rules.get(name));
            let hidden = sides.map(|side| side.is_hidden(name));
            let called = match noun {
                "" => label(name),
                noun => format!("{noun} {}", label(name)),
            };
            let hide_at = |side: usize| {
                let place = places.get(side).and_then(|places| places.get(name));
                item(&child(at, "hide"), place.copied().unwrap_or_default())
            };
            let rule_at = child(&child(at, new.rules_pointer), name);
            match (hidden, was, is) {
                ([false, true], was, _) => {
                    let was = was.map_or("not hidden".to_owned(), said);
                    self.add(hide_at(1), Bearing::Stricter, format!("{called}: {was} → hidden"));
                }
                ([true, false], _, Some(is)) => {
                    let summary = format!("{called}: hidden → {}", said(is));
                    self.add(&rule_at, Bearing::Looser, summary);
                }
                ([true, false], _, None) => {
                    let summary = format!("{called}: no longer hidden");
                    self.gone(hide_at(0), Bearing::Looser, summary);
                }
                _ => {}
            }
            // Where hiding changed, the sentence above has told what the name comes to.
            if hidden[0] == hidden[1] {
                self.rule_of(&called, &rule_at, [&old, &new], [was, is], hidden[1]);
            } else if hidden[1] && is.is_some() {
                self.behind_hidden(&called, &rule_at, [was, is]);
            }
        }
    }

    /// The rule of one name, where hiding has nothing to do with it.
    fn rule_of(
        &mut self,
        called: &str,
        at: &str,
        [old, new]: [&Named<'_>; 2],
        rules: [Option<&Rule>; 2],
        hidden: bool,
    ) {
        if hidden {
            return self.behind_hidden(called, at, rules);
        }
        match rules {
            [None, Some(is)] => {
                let summary = format!("new rule for {called}: {}", said(is));
                self.add(at, old.instead(is), summary);
            }
            [Some(was), None] => {
                let summary = format!("rule for {called} removed (was: {})", said(was));
                let bearing = match new.instead(was) {
                    Bearing::Looser => Bearing::Stricter,
                    Bearing::Stricter => Bearing::Looser,
                    other => other,
                };
                self.gone(at, bearing, summary);
            }
            [Some(was), Some(is)] => self.rule(called, at, was, is),
            [None, None] => {}
        }
    }

    /// A rule that decides nothing, as its name is hidden.
    fn behind_hidden(&mut self, called: &str, at: &str, [was, is]: [Option<&Rule>; 2]) {
        if was == is {
            return;
        }
        let summary = format!("{called}: its rule changed, and has no effect while it is hidden");
        match is {
            Some(_) => self.add(at, Bearing::Neither, summary),
            None => self.gone(at, Bearing::Neither, summary),
        }
    }

    /// One rule that was there and still is.
    fn rule(&mut self, called: &str, at: &str, old: &Rule, new: &Rule) {
        if old == new {
            return;
        }
        let stances = [old, new].map(Rule::stance);
        let whole = denies(old) != denies(new)
            || (stances[0] != stances[1] && !stances.contains(&Stance::Custom));
        if whole {
            let bearing = match (denies(old), denies(new), stances) {
                (false, true, _) | (_, _, [Stance::Allow, _]) => Bearing::Stricter,
                (true, false, _) | (_, _, [_, Stance::Allow]) => Bearing::Looser,
                _ => Bearing::Either,
            };
            return self.add(at, bearing, format!("{called}: {} → {}", said(old), said(new)));
        }
        let before = self.found.len();
        self.gates(called, at, &old.gates, &new.gates);
        if old.validate_arguments != new.validate_arguments {
            let summary = if new.validate_arguments {
                format!("{called}: arguments must fit the tool's schema")
            } else {
                format!("{called}: arguments need no longer fit the tool's schema")
            };
            let bearing = Bearing::looser_if(!new.validate_arguments);
            self.add(child(at, "validate_arguments"), bearing, summary);
        }
        self.the_rest(called, at, &old.tree(), &new.tree(), &crate::diff::gates::TOLD);
        if self.found.len() == before {
            self.add(at, Bearing::Neither, format!("{called}: the same in another order"));
        }
        if denies(old) && denies(new) {
            // Whatever else it says, nothing passes it.
            for change in self.found.iter_mut().skip(before) {
                change.bearing = Bearing::Neither;
            }
        }
    }
}

/// Which way it goes from one rule to another.
fn compare(old: &Rule, new: &Rule) -> Bearing {
    let mut changes = Changes::default();
    changes.rule("", "", old, new);
    changes.bearing_since(0)
}

/// Whether no call gets past it.
fn denies(rule: &Rule) -> bool {
    rule.gates.deny_if.iter().any(|predicate| predicate.conditions.is_empty())
}

/// What a rule comes to, in a few words.
fn said(rule: &Rule) -> String {
    match (rule.stance(), &*rule.gates.limits) {
        _ if denies(rule) => "denied".to_owned(),
        (Stance::Allow, _) => "allowed".to_owned(),
        (Stance::Limit, [limit, ..]) => format!("limited to {}", words(limit)),
        (Stance::Approve, _) => "asks a person".to_owned(),
        _ => "allowed under conditions".to_owned(),
    }
}
