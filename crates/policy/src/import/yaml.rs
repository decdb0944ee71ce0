//! YAML, read as the JSON that it means, with the place of every value kept.
//!
//! Plain values mean what they mean to Go's yaml.v3, which Intercept reads them with; what would
//! mean something that JSON has no word for is an error. Anchors and aliases are refused, so that
//! a text cannot become larger than it is.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::problem::{Problem, child, item};

/// Lists and mappings may nest this deep.
const MAX_DEPTH: usize = 32;
/// After so many errors the rest goes unsaid.
const MAX_PROBLEMS: usize = 100;

/// A YAML text as JSON.
pub(super) struct Yaml {
    pub(super) json: String,
    /// What JSON has no word for. There is something in its place.
    pub(super) problems: Vec<Problem>,
    /// Line and column of what each pointer points to; of a member, those of its key.
    places: HashMap<String, (u32, u32)>,
    /// The line of each value, by its offset in the JSON; rising.
    lines: Vec<(usize, u32)>,
}

impl Yaml {
    /// A problem of the JSON, with its place in the YAML.
    pub(super) fn located(&self, mut problem: Problem) -> Problem {
        let mut pointer = problem.pointer.as_str();
        loop {
            if let Some(place) = self.places.get(pointer) {
                (problem.line, problem.column) = *place;
                return problem;
            }
            match pointer.rsplit_once('/') {
                Some((parent, _)) => pointer = parent,
                None => return problem,
            }
        }
    }

    /// The line of the value at an offset of the JSON.
    pub(super) fn line(&self, offset: usize) -> u32 {
        let after = self.lines.partition_point(|(start, _)| *start <= offset);
        after.checked_sub(1).and_then(|at| self.lines.get(at)).map_or(1, |(_, line)| *line)
    }
}

/// Reads one YAML document. `Err` is a text that is no YAML at all.
pub(super) fn read(text: &str) -> Result<Yaml, Vec<Problem>> {
    let mut writer = Writer::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                if writer.event(event, span).is_none() {
                    return Err(writer.problems);
                }
            }
            Err(error) => {
                let mark = error.marker();
                let detail = format!("This is not valid YAML: {}.", error.info());
                writer.wrong(place(mark.line(), mark.col()), detail);
                return Err(writer.problems);
            }
        }
    }
    let Writer { json, problems, places, lines, .. } = writer;
    Ok(Yaml { json, problems, places, lines })
}

fn place(line: usize, column: usize) -> (u32, u32) {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (number(line.max(1)), number(column.saturating_add(1)))
}

/// A list or mapping that is open.
struct Open {
    pointer: String,
    is_mapping: bool,
    /// Elements or whole members so far.
    count: usize,
    /// The member whose value comes next.
    key: Option<String>,
}

#[derive(Default)]
struct Writer {
    json: String,
    problems: Vec<Problem>,
    places: HashMap<String, (u32, u32)>,
    lines: Vec<(usize, u32)>,
    open: Vec<Open>,
    documents: usize,
}

