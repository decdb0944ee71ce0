//! What Intercept, a Go program, means by a value or a pattern, said in this language.

use crate::literal::Literal;

// === Values ===

/// Every value that Go calls equal to this one, itself first. Go compares numbers as numbers and
/// everything else by how it is printed, so `5` and `"5"` are the same to it.
pub(super) fn equals(value: &Literal) -> Vec<Literal> {
    let mut all = vec![value.clone()];
    match value {
        Literal::Number(_) => {
            let written = value.compact();
            let mut texts = vec![written.clone()];
            if let Ok(float) = written.parse::<f64>() {
                texts.push(float.to_string());
                texts.push(printed_with_exponent(float));
            }
            texts.sort();
            texts.dedup();
            all.extend(texts.into_iter().map(Literal::Text));
        }
        Literal::Bool(yes) => all.push(Literal::text(if *yes { "true" } else { "false" })),
        Literal::Text(text) => match text.as_str() {
            "true" => all.push(Literal::Bool(true)),
            "false" => all.push(Literal::Bool(false)),
            text => all.extend(as_number(text)),
        },
        Literal::Null | Literal::List(_) | Literal::Object(_) => {}
    }
    all
}

/// Whether other things than text, numbers and booleans print like this text.
pub(super) fn may_be_a_list(value: &Literal) -> bool {
    let prints = |text: &str| text.starts_with('[') || text.starts_with("map[") || text == "<nil>";
    value.as_text().is_some_and(prints)
}

fn as_number(text: &str) -> Option<Literal> {
    let tape = json::parse(text.as_bytes()).ok()?;
    let number = Literal::read(tape.root()).ok()?;
    // Spaces around it are no part of a number.
    (number.compact() == text && matches!(number, Literal::Number(_))).then_some(number)
}

/// `1e+06`, `1.5e-07`: how Go prints a large or small number.
fn printed_with_exponent(float: f64) -> String {
    let text = format!("{float:e}");
    let Some((digits, power)) = text.split_once('e') else { return text };
    let (sign, power) = match power.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', power),
    };
    format!("{digits}e{sign}{power:0>2}")
}

// === Patterns ===

/// A pattern of Go's `regexp` that finds here what it finds there; or why there is none.
///
/// `\d`, `\w`, `\s` and `\b` are of ASCII in Go. Classes inside classes and braces that are no
/// repetition are plain characters there.
pub(super) fn pattern(pattern: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = Chars { rest: pattern };
    let mut class = Class::Outside;
    while let Some(char) = chars.next() {
        match (char, class) {
            ('\\', _) => escape(&mut chars, class, &mut out)?,
            ('[', Class::Outside) => {
                out.push('[');
                if chars.takes("^") {
                    out.push('^');
                }
                // A bracket that closes at once is a member.
                if chars.takes("]") {
                    out.push_str("\\]");
                }
                class = Class::Inside;
            }
            ('[', Class::Inside) if chars.rest.starts_with(':') => {
                let name = chars.through(":]").ok_or("its class has no end")?;
                out.push('[');
                out.push_str(name);
            }
            (']', Class::Inside) => {
                out.push(']');
                class = Class::Outside;
            }
            ('[' | '&' | '~', Class::Inside) => {
                out.push('\\');
                out.push(char);
            }
            ('-', Class::Inside) if chars.rest.starts_with('-') => out.push_str("\\-"),
            ('{', Class::Outside) if !is_repetition(chars.rest) => out.push_str("\\{"),
            ('(', Class::Outside) => {
                out.push('(');
                flags(&chars)?;
            }
            (other, _) => out.push(other),
        }
    }
    Ok(out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    Inside,
}

struct Chars<'p> {
    rest: &'p str,
}

impl<'p> Chars<'p> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn takes(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Everything up to and with this text.
    fn through(&mut self, end: &str) -> Option<&'p str> {
        let at = self.rest.find(end)? + end.len();
        let (taken, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest;
        Some(taken)
    }
}

fn escape(chars: &mut Chars<'_>, class: Class, out: &mut String) -> Result<(), &'static str> {
    let Some(char) = chars.next() else { return Err("it ends in a backslash") };
    let ascii = match char {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\x0C\\r ]",
        'S' => "[^\\t\\n\\x0C\\r ]",
        'b' if class == Class::Outside => "(?-u:\\b)",
        // Between two bytes of one character, Go finds it and Rust would refuse to look.
        'B' | 'C' => return Err("\\B and \\C are not known here"),
        'b' => return Err("\\b stands for nothing inside a class"),
        'Q' if class == Class::Outside => {
            let quoted = match chars.through("\\E") {
                Some(quoted) => quoted.trim_end_matches("\\E"),
                None => std::mem::take(&mut chars.rest),
            };
            out.push_str(&regex::escape(quoted));
            return Ok(());
        }
        '0'..='7' => return Err("octal escapes and references are not known here"),
        _ => {
            out.push('\\');
            out.push(char);
            return Ok(());
        }
    };
    out.push_str(ascii);
    Ok(())
}

