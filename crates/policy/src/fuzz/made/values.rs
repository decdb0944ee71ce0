//! Values, of documents and of calls.

use super::{Dice, Tree};

pub(super) const CATEGORIES: [&str; 5] = ["read", "write", "execute", "destructive", "financial"];
pub(super) const RISKS: [&str; 4] = ["low", "medium", "high", "critical"];

/// A value of a call: also what no document may have.
pub(super) fn found(dice: &mut Dice<'_>) -> Tree {
    match dice.below(24) {
        0 => Tree::Null,
        1 => Tree::number(dice.pick(&["1e999", "12345678901234567890123456789012345", "-1e-401"])),
        2 => Tree::List(dice.some(2, scalar)),
        3 => Tree::object([("d", scalar(dice)), ("p", scalar(dice))]),
        4 => Tree::object([("k", Tree::number("1e999"))]),
        _ => scalar(dice),
    }
}

pub(super) fn scalar(dice: &mut Dice<'_>) -> Tree {
    match dice.below(8) {
        0 => Tree::Bool(dice.one_in(2)),
        1..4 => Tree::text(dice.pick(&TEXTS)),
        4 => Tree::number(dice.pick(&NUMBERS)),
        _ => number(dice),
    }
}

pub(super) fn number(dice: &mut Dice<'_>) -> Tree {
    Tree::number(i64::try_from(dice.below(14)).unwrap_or(0) - 3)
}

const TEXTS: [&str; 14] = [
    "x",
    "10",
    "",
    "abc",
    "/a/b",
    "/a/b/c",
    "/a/../b",
    "/a/%2e/b",
    r"a\..\b",
    "10.1.2.3",
    "::1",
    "::ffff:10.0.0.9",
    "é\n\"",
    "low",
];

pub(super) const NUMBERS: [&str; 12] = [
    "1.0",
    "10e-1",
    "1.5",
    "-0",
    "0.1",
    "0.10000000000000001",
    "1e400",
    "9007199254740992",
    "9007199254740993",
    "9007199254.740991",
    "0.0000001",
    "1234567890123456789012345678901234",
];