impl Writer {
    fn wrong(&mut self, at: (u32, u32), detail: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            let pointer = self.pointer();
            let (line, column) = at;
            let detail = detail.into();
            self.problems.push(Problem { pointer, line, column, detail, suggestion: None });
        }
    }

    /// The pointer of what comes next.
    fn pointer(&self) -> String {
        match self.open.last() {
            None => String::new(),
            Some(Open { pointer, key: Some(key), .. }) => child(pointer, key),
            Some(Open { pointer, is_mapping: true, .. }) => pointer.clone(),
            Some(Open { pointer, count, .. }) => item(pointer, *count),
        }
    }

    /// `None` where reading on makes no sense.
    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let at = place(span.start.line(), span.start.col());
        match event {
            Event::StreamEnd if self.documents == 0 => {
                self.wrong((1, 1), "There is nothing in this text.");
                return None;
            }
            Event::Nothing | Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.wrong(at, "One text has one policy: this is a second YAML document.");
                    return None;
                }
            }
            Event::Alias(_) => {
                self.no_anchors(at);
                self.value(at, |json| json.push_str("null"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.marked(at, anchor, tag.is_some());
                self.scalar(&text, style, at);
            }
            Event::SequenceStart(anchor, tag) => {
                self.marked(at, anchor, tag.is_some());
                self.opened(at, false)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.marked(at, anchor, tag.is_some());
                self.opened(at, true)?;
            }
            Event::SequenceEnd => self.closed(']'),
            Event::MappingEnd => self.closed('}'),
        }
        Some(())
    }

    fn no_anchors(&mut self, at: (u32, u32)) {
        self.wrong(
            at,
            "Anchors and aliases (& and *) are not taken: write it out. A name that \
                        begins with * needs quotes.",
        );
    }

    fn marked(&mut self, at: (u32, u32), anchor: usize, has_tag: bool) {
        if anchor > 0 {
            self.no_anchors(at);
        }
        if has_tag {
            self.wrong(at, "YAML tags (!) are not taken: text needs quotes, nothing else a tag.");
        }
    }

    /// Writes a value of one piece.
    fn value(&mut self, at: (u32, u32), write: impl FnOnce(&mut String)) {
        let pointer = self.pointer();
        self.places.entry(pointer).or_insert(at);
        self.separate();
        self.lines.push((self.json.len(), at.0));
        write(&mut self.json);
        self.counted();
    }

    fn separate(&mut self) {
        if let Some(open) = self.open.last()
            && open.key.is_none()
            && open.count > 0
        {
            self.json.push(',');
        }
    }

    fn counted(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.count += 1;
            open.key = None;
        }
    }

    fn awaits_key(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_mapping && open.key.is_none())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: (u32, u32)) {
        if self.awaits_key() {
            self.key(text, style, at);
            return;
        }
        let plain = style == ScalarStyle::Plain;
        let json = match if plain { resolved(text) } else { Ok(json::quoted(text)) } {
            Ok(json) => json,
            Err(detail) => {
                self.wrong(at, detail);
                json::quoted(text)
            }
        };
        self.value(at, |out| out.push_str(&json));
    }

    fn key(&mut self, text: &str, style: ScalarStyle, at: (u32, u32)) {
        if text == "<<" && style == ScalarStyle::Plain {
            self.no_anchors(at);
        }
        self.separate();
        self.lines.push((self.json.len(), at.0));
        self.json.push_str(&json::quoted(text));
        self.json.push(':');
        if let Some(open) = self.open.last_mut() {
            let pointer = child(&open.pointer, text);
            open.key = Some(text.to_owned());
            self.places.insert(pointer, at);
        }
    }

    fn opened(&mut self, at: (u32, u32), is_mapping: bool) -> Option<()> {
        if self.awaits_key() {
            self.wrong(at, "A key must be text.");
            return None;
        }
        if self.open.len() >= MAX_DEPTH {
            self.wrong(at, format!("Lists and mappings are nested more than {MAX_DEPTH} deep."));
            return None;
        }
        let pointer = self.pointer();
        self.places.entry(pointer.clone()).or_insert(at);
        self.separate();
        self.lines.push((self.json.len(), at.0));
        self.json.push(if is_mapping { '{' } else { '[' });
        self.open.push(Open { pointer, is_mapping, count: 0, key: None });
        Some(())
    }

    fn closed(&mut self, with: char) {
        self.json.push(with);
        self.open.pop();
        self.counted();
    }
}

// === Plain values ===

/// What a plain value means, as JSON; or why it should not be written so.
fn resolved(text: &str) -> Result<String, &'static str> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok("null".to_owned()),
        "true" | "True" | "TRUE" => return Ok("true".to_owned()),
        "false" | "False" | "FALSE" => return Ok("false".to_owned()),
        _ => {}
    }
    if is_date(text) {
        return Err("YAML takes this for a date: put it in quotes.");
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if matches!(lower.as_str(), ".inf" | ".nan") {
        return Err("A number must be finite.");
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(json::quoted(text));
    }
    let is_based = ["0x", "0o", "0b"].iter().any(|base| lower.starts_with(base))
        && lower.bytes().skip(2).all(|b| b.is_ascii_hexdigit() || b == b'_');
    let grouped = unsigned.contains('_')
        && unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b'.'));
    if is_based || grouped {
        return Err("YAML takes this for a number: write it in plain digits, or put it in quotes.");
    }
    match number(text) {
        Some(_) if has_leading_zero(unsigned) => {
            Err("YAML may take this for an octal number: leave the zero out, or put it in quotes.")
        }
        Some(number) => Ok(number),
        None => Ok(json::quoted(text)),
    }
}

