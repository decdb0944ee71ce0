//! The patterns of the operator `regex`: linear in time, bounded in memory.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

/// The longest pattern of the operator `regex`.
const MAX_PATTERN_CHARS: usize = 1_000;
/// Sizes of compiled patterns in bytes, smallest first, and what each costs of the budget. The
/// last is the most that one pattern may take.
const PATTERN_SIZES: [(usize, u32); 3] = [(16 << 10, 1), (128 << 10, 8), (4 << 20, 256)];
/// What the patterns of one document may cost together: 64 MiB in whatever sizes.
const PATTERNS_BUDGET: u32 = 4_096;
/// The most memory that matching one pattern may take.
const MAX_MATCHING_BYTES: usize = 1 << 20;

/// The compiled patterns of one document: each distinct one once, and all within a budget.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    compiled: HashMap<String, Regex>,
    spent: u32,
}

impl Patterns {
    pub(crate) fn compile(&mut self, pattern: &str) -> Result<Regex, String> {
        if let Some(compiled) = self.compiled.get(pattern) {
            return Ok(compiled.clone());
        }
        if pattern.chars().nth(MAX_PATTERN_CHARS).is_some() {
            return Err("A pattern must not be longer than 1000 characters.".to_owned());
        }
        let (compiled, cost) = sized(pattern).map_err(|error| why_not(&error))?;
        self.spent = self.spent.saturating_add(cost);
        if self.spent > PATTERNS_BUDGET {
            return Err("The patterns of this document are too large together.".to_owned());
        }
        self.compiled.insert(pattern.to_owned(), compiled.clone());
        Ok(compiled)
    }
}

/// Compiles a pattern in the smallest size that holds it, since a size cannot be asked for later.
fn sized(pattern: &str) -> Result<(Regex, u32), regex::Error> {
    let mut too_big = regex::Error::CompiledTooBig(0);
    for (bytes, cost) in PATTERN_SIZES {
        let mut builder = RegexBuilder::new(pattern);
        match builder.size_limit(bytes).dfa_size_limit(MAX_MATCHING_BYTES).build() {
            Ok(compiled) => return Ok((compiled, cost)),
            Err(error @ regex::Error::CompiledTooBig(_)) => too_big = error,
            Err(error) => return Err(error),
        }
    }
    Err(too_big)
}

fn why_not(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            "This pattern is too large when compiled: use smaller repetitions.".to_owned()
        }
        // The last line of the parser's own message is the reason; the ones before draw a caret.
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            let reason = last.trim().trim_start_matches("error: ").trim_end_matches('.');
            format!("This is not a pattern that can be used: {reason}.")
        }
    }
}