/// Groups that Go does not have are not ones it could have meant.
fn flags(chars: &Chars<'_>) -> Result<(), &'static str> {
    let Some(rest) = chars.rest.strip_prefix('?') else { return Ok(()) };
    if rest.starts_with(['P', '<']) {
        return Ok(());
    }
    let known = rest.find([':', ')']).and_then(|at| rest.get(..at));
    let known = known.is_some_and(|flags| flags.chars().all(|c| "imsU-".contains(c)));
    if known { Ok(()) } else { Err("Go has no such group") }
}

/// Whether what follows a brace makes it a repetition: `3}`, `3,}`, `3,5}`.
fn is_repetition(rest: &str) -> bool {
    let Some((inside, _)) = rest.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Literal {
        Literal::read(json::parse(text.as_bytes()).unwrap().root()).unwrap()
    }

    fn equal_to(text: &str) -> String {
        Literal::List(equals(&value(text))).compact()
    }

    #[test]
    fn go_compares_by_print() {
        assert_eq!(equal_to("\"main\""), r#"["main"]"#);
        assert_eq!(equal_to("true"), r#"[true,"true"]"#);
        assert_eq!(equal_to("\"false\""), r#"["false",false]"#);
        assert_eq!(equal_to("5"), r#"[5,"5","5e+00"]"#);
        assert_eq!(equal_to("\"5\""), r#"["5",5]"#);
        assert_eq!(equal_to("\" 5\""), r#"[" 5"]"#);
        assert_eq!(equal_to("1.50"), r#"[1.50,"1.5","1.50","1.5e+00"]"#);
        assert_eq!(equal_to("1000000"), r#"[1000000,"1000000","1e+06"]"#);
        assert_eq!(equal_to("1e6"), r#"[1e6,"1000000","1e+06","1e6"]"#);
        assert!(may_be_a_list(&value("\"[a b]\"")) && !may_be_a_list(&value("\"a\"")));
    }

    /// Pattern, what it finds in Go, what it does not.
    const PATTERNS: [(&str, &[&str], &[&str]); 14] = [
        (r"^\d+$", &["5", "42"], &["٣", "४", "", "5\n"]),
        (r"^\w+$", &["a_1"], &["é", "a b"]),
        (r"^[\w.-]+$", &["a.b-c"], &["é", "a b"]),
        (r"^\s$", &[" ", "\t", "\x0c"], &["\u{a0}", "\u{b}"]),
        (r"^\S+$", &["\u{a0}"], &[" "]),
        (r"^[^\d]$", &["٣", "x"], &["3"]),
        (r"\bx\b", &["éx", "x"], &["ax"]),
        (r"^[[a]$", &["[", "a"], &["b"]),
        (r"^[a&&b]$", &["a", "b", "&"], &["c"]),
        (r"^[]a]$", &["]", "a"], &["b"]),
        (r"^[[:alpha:]]$", &["a"], &["é", "1", ":"]),
        (r"^a{,2}$", &["a{,2}"], &["", "aa"]),
        (r"^\Qa.b\E.$", &["a.bc"], &["axbc"]),
        (r"(?i)^k$", &["K", "\u{212a}"], &["x"]),
    ];

    #[test]
    fn patterns_find_what_they_find_in_go() {
        for (written, found, not_found) in PATTERNS {
            let here = pattern(written).unwrap();
            let regex = regex::Regex::new(&here).unwrap_or_else(|e| panic!("{written}: {e}"));
            for text in found {
                assert!(regex.is_match(text), "{written} as {here} finds {text:?}");
            }
            for text in not_found {
                assert!(!regex.is_match(text), "{written} as {here} does not find {text:?}");
            }
        }
    }

    #[test]
    fn what_has_no_counterpart_is_refused() {
        for odd in [r"\C", r"a\B", r"\1", r"\012", r"[\b]", "a\\", "(?x)a b", "(?=a)", "[[:alpha"] {
            assert!(pattern(odd).is_err(), "{odd}");
        }
    }
}
