//! What changed between two texts, word by word.

use std::mem;

/// Longest texts, in words, that are compared; longer ones are shown whole, one after the other.
const MAX_WORDS: usize = 1_500;

/// A run of text that stayed, went or came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// `same`, `gone` or `new`.
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// From `old` to `new`.
pub(crate) fn diff(old: &str, new: &str) -> Vec<Piece> {
    let (old, new) = (words(old), words(new));
    let mut pieces = Pieces::default();
    if old.len() > MAX_WORDS || new.len() > MAX_WORDS {
        for word in &old {
            pieces.add("gone", word);
        }
        for word in &new {
            pieces.add("new", word);
        }
        return pieces.end();
    }
    let table = common(&old, &new);
    let at = |i: usize, j: usize| table.get(i * (new.len() + 1) + j).copied().unwrap_or(0);
    let (mut i, mut j) = (0, 0);
    loop {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b => {
                pieces.add("same", a);
                i += 1;
                j += 1;
            }
            (Some(a), next) if next.is_none() || at(i + 1, j) >= at(i, j + 1) => {
                pieces.add("gone", a);
                i += 1;
            }
            (_, Some(b)) => {
                pieces.add("new", b);
                j += 1;
            }
            (_, None) => return pieces.end(),
        }
    }
}

/// Words with the space after them; each line break ends one.
fn words(text: &str) -> Vec<&str> {
    text.split_inclusive([' ', '\n']).collect()
}

/// For each pair of tails, the length of their longest common part.
fn common(old: &[&str], new: &[&str]) -> Vec<u16> {
    let width = new.len() + 1;
    let mut table = vec![0_u16; (old.len() + 1) * width];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let at = |i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
            let longest =
                if a == b { at(i + 1, j + 1) + 1 } else { at(i + 1, j).max(at(i, j + 1)) };
            if let Some(cell) = table.get_mut(i * width + j) {
                *cell = longest;
            }
        }
    }
    table
}

#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    kind: &'static str,
    text: String,
}

impl Pieces {
    fn add(&mut self, kind: &'static str, word: &str) {
        if self.kind != kind {
            self.flush();
            self.kind = kind;
        }
        self.text.push_str(word);
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.done.push(Piece { kind: self.kind, text: mem::take(&mut self.text) });
        }
    }

    fn end(mut self) -> Vec<Piece> {
        self.flush();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_changed_stand_out_and_both_texts_can_be_read() {
        let pieces = diff("Lists all customers.", "Lists and emails all customers.");
        let kinds: Vec<_> = pieces.iter().map(|p| (p.kind, p.text.as_str())).collect();
        assert_eq!(kinds, [("same", "Lists "), ("new", "and emails "), ("same", "all customers.")]);
        let side = |pieces: &[Piece], other| -> String {
            pieces.iter().filter(|p| p.kind != other).map(|p| p.text.as_str()).collect()
        };
        let (old, new) = ("a b c d\ne", "b x d\nf e g");
        let pieces = diff(old, new);
        assert_eq!((side(&pieces, "new"), side(&pieces, "gone")), (old.to_owned(), new.to_owned()));
        assert!(diff("", "").is_empty());
        assert_eq!(diff(&"a ".repeat(2_000), "b").len(), 2);
    }
}
