//! The patterns of the operator `regex`: linear in time, bounded in memory.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

use crate::glob::Glob;

/// The longest pattern of the operator `regex`.
const MAX_PATTERN_CHARS: usize = 1_000;
/// Sizes of compiled patterns, smallest first, each in units of 4 KiB. The last is the most that
/// one pattern may take.
const PATTERN_SIZES: [u32; 6] = [1, 4, 16, 64, 256, 1_024];
const SIZE_UNIT: usize = 4 << 10;
/// What the patterns of one document may take together: 64 MiB in whatever sizes.
const PATTERNS_BUDGET: u32 = 16_384;
/// The most memory that matching one pattern may take.
const MAX_MATCHING_BYTES: usize = 1 << 20;

/// A compiled pattern and how large it is, by which it is known how long it may take: linear in
/// the text, but also in the pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    /// In units of 4 KiB.
    pub(crate) size: u32,
}

/// The compiled patterns of one document: each distinct one once, and all within a budget.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    compiled: HashMap<String, Pattern>,
    spent: u32,
}

impl Patterns {
    pub(crate) fn compile(&mut self, pattern: &str) -> Result<Pattern, String> {
        if pattern.chars().nth(MAX_PATTERN_CHARS).is_some() {
            return Err("A pattern must not be longer than 1000 characters.".to_owned());
        }
        self.within_budget(pattern)
    }

    /// A glob over paths, which is a pattern within.
    pub(crate) fn compile_glob(&mut self, glob: &Glob) -> Result<Pattern, String> {
        self.within_budget(&glob.path_pattern_text())
    }

    fn within_budget(&mut self, pattern: &str) -> Result<Pattern, String> {
        if let Some(compiled) = self.compiled.get(pattern) {
            return Ok(compiled.clone());
        }
        let too_much = || "The patterns of this document are too large together.".to_owned();
        if self.spent > PATTERNS_BUDGET {
            // Compiling more of them only to refuse them would take as long as they like.
            return Err(too_much());
        }
        let compiled = sized(pattern);
        // One that is too large has cost the time of the largest.
        let is_too_big = matches!(compiled, Err(regex::Error::CompiledTooBig(_)));
        let size = if is_too_big { PATTERN_SIZES.into_iter().max() } else { None };
        self.spent += compiled.as_ref().map_or(size.unwrap_or(1), |pattern| pattern.size);
        let compiled = compiled.map_err(|error| why_not(&error))?;
        if self.spent > PATTERNS_BUDGET {
            return Err(too_much());
        }
        self.compiled.insert(pattern.to_owned(), compiled.clone());
        Ok(compiled)
    }
}

/// Compiles a pattern in the smallest size that holds it, since a size cannot be asked for later.
pub(crate) fn sized(pattern: &str) -> Result<Pattern, regex::Error> {
    let mut too_big = regex::Error::CompiledTooBig(0);
    for size in PATTERN_SIZES {
        let mut builder = RegexBuilder::new(pattern);
        builder.size_limit(SIZE_UNIT * size as usize).dfa_size_limit(MAX_MATCHING_BYTES);
        match builder.build() {
            Ok(regex) => return Ok(Pattern { regex, size }),
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
