//! Where a made case takes its choices from: a seed, or the bytes of a fuzzer.

/// Choices, one after the other.
pub(crate) enum Dice<'b> {
    Seed(u64),
    /// When they are used up, the first choice is always taken.
    Bytes(&'b [u8]),
}

impl Dice<'_> {
    /// A number below `sides`, of which there are at most 256.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        match self {
            Self::Seed(state) => usize::try_from(split_mix(state) >> 33).unwrap_or(0) % sides,
            Self::Bytes(bytes) => {
                let Some((first, rest)) = bytes.split_first() else { return 0 };
                *bytes = rest;
                usize::from(*first) % sides
            }
        }
    }

    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == sides - 1
    }

    pub(crate) fn pick<'t, T: ?Sized>(&mut self, from: &[&'t T]) -> &'t T {
        from[self.below(from.len())]
    }

    /// Up to `most` things.
    pub(crate) fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(most + 1);
        (0..count).map(|_| make(self)).collect()
    }
}

/// The generator of Steele, Lea and Flood: one word of state, good enough to choose by.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
