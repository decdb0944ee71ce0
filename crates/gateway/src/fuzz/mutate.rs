//! Inputs made from kept ones: cut, joined, repeated, sprinkled with what parsers trip over.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// Longest input that is made.
const MAX: usize = 4_096;

const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "1.0",
    "{}",
    "[]",
    "\"id\":1,",
    "\"id\":null,",
    "\"jsonrpc\":\"2.0\",",
    "\"method\":\"tools/call\",",
    "\"params\":{",
    "\"name\":\"pay\",",
    "\"Name\":\"x\",",
    "\"\\u006eame\":\"x\",",
    "\"name\\u0000\":\"x\",",
    "\"argument\u{17f}\":{},",
    "\"tas\u{212a}\":{},",
    "\"arguments\":{",
    "\"amount\":10,",
    "\"Amount\":1000,",
    "\"money\":{\"kind\":\"eur\"},",
    "\"result\":{",
    "\"error\":{},",
    "\"tools\":[",
    "\"Tools\":[",
    "\"prompts\":[",
    "\"resources\":[",
    "\"resourceTemplates\":[",
    "{\"name\":\"a\"},",
    "{\"name\":\"b\"},",
    "{\"uri\":\"c\"},",
    "{\"uriTemplate\":\"d\"},",
    "\"nextCursor\":\"n\",",
    "\"ttlMs\":60000,",
    "\"ttlMs\":1,",
    "\"cacheScope\":\"public\",",
    "\"_meta\":{},",
    "\\ud83d\\ude00",
    "\\ud800",
    "\u{feff}",
    "\u{200b}",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\r",
    ": c\n",
    "data:",
    "data: {}\n\n",
    "Data: x\n",
    " data: x\n",
    "event: message\n",
    "id: 4\n",
    "id: \u{0}\n",
    "retry: 3\n",
    "\u{2028}",
    "\u{85}",
    "\u{b}",
    "\u{0}",
    "A",
    "=",
    "_-",
];

/// A new input.
pub(super) fn mutated(rng: &mut StdRng, kept: &[(String, Vec<u8>)]) -> Vec<u8> {
    let pick = |rng: &mut StdRng| kept.choose(rng).map(|(_, bytes)| bytes.clone());
    let mut input = pick(rng).unwrap_or_default();
    for _ in 0..rng.random_range(1..6) {
        once(rng, &mut input, &pick);
    }
    input.truncate(MAX);
    input
}

fn once(rng: &mut StdRng, input: &mut Vec<u8>, pick: &dyn Fn(&mut StdRng) -> Option<Vec<u8>>) {
    let at = rng.random_range(0..=input.len());
    let end = rng.random_range(at..=input.len().min(at + 40));
    match rng.random_range(0..8) {
        0 => input.extend_from_slice(&pick(rng).unwrap_or_default()),
        1 => input.truncate(at),
        2 => drop(input.drain(at..end)),
        3 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        4 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = rng.random();
            }
        }
        5 => {
            let other = pick(rng).unwrap_or_default();
            let from = rng.random_range(0..=other.len());
            input.splice(at..end, other[from..].iter().copied());
        }
        _ => {
            let token = TOKENS.choose(rng).copied().unwrap_or_default();
            input.splice(at..at, token.bytes());
        }
    }
}