fn has_leading_zero(digits: &str) -> bool {
    digits.strip_prefix('0').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, as JSON writes it.
fn number(text: &str) -> Option<String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let power = exponent.strip_prefix(['e', 'E']).unwrap_or_default();
    let power_digits = power.strip_prefix(['-', '+']).unwrap_or(power);
    if !digits(power_digits) || (!exponent.is_empty() && power_digits.is_empty()) {
        return None;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

/// `YYYY-M-D`, with or without a time.
fn is_date(text: &str) -> bool {
    let day = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let mut parts = day.split('-');
    let fits = |part: Option<&str>, least: usize, most: usize| {
        part.is_some_and(|part| {
            (least..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        })
    };
    fits(parts.next(), 4, 4)
        && fits(parts.next(), 1, 2)
        && fits(parts.next(), 1, 2)
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let yaml = read(text).unwrap();
        assert!(yaml.problems.is_empty(), "{text}: {:?}", yaml.problems);
        yaml.json
    }

    fn wrong(text: &str) -> Vec<(String, u32, u32)> {
        let problems = match read(text) {
            Ok(yaml) => yaml.problems,
            Err(problems) => problems,
        };
        problems.into_iter().map(|p| (p.pointer, p.line, p.column)).collect()
    }

    #[test]
    fn yaml_becomes_the_json_it_means() {
        let cases = [
            ("a: 1\nb: [x, \"y\", 'z']\n", r#"{"a":1,"b":["x","y","z"]}"#),
            ("- 1.50\n- +5\n- -.5\n- 5.\n- 1e3\n- 1E+2", "[1.50,5,-0.5,5,1e3,1E+2]"),
            ("- ~\n- null\n-\n- yes\n- on\n- True", r#"[null,null,null,"yes","on",true]"#),
            ("- 5/hour\n- 1.2.3\n- 1-2\n- 12a\n- .", r#"["5/hour","1.2.3","1-2","12a","."]"#),
            ("a: |\n  one\n  two\n", r#"{"a":"one\ntwo\n"}"#),
            ("\"*\": {rules: []}", r#"{"*":{"rules":[]}}"#),
            ("a:\n  b:\n    - c: 1\n      d: 2\n    - e", r#"{"a":{"b":[{"c":1,"d":2},"e"]}}"#),
            ("1: one\nyes: two", r#"{"1":"one","yes":"two"}"#),
        ];
        for (text, meant) in cases {
            assert_eq!(json(text), meant, "{text}");
        }
    }

    #[test]
    fn what_yaml_would_turn_into_something_else_is_refused() {
        let odd = [
            "a: 2026-11-28",
            "a: 2026-11-28T10:00:00Z",
            "a: 0x1F",
            "a: 0o17",
            "a: 0755",
            "a: 1_000",
            "a: .inf",
            "a: -.NaN",
            "a: !!str 5",
            "a: &x 5",
            "a: *x",
        ];
        for text in odd {
            assert!(!wrong(text).is_empty(), "{text}");
        }
        assert_eq!(wrong("a:\n  - 0755"), [("/a/0".to_owned(), 2, 5)]);
    }

    #[test]
    fn bombs_and_other_strange_texts_end_early() {
        let bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]";
        assert!(wrong(bomb).len() >= 3);
        assert_eq!(wrong(&"[".repeat(10_000)).len(), 1);
        assert_eq!(wrong(&"- ".repeat(10_000)).len(), 1);
        assert_eq!(wrong("a: 1\n---\nb: 2").len(), 1);
        assert_eq!(wrong("? [a]\n: b").len(), 1);
        assert_eq!(wrong("a: \"open").len(), 1);
        assert_eq!(wrong("# nothing").len(), 1);
        assert_eq!(wrong("<<: {a: 1}").len(), 1);
    }

    #[test]
    fn places_are_those_of_the_yaml() {
        let yaml =
            read("tools:\n  pay:\n    rules:\n      - name: x\n        action: maybe\n").unwrap();
        let problem = |pointer: &str| {
            yaml.located(Problem {
                pointer: pointer.to_owned(),
                ..Problem::at_start(String::new())
            })
        };
        assert_eq!(problem("/tools/pay/rules/0/action").line, 5);
        assert_eq!(problem("/tools/pay/rules/0/missing").line, 4);
        assert_eq!(problem("/nowhere").line, 1);
        let at = yaml.json.find("\"maybe\"").unwrap();
        assert_eq!(yaml.line(at), 5);
    }
}
