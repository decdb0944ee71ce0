//! One spelling for equal values, for hashes: RFC 8785 with exact decimals.
//!
//! RFC 8785 rounds numbers to doubles, which would let two different amounts share an approval.
//! Here a number keeps every digit and only loses its spelling: `1.50`, `15e-1` and `1.5` agree.

use std::borrow::Cow;

use crate::node::Node;
use crate::tape::Kind;
use crate::text::escape_into;

/// Appends the canonical form: no blanks, keys in UTF-16 order, strings minimally escaped,
/// numbers as normalised exact decimals.
pub fn canonical_into(node: Node<'_>, out: &mut Vec<u8>) {
    let mut steps = vec![Step::Value(node)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Byte(byte) => out.push(byte),
            Step::Key(key) => {
                escape_into(out, &key);
                out.push(b':');
            }
            Step::Value(node) => value_into(node, out, &mut steps),
        }
    }
}

/// What is still to be written; the last one comes first.
enum Step<'t> {
    Value(Node<'t>),
    Key(Cow<'t, str>),
    Byte(u8),
}

fn value_into<'t>(node: Node<'t>, out: &mut Vec<u8>, steps: &mut Vec<Step<'t>>) {
    match node.kind() {
        Kind::Null | Kind::Bool => out.extend_from_slice(node.raw()),
        Kind::Number => number_into(node.raw_str(), out),
        Kind::String => escape_into(out, &node.as_str().unwrap_or_default()),
        Kind::Array => {
            out.push(b'[');
            steps.push(Step::Byte(b']'));
            let items: Vec<_> = node.items().collect();
            for (index, item) in items.into_iter().enumerate().rev() {
                steps.push(Step::Value(item));
                steps.extend((index > 0).then_some(Step::Byte(b',')));
            }
        }
        Kind::Object => {
            out.push(b'{');
            steps.push(Step::Byte(b'}'));
            let mut members: Vec<_> = node.members().map(|m| (m.key(), m.value)).collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            for (index, (key, value)) in members.into_iter().enumerate().rev() {
                steps.push(Step::Value(value));
                steps.push(Step::Key(key));
                steps.extend((index > 0).then_some(Step::Byte(b',')));
            }
        }
    }
}

/// Writes a number in the shape ECMAScript gives it, but with all of its digits.
fn number_into(text: &str, out: &mut Vec<u8>) {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let leading_zeros = all.len() - digits.len();
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        out.push(b'0');
        return;
    }
    out.extend_from_slice(sign.as_bytes());
    // The decimal point stands this many places right of the first digit.
    let point = exponent.parse::<i64>().ok().and_then(|exponent| {
        let shift = i64::try_from(whole.len()).ok()? - i64::try_from(leading_zeros).ok()?;
        exponent.checked_add(shift)
    });
    match point {
        Some(point) => decimal_into(digits, point, out),
        // An exponent of twenty digits: nothing computes with it, so its spelling may stand.
        None => out.extend_from_slice(unsigned.to_ascii_lowercase().as_bytes()),
    }
}

fn decimal_into(digits: &str, point: i64, out: &mut Vec<u8>) {
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let split = |at: i64| {
        let at = usize::try_from(at).unwrap_or(0);
        digits.split_at_checked(at).unwrap_or((digits, ""))
    };
    let written = if (count..=21).contains(&point) {
        format!("{digits}{}", zeros(point - count))
    } else if (1..=21).contains(&point) {
        let (whole, fraction) = split(point);
        format!("{whole}.{fraction}")
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let (first, rest) = split(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let exponent = i128::from(point) - 1;
        format!("{first}{dot}{rest}e{exponent:+}")
    };
    out.extend_from_slice(written.as_bytes());
}

#[cfg(test)]
mod tests {
    fn canonical(text: &str) -> String {
        let tape = crate::parse(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        super::canonical_into(tape.root(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn equal_numbers_are_spelled_alike() {
        for (written, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.000e99999999999999999999", "0"),
            ("1.50", "1.5"),
            ("15e-1", "1.5"),
            ("0.15E+1", "1.5"),
            ("100", "100"),
            ("1e2", "100"),
            ("-1E+0000000000000000000000002", "-100"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("1234567890123456789012345", "1.234567890123456789012345e+24"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("12.5e-9", "1.25e-8"),
            ("9007199254740993", "9007199254740993"),
            ("1E99999999999999999999", "1e99999999999999999999"),
            ("1e9223372036854775807", "1e9223372036854775807"),
            ("1e-9223372036854775808", "1e-9223372036854775808"),
        ] {
            assert_eq!(canonical(written), expected, "{written}");
        }
    }

    #[test]
    fn numbers_that_doubles_confuse_stay_apart() {
        assert_ne!(canonical("9007199254740993"), canonical("9007199254740992"));
        assert_ne!(canonical("0.1"), canonical("0.1000000000000000055511151231257827"));
        assert_ne!(canonical("1e99999999999999999999"), canonical("1e99999999999999999998"));
    }

    #[test]
    fn keys_are_in_utf16_order_and_strings_minimally_escaped() {
        // The sorting example of RFC 8785, section 3.2.3.
        let text = r#"{ "\u20ac": "Euro Sign", "\r": "CR", "\ufb33": "Dalet", "1": "One",
            "\ud83d\ude00": "Smiley", "\u0080": "Control", "\u00f6": [ 1 , {"b":1,"a":[]} ] }"#;
        let expected = "{\"\\r\":\"CR\",\"1\":\"One\",\"\u{80}\":\"Control\",\
            \"ö\":[1,{\"a\":[],\"b\":1}],\"€\":\"Euro Sign\",\"😀\":\"Smiley\",\"\u{fb33}\":\"Dalet\"}";
        assert_eq!(canonical(text), expected);
        assert_eq!(canonical(r#""\u002f\/\u001f\"""#), r#""//\u001f\"""#);
    }
}
