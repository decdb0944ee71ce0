//! The main verbs of a description: `This tool lists, creates or deletes files` has three.

use crate::lexicon::{self, Form, Verb};
use crate::words::Word;

/// Words that a verb in its base form follows.
const BEFORE_BASE: &str = "to will can and or then may must please also permanently";
/// Words that a verb in the third person follows.
const BEFORE_THIRD: &str = "tool command this operation function that which it also and or then api \
endpoint action method permanently";
/// Words that turn the sentence round.
const NEGATIONS: &str = "not never don't doesn't without cannot avoid";
/// Words that join one verb to another.
const JOINTS: &str = "and or then";
/// Words that begin what a verb acts on.
const OBJECTS: &str = "a an the it them its their this that these those all any one new existing";
/// What does something `for deleting` or `for listing`.
const TOOLS: &str = "tool command utility function method api action helper service endpoint";
/// Words that begin a condition: `use this when the user asks to delete`.
const CONDITIONS: &str = "when whenever if unless before after until once";
/// How many sentences are searched for a main verb.
const SENTENCES: usize = 3;
/// How far from the main verb a joined one may stand, in words.
const REACH: usize = 16;

/// The main verb and those joined to it, each with the place of its word.
pub(crate) fn deeds(words: &[Word<'_>]) -> Vec<(Verb, usize)> {
    let Some((main, form, at)) = main_verb(words) else { return Vec::new() };
    let sentence = words.get(at).map(|word| word.sentence);
    // `Manages labels: create, update or delete` only announces what is done.
    let announces = matches!(main.base, "manage" | "administer" | "perform" | "control");
    let mut in_a_row = true;
    let rest = words.iter().enumerate().skip(at + 1).take(REACH);
    let joined =
        rest.take_while(|(_, word)| Some(word.sentence) == sentence).filter_map(|(place, word)| {
            let found =
                lexicon::inflected(&word.lower).filter(|(_, its)| announces || *its == form);
            let is_link = JOINTS.split(' ').any(|joint| joint == word.lower);
            let began = word.opens || follows(words, place, JOINTS);
            in_a_row &= is_link || (found.is_some() && began);
            let acts =
                in_a_row || (began && announces) || (began && precedes(words, place, OBJECTS));
            found.filter(|(verb, _)| verb.firm && acts).map(|(verb, _)| (verb, place))
        });
    std::iter::once((main, at)).chain(joined).collect()
}

fn main_verb(words: &[Word<'_>]) -> Option<(Verb, Form, usize)> {
    let searched = words.iter().enumerate().take_while(|(_, word)| word.sentence < SENTENCES);
    let meant = |at: usize| !is_negated(words, at) && !is_condition(words, at);
    searched.filter(|(at, _)| meant(*at)).find_map(|(at, word)| {
        let (verb, form) = lexicon::inflected(&word.lower)?;
        stands_as_verb(words, at, word, verb, form).then_some((verb, form, at))
    })
}

/// Whether a verb is expected at this place; otherwise it may be a noun.
fn stands_as_verb(words: &[Word<'_>], at: usize, word: &Word, verb: Verb, form: Form) -> bool {
    match form {
        Form::Base => {
            (word.opens && !begins_noun_phrase(words, at, verb))
                || follows(words, at, BEFORE_BASE)
                || follows_adverb(words, at)
        }
        Form::Third => word.opens || follows(words, at, BEFORE_THIRD) || follows_adverb(words, at),
        Form::Gerund => {
            let of_a_tool = follows(words, at, "for") && at > 0 && follows(words, at - 1, TOOLS);
            verb.firm && (word.opens || of_a_tool)
        }
    }
}

/// `Test results of …`, `Build logs`: a loose verb right before a noun that is read.
fn begins_noun_phrase(words: &[Word<'_>], at: usize, verb: Verb) -> bool {
    !verb.firm
        && words.get(at + 1).is_some_and(|next| {
            !next.opens
                && lexicon::is_in(
                    &next.lower,
                    "result log status history detail metric summary of is are",
                )
        })
}

fn follows(words: &[Word<'_>], at: usize, list: &str) -> bool {
    at.checked_sub(1)
        .and_then(|before| words.get(before))
        .is_some_and(|word| list.split(' ').any(|entry| entry == word.lower))
}

/// `Recursively search …`: only an adverb stands before it.
fn follows_adverb(words: &[Word<'_>], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| words.get(before))
        .is_some_and(|word| word.opens && word.lower.ends_with("ly"))
}

fn precedes(words: &[Word<'_>], at: usize, list: &str) -> bool {
    words.get(at + 1).is_some_and(|word| list.split(' ').any(|entry| entry == word.lower))
}

/// Whether the sentence says that this is not done.
fn is_negated(words: &[Word<'_>], at: usize) -> bool {
    let Some(word) = words.get(at) else { return false };
    let before = words.iter().take(at).rev().take(6);
    before
        .take_while(|earlier| earlier.sentence == word.sentence)
        .any(|earlier| NEGATIONS.split(' ').any(|negation| negation == earlier.lower))
}

/// Whether the clause before this place is a condition.
fn is_condition(words: &[Word<'_>], at: usize) -> bool {
    let Some(word) = words.get(at).filter(|word| !word.opens) else { return false };
    let before = words.iter().take(at).rev();
    for earlier in before.take_while(|earlier| earlier.sentence == word.sentence) {
        if CONDITIONS.split(' ').any(|condition| condition == earlier.lower) {
            return true;
        }
        if earlier.opens {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::of_prose;

    fn verbs(text: &str) -> Vec<&'static str> {
        deeds(&of_prose(text)).into_iter().map(|(verb, _)| verb.base).collect()
    }

    #[test]
    fn main_verbs_are_told_from_nouns() {
        assert_eq!(verbs("Deletes a file."), ["delete"]);
        assert_eq!(verbs("This tool will delete a file"), ["delete"]);
        assert_eq!(verbs("Use this to retrieve update logs"), ["retrieve"]);
        assert_eq!(verbs("Create, patch, or delete a config"), ["create", "delete"]);
        assert_eq!(verbs("Recursively search for files"), ["search"]);
        assert_eq!(verbs("A tool for deleting files"), ["delete"]);
        assert_eq!(verbs("Test results of a build. Lists them all."), ["list"]);
        assert_eq!(verbs("Do not use this to delete files. Reads a file."), ["read"]);
        assert_eq!(verbs("List queues with their keys, dispatch status, and agents"), ["list"]);
        assert_eq!(
            verbs("Manages labels: create or delete labels."),
            ["manage", "create", "delete"]
        );
        assert_eq!(verbs("Reads a file and deletes it"), ["read", "delete"]);
        assert_eq!(verbs("Use it when asked to delete. Lists files."), ["list"]);
        assert_eq!(verbs("When asked, deletes files."), ["delete"]);
        assert!(verbs("The weather tomorrow").is_empty());
        assert!(verbs("").is_empty());
    }
}
