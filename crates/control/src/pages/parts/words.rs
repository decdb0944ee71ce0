//! Figures and ids in words.

/// "1 tool", "1,084 tools".
pub(crate) fn count(n: impl Into<i128>, noun: &str) -> String {
    let n = n.into();
    format!("{} {noun}{}", thousands(n), if n == 1 { "" } else { "s" })
}

/// A whole number with its thousands set apart.
pub(crate) fn thousands(n: impl Into<i128>) -> String {
    let n = n.into();
    let digits = n.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    if n < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration with the unit that suits it: "26 µs", "1.2 ms", "3.4 s".
pub(crate) fn micros(us: u32) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

/// A size: "812 B", "1.1 kB", "1.1 MB".
pub(crate) fn bytes(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} B"),
        1_000..1_000_000 => format!("{}.{} kB", size / 1_000, size % 1_000 / 100),
        _ => format!("{}.{} MB", size / 1_000_000, size % 1_000_000 / 100_000),
    }
}

/// An id, shortened in the middle: the head names its kind, the tail tells it from others.
pub(crate) fn short(id: &str) -> String {
    let (head, tail) = (id.chars().take(8), id.chars().rev().take(5));
    if id.chars().count() <= 16 {
        return id.to_owned();
    }
    let tail: Vec<char> = tail.collect();
    head.chain(['…']).chain(tail.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(count(1, "tool"), "1 tool");
        assert_eq!(count(1_084, "tool"), "1,084 tools");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000_000), "1,000,000");
        assert_eq!(thousands(-1_234), "-1,234");
        assert_eq!(micros(26), "26 µs");
        assert_eq!(micros(1_250), "1.2 ms");
        assert_eq!(micros(3_400_000), "3.4 s");
        assert_eq!(bytes(812), "812 B");
        assert_eq!(bytes(1_150_000), "1.1 MB");
        assert_eq!(short("grt_0199e2a0c1d27b3f8f5a6b7c8d9e0f10"), "grt_0199…e0f10");
        assert_eq!(short("key_1"), "key_1");
    }
}
