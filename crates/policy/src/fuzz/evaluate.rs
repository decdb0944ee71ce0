//! A document, a server and calls made of bytes: the laws hold, and both evaluators agree.

use super::dice::Dice;
use super::laws::World;

/// For any bytes: they are taken for choices.
///
/// # Panics
/// If a law does not hold, with the smallest document found for which it does not.
pub fn evaluate(bytes: &[u8]) {
    let mut dice = Dice::Bytes(bytes);
    World::made(&mut dice).check(&mut dice, 4);
}
