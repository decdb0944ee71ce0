//! Paths: where a condition or a limit looks.

use std::fmt;

/// A path as it stands in a document, understood.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path {
    text: Box<str>,
    root: Root,
    steps: Box<[Step]>,
}

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Root {
    Arguments,
    Annotations,
    ToolCategory,
    ToolRisk,
    GrantLabel,
    ClientName,
    Hour,
    Weekday,
}

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// The member of an object.
    Key(Box<str>),
    /// Each element of a list: `[*]`.
    Each,
}

/// Attributes that take no further steps, by their whole path.
pub(crate) const ATTRIBUTES: [(&str, Root); 6] = [
    ("tool.category", Root::ToolCategory),
    ("tool.risk", Root::ToolRisk),
    ("grant.label", Root::GrantLabel),
    ("client.name", Root::ClientName),
    ("time.hour", Root::Hour),
    ("time.weekday", Root::Weekday),
];

/// The words of `time.weekday`, Monday first.
pub(crate) const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The words of `tool.risk`.
pub(crate) const RISKS: [&str; 4] = ["low", "medium", "high", "critical"];

impl Path {
    /// Reads a path; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        if let Some((_, root)) = ATTRIBUTES.iter().find(|(name, _)| *name == text) {
            return Ok(Self { text: text.into(), root: *root, steps: Box::default() });
        }
        let (root, rest) = if let Some(rest) = text.strip_prefix("args.") {
            (Root::Arguments, rest)
        } else if let Some(rest) = text.strip_prefix("tool.annotations.") {
            (Root::Annotations, rest)
        } else {
            return Err(PathError::unknown_root(text));
        };
        let mut steps = Vec::new();
        for part in rest.split('.') {
            read_part(part, &mut steps)?;
        }
        Ok(Self { text: text.into(), root, steps: steps.into() })
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What people call the thing it points to: `args.` goes without saying.
    pub(crate) fn subject(&self) -> &str {
        self.text.strip_prefix("args.").unwrap_or(&self.text)
    }

    /// The same, of the value that so many steps reach.
    pub(crate) fn subject_at(&self, depth: usize) -> String {
        let mut out = String::from(match self.root {
            Root::Arguments => "",
            Root::Annotations => "tool.annotations",
            _ => return self.text.to_string(),
        });
        for step in self.steps.iter().take(depth) {
            match step {
                Step::Each => out.push_str("[*]"),
                Step::Key(key) => {
                    out.push_str(if out.is_empty() { "" } else { "." });
                    out.push_str(key);
                }
            }
        }
        if out.is_empty() { "arguments".to_owned() } else { out }
    }

    pub(crate) fn root(&self) -> Root {
        self.root
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn steps_count(&self) -> usize {
        self.steps.len()
    }

    pub(crate) fn has_each(&self) -> bool {
        self.steps.contains(&Step::Each)
    }

    pub(crate) fn is_of_arguments(&self) -> bool {
        self.root == Root::Arguments
    }

    pub(crate) fn is_of_tool(&self) -> bool {
        matches!(self.root, Root::ToolCategory | Root::ToolRisk | Root::Annotations)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathError {
    pub(crate) detail: String,
    pub(crate) suggestion: Option<String>,
}

impl PathError {
    fn plain(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), suggestion: None }
    }

    fn unknown_root(text: &str) -> Self {
        let detail = "A path begins with args. or is one of tool.category, tool.risk, \
                      tool.annotations.*, grant.label, client.name, time.hour, time.weekday.";
        let attributes = ATTRIBUTES.iter().map(|(name, _)| *name);
        let suggestion =
            crate::problem::nearest(text, attributes).map(str::to_owned).or_else(|| {
                let rest = match text.split_once('.') {
                    Some((root, rest)) if crate::problem::nearest(root, ["args"]).is_some() => rest,
                    Some(("arguments" | "params" | "input", rest)) => rest,
                    Some(("tool" | "grant" | "client" | "time" | "state", _)) => return None,
                    None if text == "args" => return None,
                    _ => text,
                };
                let guess = format!("args.{rest}");
                Self::is_readable(&guess).then_some(guess)
            });
        Self { detail: detail.to_owned(), suggestion }
    }

    fn is_readable(guess: &str) -> bool {
        Path::parse(guess).is_ok()
    }
}

fn read_part(part: &str, steps: &mut Vec<Step>) -> Result<(), PathError> {
    let (key, mut eaches) = match part.find('[') {
        Some(at) => part.split_at(at),
        None => (part, ""),
    };
    if key.is_empty() {
        return Err(PathError::plain("A path must not have an empty part."));
    }
    if key.contains(']') || key.chars().any(char::is_control) {
        return Err(PathError::plain("A path must not have a ] or a control character in a key."));
    }
    steps.push(Step::Key(key.into()));
    while !eaches.is_empty() {
        let Some(rest) = eaches.strip_prefix("[*]") else {
            return Err(PathError::plain(
                "Inside brackets a path can only have *: [*] means each element of the list.",
            ));
        };
        steps.push(Step::Each);
        eaches = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_reached_by_keys_and_each() {
        let path = Path::parse("args.items[*].price").unwrap();
        let steps = [Step::Key("items".into()), Step::Each, Step::Key("price".into())];
        assert_eq!(path.steps(), steps);
        assert_eq!(path.subject(), "items[*].price");
        assert!(path.is_of_arguments() && path.has_each());
        assert_eq!(Path::parse("args.m[*][*]").unwrap().steps().len(), 3);
    }

    #[test]
    fn attributes_are_known_by_name() {
        for (name, root) in ATTRIBUTES {
            assert_eq!(Path::parse(name).unwrap().root(), root);
        }
        assert_eq!(Path::parse("tool.annotations.readOnlyHint").unwrap().root(), Root::Annotations);
    }

    #[test]
    fn what_is_no_path_is_explained() {
        let error = |text| Path::parse(text).unwrap_err();
        for broken in ["args", "args.", "args..a", "args.a[0]", "args.a[*", "args.[*]", "args.a]"] {
            assert!(!error(broken).detail.is_empty(), "{broken}");
        }
        assert_eq!(error("amount").suggestion.as_deref(), Some("args.amount"));
        assert_eq!(error("arg.amount").suggestion.as_deref(), Some("args.amount"));
        assert_eq!(error("params.amount").suggestion.as_deref(), Some("args.amount"));
        assert_eq!(error("tool.categry").suggestion.as_deref(), Some("tool.category"));
        assert_eq!(error("tool").suggestion.as_deref(), Some("args.tool"));
        for hopeless in ["", "args", "state.t.count"] {
            assert_eq!(error(hopeless).suggestion, None);
        }
    }
}
