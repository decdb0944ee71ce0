//! Documents: names, sections, rules.

use super::rules::{Judged, gates};
use super::values::CATEGORIES;
use super::{Dice, Tree};

pub(crate) fn document(dice: &mut Dice<'_>) -> Tree {
    let default = Tree::text(dice.pick(&["deny", "allow"]));
    let mut out = Tree::object([("version", Tree::text("1")), ("default", default)]);
    if dice.one_in(3) {
        out.put("mode", Tree::text(dice.pick(&["observe", "observe", "enforce"])));
    }
    if dice.one_in(3) {
        out.put("hide", Tree::List(dice.some(2, |dice| Tree::text(name(dice, &NAMES)))));
    }
    if dice.one_in(2) {
        out.put("all_tools", gates(dice, Judged::Tool));
    }
    if dice.one_in(2) {
        out.put("categories", categories(dice));
    }
    if !dice.one_in(8) {
        out.put("tools", rules(dice, Judged::Tool, &NAMES, 5));
    }
    if dice.one_in(3) {
        out.put("prompts", section(dice, Judged::Prompt));
    }
    if dice.one_in(3) {
        out.put("resources", section(dice, Judged::Resource));
    }
    if dice.one_in(4) {
        out.put("server_requests", server_requests(dice));
    }
    if dice.one_in(3) {
        out.put("list_denied", Tree::Bool(dice.one_in(3)));
    }
    if dice.one_in(12) {
        out.put("approvals", approvals(dice));
        out.put("$schema", Tree::text("https://example.com/schema.json"));
    }
    out
}

fn approvals(dice: &mut Dice<'_>) -> Tree {
    Tree::object([
        ("approvers", Tree::number(1 + dice.below(2))),
        ("expires", Tree::text(dice.pick(&["1h", "90s", "2d"]))),
        ("hold", Tree::text("0s")),
    ])
}

const NAMES: [&str; 20] = [
    "read_a",
    "read_b",
    "write_a",
    "drop_a",
    "pay",
    r"odd\*name",
    "a/b~c",
    "read_*",
    "*_a",
    "w*",
    "*a*",
    "pa?",
    "gone",
    "r*_*",
    "**a",
    "a/*",
    r"*\**",
    "drop_*",
    "*d_b",
    "admin_*",
];
const PROMPT_NAMES: [&str; 7] =
    ["greet", "review_*", "review_a", r"odd\*one", "*_b", "r**", "nobody"];
const URI_NAMES: [&str; 8] = [
    "file:///a/b",
    "file:///a/*",
    "file:///a/**",
    "file:///*",
    "**/c",
    "note://*",
    "file:///*/b",
    "*:///x",
];

fn name(dice: &mut Dice<'_>, names: &[&'static str]) -> &'static str {
    dice.pick(names)
}

fn rules(dice: &mut Dice<'_>, judged: Judged, names: &[&'static str], most: usize) -> Tree {
    let mut rules = Vec::<(String, Tree)>::new();
    for name in dice.some(most, |dice| name(dice, names)) {
        let rule = rule(dice, judged);
        if rules.iter().all(|(known, _)| known != name) {
            rules.push((name.to_owned(), rule));
        }
    }
    Tree::Object(rules)
}

fn categories(dice: &mut Dice<'_>) -> Tree {
    let mut rules = Vec::new();
    for category in CATEGORIES {
        if dice.one_in(3) {
            let mut rule = rule(dice, Judged::Tool);
            if rule.get("action").is_some_and(|action| action.is("hide")) {
                rule = Tree::object([("action", Tree::text("deny"))]);
            }
            rules.push((category.to_owned(), rule));
        }
    }
    Tree::Object(rules)
}

fn section(dice: &mut Dice<'_>, judged: Judged) -> Tree {
    let names: &[_] = if judged == Judged::Prompt { &PROMPT_NAMES } else { &URI_NAMES };
    let mut out = Tree::Object(Vec::new());
    if dice.one_in(2) {
        out.put("default", Tree::text(dice.pick(&["allow", "deny"])));
    }
    if dice.one_in(3) {
        out.put("hide", Tree::List(dice.some(2, |dice| Tree::text(name(dice, names)))));
    }
    if !dice.one_in(4) {
        out.put("rules", rules(dice, judged, names, 3));
    }
    out
}

fn server_requests(dice: &mut Dice<'_>) -> Tree {
    let mut out = Tree::Object(Vec::new());
    for kind in ["sampling", "elicitation", "roots"] {
        if dice.one_in(2) {
            out.put(kind, Tree::text(dice.pick(&["allow", "deny"])));
        }
    }
    out
}

fn rule(dice: &mut Dice<'_>, judged: Judged) -> Tree {
    let mut out = match dice.below(6) {
        0 => Tree::Object(Vec::new()),
        1 | 2 => Tree::object([(
            "action",
            Tree::text(dice.pick(&["allow", "deny", "hide", "require_approval"])),
        )]),
        _ => gates(dice, judged),
    };
    if out.get("action").is_some() && dice.one_in(2) {
        out.put("reason", Tree::text("Because."));
    }
    if dice.one_in(6) {
        let window = Tree::number(dice.pick(&["60", "3600", "86400", "7"]));
        out.put("rate_limit", Tree::object([("max", Tree::number(3)), ("window", window)]));
    }
    if judged == Judged::Tool && dice.one_in(4) {
        out.put("validate_arguments", Tree::Bool(!dice.one_in(4)));
    }
    if dice.one_in(8) {
        out.put("response", response(dice));
    }
    out
}

fn response(dice: &mut Dice<'_>) -> Tree {
    let own = Tree::object([("regex", Tree::text("[0-9]{4}")), ("with", Tree::text("…"))]);
    let known = Tree::text(dice.pick(&["emails", "secrets", "cards", "phones"]));
    let mut out = Tree::object([("redact", Tree::List(vec![known, own]))]);
    if dice.one_in(2) {
        out.put("max_bytes", Tree::number(1_000));
    }
    out
}
