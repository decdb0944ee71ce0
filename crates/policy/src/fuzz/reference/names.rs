//! Names and globs.

use crate::fuzz::tree::Tree;

/// Whether a list `hide`, or a rule whose action is to hide, holds a name.
pub(super) fn hides(holder: &Tree, rules: Option<&Tree>, name: &str, is_uri: bool) -> bool {
    let listed = holder.get("hide").map(Tree::items).unwrap_or_default();
    let by_action = rules.map(Tree::members).unwrap_or_default();
    let by_action = by_action.iter().filter(|(_, rule)| is_hiding(rule));
    let names = listed.iter().filter_map(Tree::as_text);
    names.chain(by_action.map(|(name, _)| name.as_str())).any(|glob| fits(glob, name, is_uri))
}

fn is_hiding(rule: &Tree) -> bool {
    rule.get("action").is_some_and(|action| action.is("hide"))
}

/// The rule that names it without a star.
pub(super) fn exactly<'d>(rules: Option<&'d Tree>, name: &str) -> Option<(&'d str, &'d Tree)> {
    let rules = rules.map(Tree::members).unwrap_or_default();
    let is_it = |glob: &str| {
        let parts = parts(glob);
        parts.iter().all(|part| matches!(part, Part::Char(_))) && fits(glob, name, false)
    };
    rules.iter().find(|(glob, _)| is_it(glob)).map(|(glob, rule)| (glob.as_str(), rule))
}

/// Its exact name; else the glob with the most literal characters, a tie going to the one that
/// sorts first.
pub(super) fn closest<'d>(
    rules: Option<&'d Tree>,
    name: &str,
    is_uri: bool,
) -> Option<(&'d str, &'d Tree)> {
    if let Some(found) = exactly(rules, name) {
        return Some(found);
    }
    let all = rules.map(Tree::members).unwrap_or_default();
    let mut fitting: Vec<_> = all.iter().filter(|(glob, _)| fits(glob, name, is_uri)).collect();
    let literals =
        |glob: &str| parts(glob).iter().filter(|part| matches!(part, Part::Char(_))).count();
    fitting.sort_by(|(a, _), (b, _)| literals(b).cmp(&literals(a)).then_with(|| a.cmp(b)));
    // A rule that only hides is no rule once it is normalised, but then it hides.
    fitting.first().map(|(glob, rule)| (glob.as_str(), rule))
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Char(char),
    Star,
    Stars,
}

fn parts(glob: &str) -> Vec<Part> {
    let mut out = Vec::new();
    let mut chars = glob.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => out.extend(chars.next().map(Part::Char)),
            '*' if matches!(out.last(), Some(Part::Star | Part::Stars)) => {
                out.pop();
                out.push(Part::Stars);
            }
            '*' => out.push(Part::Star),
            char => out.push(Part::Char(char)),
        }
    }
    out
}

/// Whether a whole text fits a glob; in paths one star stops at a slash.
pub(super) fn fits(glob: &str, text: &str, is_path: bool) -> bool {
    run(&parts(glob), &text.chars().collect::<Vec<_>>(), is_path)
}

fn run(parts: &[Part], text: &[char], is_path: bool) -> bool {
    let Some((part, rest)) = parts.split_first() else { return text.is_empty() };
    match part {
        Part::Char(char) => text.first() == Some(char) && run(rest, &text[1..], is_path),
        Part::Star | Part::Stars => {
            let stops = is_path && *part == Part::Star;
            let reach = text.iter().position(|char| stops && *char == '/').unwrap_or(text.len());
            (0..=reach).any(|taken| run(rest, &text[taken..], is_path))
        }
    }
}

/// Whether it has a `.` or `..` segment: plain, percent-encoded, or with backslashes.
pub(super) fn is_dotted(text: &str) -> bool {
    let plain = text.to_lowercase().replace("%2e", ".").replace("%2f", "/").replace('\\', "/");
    plain.split('/').any(|segment| segment == "." || segment == "..")
}
