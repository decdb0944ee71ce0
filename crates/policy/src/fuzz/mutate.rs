//! Inputs near the kept ones: bytes changed, words of the language put in, pieces taken out or
//! said twice, two inputs joined.

use super::dice::Dice;

const WORDS: [&str; 26] = [
    "\"deny_if\":[",
    "\"require\":[",
    "\"conditions\":[",
    "\"limits\":[",
    "\"action\":\"hide\"",
    "\"not\":{",
    "\"any\":[",
    "\"value\":null",
    "\"op\":\"regex\"",
    "\"path\":\"args.a[*]\"",
    "\"tools\":{",
    "\"default\":\"allow\"",
    "\"max\":1e999",
    "\"window\":2678401",
    "\\u0000",
    "{}",
    "[]",
    "null",
    "-0",
    "\"*\":{}",
    "~1",
    "\\\\",
    "\"rate_limit\":{\"max\":1,\"window\":60}",
    "é",
    "\u{feff}",
    ",",
];

pub(super) fn mutated(dice: &mut Dice<'_>, kept: &[(String, Vec<u8>)]) -> Vec<u8> {
    let kept = |dice: &mut Dice<'_>| &kept[dice.below(kept.len())].1;
    let mut input = kept(dice).clone();
    for _ in 0..=dice.below(4) {
        let at = place(dice, input.len() + 1);
        let end = (at + place(dice, 24)).min(input.len());
        match dice.below(6) {
            0 => drop(input.drain(at..end)),
            1 => {
                let piece = input[at..end].to_vec();
                drop(input.splice(at..at, piece));
            }
            2 => {
                let other = kept(dice);
                let from = place(dice, other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            3 if at < input.len() => input[at] = u8::try_from(dice.below(256)).unwrap_or(0),
            _ => {
                let word = WORDS[dice.below(WORDS.len())];
                drop(input.splice(at..end.min(at + 3), word.bytes()));
            }
        }
    }
    input
}

/// A place in something longer than one choice can say.
fn place(dice: &mut Dice<'_>, length: usize) -> usize {
    (dice.below(256) << 8 | dice.below(256)) % length
}
