//! Exact decimals: what a JSON number says, without ever passing through a float.

use std::cmp::Ordering;
use std::fmt;

/// Numbers of more significant digits than this cannot be judged.
pub(crate) const MAX_DIGITS: u32 = 34;
/// Nor can numbers with an exponent beyond this, in either direction.
pub(crate) const MAX_EXPONENT: i32 = 400;
/// Decimal places of an amount that is counted.
pub(crate) const PLACES: i32 = 6;
/// One unit of a counted amount, scaled.
pub(crate) const SCALE: u64 = 1_000_000;
/// The largest scaled amount, sum or maximum: what every counter store holds exactly.
pub(crate) const MAX_SCALED: u64 = (1 << 53) - 1;

/// `coefficient × 10^exponent`, the coefficient without trailing zeros (so that equal values have
/// equal parts) and at most 34 digits long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Decimal {
    negative: bool,
    coefficient: u128,
    exponent: i32,
}

/// Why a number is not an amount that can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotCountable {
    Negative,
    TooManyPlaces,
    TooLarge,
}

impl Decimal {
    const ZERO: Self = Self { negative: false, coefficient: 0, exponent: 0 };

    /// Reads a JSON number; `None` for one that cannot be judged.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, written_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Self::from_digits(negative, whole, fraction, exponent)
    }

    fn from_digits(negative: bool, whole: &str, fraction: &str, exponent: i32) -> Option<Self> {
        let digits = || whole.bytes().chain(fraction.bytes());
        let mut coefficient: u128 = 0;
        let mut significant = 0;
        // Zeros are held back until a digit follows, so that trailing ones do not count.
        let mut held_zeros: i32 = 0;
        for byte in digits() {
            match byte {
                b'0' if coefficient == 0 => {}
                b'0' => held_zeros += 1,
                b'1'..=b'9' => {
                    significant += 1 + u32::try_from(held_zeros).ok()?;
                    if significant > MAX_DIGITS {
                        return None;
                    }
                    coefficient *= 10u128.pow(u32::try_from(held_zeros).ok()?);
                    coefficient = coefficient * 10 + u128::from(byte - b'0');
                    held_zeros = 0;
                }
                _ => return None,
            }
        }
        if coefficient == 0 {
            return Some(Self::ZERO);
        }
        let places = i32::try_from(fraction.len()).ok()?;
        let exponent = exponent.checked_sub(places)?.checked_add(held_zeros)?;
        let number = Self { negative, coefficient, exponent };
        (number.magnitude().abs() <= MAX_EXPONENT).then_some(number)
    }

    /// The power of ten of the first digit.
    fn magnitude(self) -> i32 {
        self.exponent + i32::try_from(self.coefficient.checked_ilog10().unwrap_or(0)).unwrap_or(0)
    }

    /// The amount in millionths: exact, or a reason.
    pub(crate) fn scaled(self) -> Result<u64, NotCountable> {
        self.in_units_of(PLACES)
    }

    /// The number as a count of whole things: exact, or a reason.
    pub(crate) fn whole(self) -> Result<u64, NotCountable> {
        self.in_units_of(0)
    }

    fn in_units_of(self, places: i32) -> Result<u64, NotCountable> {
        if self.negative {
            return Err(NotCountable::Negative);
        }
        if self.coefficient == 0 {
            return Ok(0);
        }
        let power = self.exponent + places;
        let power = u32::try_from(power).map_err(|_negative| NotCountable::TooManyPlaces)?;
        10u128
            .checked_pow(power)
            .and_then(|factor| self.coefficient.checked_mul(factor))
            .and_then(|scaled| u64::try_from(scaled).ok())
            .filter(|scaled| *scaled <= MAX_SCALED)
            .ok_or(NotCountable::TooLarge)
    }

    fn cmp_magnitude(self, other: Self) -> Ordering {
        let by_size = self.magnitude().cmp(&other.magnitude());
        if by_size != Ordering::Equal || self.coefficient == 0 {
            return by_size;
        }
        // Same first place, so lengthening the shorter coefficient keeps within 34 digits.
        let low = self.exponent.min(other.exponent);
        let aligned = |number: Self| {
            number.coefficient * 10u128.pow(u32::try_from(number.exponent - low).unwrap_or(0))
        };
        aligned(self).cmp(&aligned(other))
    }
}

impl From<u32> for Decimal {
    fn from(number: u32) -> Self {
        let (mut coefficient, mut exponent) = (u128::from(number), 0);
        while coefficient > 0 && coefficient.is_multiple_of(10) {
            coefficient /= 10;
            exponent += 1;
        }
        Self { negative: false, coefficient, exponent }
    }
}

