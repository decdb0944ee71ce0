//! Numbers as rows of digits.

use std::cmp::Ordering;

use crate::fuzz::tree::Tree;

/// `0.d1d2d3… × 10^exponent`; no digits for zero.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

/// Why an amount is not counted.
pub(super) struct Uncountable;

impl Number {
    /// `None` for what is no number, or one that cannot be judged.
    pub(super) fn read(value: &Tree) -> Option<Self> {
        let Tree::Number(text) = value else { return None };
        let is_negative = text.starts_with('-');
        let text = text.trim_start_matches('-').to_lowercase();
        let (mantissa, written) = text.split_once('e').unwrap_or((&text, "0"));
        let written: i64 = written.trim_start_matches('+').parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let led = all.trim_start_matches('0');
        let digits = led.trim_end_matches('0').to_owned();
        let first = i64::try_from(whole.len()).ok()? - i64::try_from(all.len() - led.len()).ok()?;
        let exponent = if digits.is_empty() { 0 } else { written + first };
        // The exponent of a number is that of its first digit, as in 1.5e3.
        let is_far = |exponent: i64| exponent.abs() > 400;
        if digits.len() > 34 || is_far(written) || (!digits.is_empty() && is_far(exponent - 1)) {
            return None;
        }
        Some(Self { is_negative: is_negative && !digits.is_empty(), digits, exponent })
    }

    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = |number: &Self| (number.exponent, number.digits.clone());
        match (sign(self), sign(other)) {
            (1, 1) => size(self).cmp(&size(other)),
            (-1, -1) => size(other).cmp(&size(self)),
            (one, two) => one.cmp(&two),
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        i64::try_from(self.digits.len()).is_ok_and(|digits| digits <= self.exponent.max(0))
    }

    /// The amount in millionths.
    pub(super) fn millionths(&self) -> Result<u64, Uncountable> {
        let width = self.exponent + 6;
        let digits = self.digits.len();
        if self.is_negative {
            return Err(Uncountable);
        }
        if digits == 0 {
            return Ok(0);
        }
        match usize::try_from(width) {
            Ok(width) if (digits..20).contains(&width) => {
                let text = format!("{:0<width$}", self.digits);
                let amount: u64 = text.parse().map_err(|_too_large| Uncountable)?;
                if amount < 1 << 53 { Ok(amount) } else { Err(Uncountable) }
            }
            _ => Err(Uncountable),
        }
    }
}
