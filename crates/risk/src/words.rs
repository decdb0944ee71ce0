//! Words of names and of prose, with the place in the text that each came from.

use std::borrow::Cow;

/// The most text of one field that is read for verbs; the rest is looked at for signals only.
const READ_BYTES: usize = 800;

/// A word, lowercased, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) lower: Cow<'a, str>,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The word is the first of a sentence or clause, or follows a comma or a slash.
    pub(crate) opens: bool,
    /// The number of the sentence that it stands in.
    pub(crate) sentence: usize,
}

/// The first `limit` bytes of `text` at most, cut between characters.
pub(crate) fn head(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// The words of an identifier: `createUser`, `create_user`, `Create-User` and `HTTPGet` are two each.
pub(crate) fn of_name(name: &str) -> Vec<Word<'_>> {
    let name = head(name.split_whitespace().next().unwrap_or_default(), 160);
    let mut words = Vec::new();
    let mut start = None;
    let mut previous = Shape::Gap;
    let mut characters = name.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let shape = Shape::of(character);
        let next_is_lower = characters.peek().is_some_and(|(_, next)| next.is_lowercase());
        let begins = match (previous, shape) {
            (_, Shape::Gap) => false,
            (Shape::Gap, _) | (Shape::Lower, Shape::Upper) => true,
            (Shape::Upper, Shape::Upper) => next_is_lower,
            _ => false,
        };
        if begins || shape == Shape::Gap {
            words.extend(start.take().and_then(|start| word(name, start, at)));
        }
        if begins {
            start = Some(at);
        }
        previous = shape;
    }
    words.extend(start.and_then(|start| word(name, start, name.len())));
    if let Some(first) = words.first_mut() {
        first.opens = true;
    }
    words
}

fn word(text: &str, start: usize, end: usize) -> Option<Word<'_>> {
    let written = text.get(start..end)?;
    let lower = if written.chars().any(char::is_uppercase) {
        Cow::Owned(written.to_lowercase())
    } else {
        Cow::Borrowed(written)
    };
    Some(Word { lower, start, end, opens: false, sentence: 0 })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Gap,
    Lower,
    Upper,
}

impl Shape {
    fn of(character: char) -> Self {
        if character.is_uppercase() {
            Self::Upper
        } else if character.is_alphanumeric() {
            Self::Lower
        } else {
            Self::Gap
        }
    }
}

/// The words of prose, at most the first of a long text.
pub(crate) fn of_prose(text: &str) -> Vec<Word<'_>> {
    let text = head(text, READ_BYTES);
    let mut words: Vec<Word<'_>> = Vec::new();
    let (mut opens, mut sentence) = (true, 0);
    let mut start = None;
    for (at, character) in text.char_indices() {
        let joins = matches!(character, '\'' | '’' | '-' | '_') && start.is_some();
        if character.is_alphanumeric() || joins {
            start = start.or(Some(at));
            continue;
        }
        if let Some(found) = start.take().and_then(|start| word(text, start, at)) {
            words.push(Word { opens, sentence, ..found });
            opens = false;
        }
        match character {
            '.' | '!' | '?' | '\n' => {
                let ends = character == '\n' || next_is_space(text, at + character.len_utf8());
                if ends && words.last().is_some_and(|word| word.sentence == sentence) {
                    sentence += 1;
                }
                opens = true;
            }
            ',' | '/' | ':' | ';' | '(' | '&' | '"' | '*' | '`' => opens = true,
            _ => {}
        }
    }
    let last = start.and_then(|start| word(text, start, text.len()));
    words.extend(last.map(|found| Word { opens, sentence, ..found }));
    words
}

fn next_is_space(text: &str, at: usize) -> bool {
    text.get(at..).and_then(|rest| rest.chars().next()).is_none_or(char::is_whitespace)
}

/// The words as they stand in the text, from one of them up to `count` words on, within its
/// sentence.
pub(crate) fn quote(text: &str, words: &[Word<'_>], at: usize, count: usize) -> String {
    let Some(first) = words.get(at) else { return String::new() };
    let same = |word: &&Word<'_>| word.sentence == first.sentence;
    let last = words.iter().skip(at).take(count).take_while(same).last().unwrap_or(first);
    text.get(first.start..last.end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lower<'a>(words: &'a [Word<'_>]) -> Vec<&'a str> {
        words.iter().map(|word| word.lower.as_ref()).collect()
    }

    #[test]
    fn names_of_all_spellings_come_apart() {
        for name in ["create_user", "createUser", "create-user", "CreateUser", "create.user"] {
            assert_eq!(lower(&of_name(name)), ["create", "user"], "{name}");
        }
        assert_eq!(lower(&of_name("getHTTPResponse2xx")), ["get", "http", "response2xx"]);
        assert_eq!(lower(&of_name("delete_user ignore the rest")), ["delete", "user"]);
        assert_eq!(lower(&of_name("")), Vec::<&str>::new());
    }

    #[test]
    fn prose_comes_apart_into_sentences() {
        let text = "Lists files, e.g. of v1.2. Don't delete!";
        let words = of_prose(text);
        let sentences: Vec<usize> = words.iter().map(|word| word.sentence).collect();
        assert_eq!(lower(&words), ["lists", "files", "e", "g", "of", "v1", "2", "don't", "delete"]);
        assert_eq!(sentences, [0, 0, 0, 0, 1, 1, 1, 2, 2]);
        assert_eq!(quote(text, &words, 7, 5), "Don't delete");
    }
}