fn written_exponent(text: &str) -> Option<i32> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.trim_start_matches('0');
    let exponent: i32 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    (exponent <= MAX_EXPONENT).then_some(if negative { -exponent } else { exponent })
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.coefficient, number.negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        match (sign(self), sign(other)) {
            (1, 1) => self.cmp_magnitude(*other),
            (-1, -1) => other.cmp_magnitude(*self),
            (a, b) => a.cmp(&b),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Shows a scaled amount in its own unit: `50000`, `0.5`.
pub(crate) struct Scaled(pub(crate) u64);

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / SCALE, self.0 % SCALE);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{rest:06}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn spelling_does_not_matter() {
        for same in ["1", "1.0", "1.000", "10e-1", "0.1E+1", "1e0", "100e-2", "1e-0"] {
            assert_eq!(read(same), read("1"), "{same}");
        }
        for zero in ["0", "-0", "0.000", "0e10", "-0.0e-5"] {
            assert_eq!(read(zero), read("0"), "{zero}");
        }
        assert_ne!(read("1"), read("-1"));
        for number in [0, 7, 10, 1_200, u32::MAX] {
            assert_eq!(Decimal::from(number), read(&number.to_string()));
        }
    }

    #[test]
    fn order_is_exact_where_floats_are_not() {
        let ordered = [
            "-1e400",
            "-10000.01",
            "-10000",
            "-9.99",
            "-1e-400",
            "0",
            "1e-400",
            "0.1",
            "0.3",
            "0.30000000000000001",
            "9.99",
            "10000",
            "10000.00000000000000000001",
            "10001",
            "1e5",
            "9007199254740992",
            "9007199254740993",
            "1e400",
        ];
        for pair in ordered.windows(2) {
            assert!(read(pair[0]) < read(pair[1]), "{pair:?}");
            assert!(read(pair[1]) > read(pair[0]), "{pair:?}");
        }
    }

    #[test]
    fn too_long_or_too_far_out_cannot_be_judged() {
        let most = "1234567890123456789012345678901234";
        assert!(Decimal::parse(most).is_some());
        assert!(Decimal::parse(&format!("{most}5")).is_none());
        assert!(Decimal::parse(&format!("0.{most}5")).is_none());
        assert!(Decimal::parse(&format!("0.00{most}")).is_some());
        assert!(Decimal::parse(&format!("{most}000")).is_some());
        for far in ["1e401", "1e-401", "1e99999999999999999999", "10e400", "0.01e-399", "0e401"] {
            assert!(Decimal::parse(far).is_none(), "{far}");
        }
        assert!(Decimal::parse(&format!("0.{}1", "0".repeat(400))).is_none());
    }

    #[test]
    fn amounts_are_counted_exactly_or_not_at_all() {
        let scaled = |text| read(text).scaled();
        assert_eq!(scaled("12.5"), Ok(12_500_000));
        assert_eq!(scaled("0.000001"), Ok(1));
        assert_eq!(scaled("1e3"), Ok(1_000_000_000));
        assert_eq!(scaled("-0"), Ok(0));
        assert_eq!(scaled("0.0000001"), Err(NotCountable::TooManyPlaces));
        assert_eq!(scaled("-0.5"), Err(NotCountable::Negative));
        assert_eq!(scaled("9007199254.740991"), Ok(MAX_SCALED));
        assert_eq!(scaled("9007199254.740992"), Err(NotCountable::TooLarge));
        assert_eq!(scaled("1e400"), Err(NotCountable::TooLarge));
        assert_eq!(read("3").whole(), Ok(3));
        assert_eq!(read("3.5").whole(), Err(NotCountable::TooManyPlaces));
    }

    #[test]
    fn scaled_amounts_are_shown_in_their_unit() {
        assert_eq!(Scaled(50_000_000_000).to_string(), "50000");
        assert_eq!(Scaled(500_000).to_string(), "0.5");
        assert_eq!(Scaled(1).to_string(), "0.000001");
    }

    proptest! {
        #[test]
        fn agrees_with_integers(a in any::<i64>(), b in any::<i64>(), shift in 0u32..12) {
            let text = |n: i64| format!("{n}{}e-{shift}", "0".repeat(shift as usize));
            prop_assert_eq!(read(&text(a)).cmp(&read(&b.to_string())), a.cmp(&b));
            prop_assert_eq!(read(&text(a)), read(&a.to_string()));
        }

        #[test]
        fn never_panics(text in "-?[0-9]{1,50}(\\.[0-9]{1,50})?([eE][+-]?[0-9]{1,6})?") {
            if let Some(number) = Decimal::parse(&text) {
                let _ = (number.scaled(), number.whole(), number.cmp(&Decimal::ZERO));
            }
        }
    }
}
