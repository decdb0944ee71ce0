//! Warnings about names: unknown, shadowed, or not what they look like.

use super::found::{MAX_WARNINGS, Warning};
use crate::compiled::{Chooser, Hidden, Kind};
use crate::document::Document;
use crate::facts::ToolFacts;
use crate::fold::is_invisible;
use crate::glob::Glob;
use crate::problem::{child, item, nearest};

/// Finding the nearest of a thousand names takes a while: done for so many wrong ones.
const MAX_SUGGESTED: usize = 20;

/// The names and globs that `tools` and `hide` have, each with its pointer.
fn names(document: &Document) -> impl Iterator<Item = (String, &String)> {
    let named = document.tools.keys().map(|name| (child("/tools", name), name));
    let hidden = document.hide.iter().enumerate();
    named.chain(hidden.map(|(index, name)| (item("/hide", index), name)))
}

/// Names and globs that no tool of the server has.
pub(super) fn unknown(document: &Document, tools: &[ToolFacts], found: &mut Vec<Warning>) {
    let known = || tools.iter().map(|tool| &*tool.name);
    let mut suggested = 0;
    for (pointer, name) in names(document) {
        // What goes unsaid need not be found out.
        if found.len() >= MAX_WARNINGS {
            break;
        }
        let Ok(glob) = Glob::parse(name) else { continue };
        if known().any(|tool| glob.matches_name(tool)) {
            continue;
        }
        let Some(exact) = glob.exact() else {
            found.push(Warning::new(pointer, format!("No tool of the server fits \"{name}\".")));
            continue;
        };
        suggested += 1;
        let near = || nearest(exact, known()).map(str::to_owned);
        let meant = if suggested <= MAX_SUGGESTED { near() } else { None };
        let question = meant.as_ref().map(|meant| format!(" Did you mean \"{meant}\"?"));
        let detail = format!(
            "The server has no tool \"{exact}\".{}",
            question.as_deref().unwrap_or_default()
        );
        found.push(Warning { pointer, detail, suggestion: meant });
    }
    never_chosen(document, tools, found);
}

/// Globs that fit some tool, but each of these is hidden or has a closer rule.
fn never_chosen(document: &Document, tools: &[ToolFacts], found: &mut Vec<Warning>) {
    let Ok(chooser) = Chooser::new(document.tools.keys(), Kind::Name, "/tools") else { return };
    let Ok(hidden) = Hidden::new(&document.hide, Kind::Name, "/hide") else { return };
    for (index, name) in document.tools.keys().enumerate() {
        let Ok(glob) = Glob::parse(name) else { continue };
        if glob.exact().is_some() {
            continue;
        }
        let mut fitting = tools.iter().filter(|tool| glob.matches_name(&tool.name)).peekable();
        let applies = |tool: &ToolFacts| {
            !hidden.holds(&tool.name) && chooser.choose(&tool.name) == Some(index)
        };
        if fitting.peek().is_some() && !fitting.any(applies) {
            let detail = "Every tool that fits here is hidden or has a closer rule.";
            found.push(Warning::new(child("/tools", name), detail));
        }
    }
}

/// Rules of names that `hide` takes away.
pub(super) fn shadowed(document: &Document, found: &mut Vec<Warning>) {
    let Ok(hidden) = Hidden::new(&document.hide, Kind::Name, "/hide") else { return };
    for name in document.tools.keys() {
        let Ok(glob) = Glob::parse(name) else { continue };
        let is_hidden = match glob.exact() {
            Some(exact) => hidden.holds(exact),
            None => document.hide.contains(name),
        };
        if is_hidden {
            let detail = format!("\"{name}\" is hidden, so this rule never applies.");
            found.push(Warning::new(child("/tools", name), detail));
        }
    }
}

/// Names with characters that do not show, or letters of several scripts.
pub(super) fn look_alikes(document: &Document, found: &mut Vec<Warning>) {
    for (pointer, name) in names(document) {
        let has_latin = name.chars().any(|char| char.is_ascii_alphabetic());
        let is_foreign = |char: char| !is_latin(char) && char.is_alphabetic();
        let is_odd = |char: &char| is_invisible(*char) || (has_latin && is_foreign(*char));
        if let Some(odd) = name.chars().find(is_odd) {
            let detail = format!(
                "This name has the character U+{:04X}, which can look like another one or like \
                 nothing.",
                u32::from(odd)
            );
            found.push(Warning::new(pointer, detail));
        }
    }
}

/// Basic Latin and its accented letters.
fn is_latin(char: char) -> bool {
    u32::from(char) < 0x250
}
