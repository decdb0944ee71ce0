//! The verb of a name: `delete_customer`, `customers.delete` and `customer_delete_all` have one.

use policy::Category;

use crate::lexicon::{self, Verb};
use crate::words::Word;

/// A verb and the place of its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) verb: Verb,
    pub(crate) at: usize,
    /// It stands where a verb is expected and nothing after it makes it a noun.
    pub(crate) sure: bool,
}

/// The deed that a name speaks of, and a second one joined by `or` or `and`.
pub(crate) fn deeds(words: &[Word<'_>]) -> Vec<Deed> {
    let Some(main) = firm(words).or_else(|| loose(words)) else { return Vec::new() };
    let joined = words
        .get(main.at + 1)
        .filter(|word| matches!(word.lower.as_ref(), "or" | "and"))
        .and_then(|_| verb_at(words, main.at + 2))
        .map(|verb| Deed { verb, at: main.at + 2, sure: main.sure });
    std::iter::once(main).chain(joined).collect()
}

/// A firm verb: the first word, else the last, else the leftmost one.
fn firm(words: &[Word<'_>]) -> Option<Deed> {
    let firm_at = |at: usize| verb_at(words, at).filter(|verb| verb.firm).map(|verb| (verb, at));
    let last = words.len().checked_sub(1)?;
    let (verb, at) =
        firm_at(0).or_else(|| firm_at(last)).or_else(|| (0..words.len()).find_map(firm_at))?;
    Some(Deed { verb, at, sure: true })
}

/// A loose verb: the first word that is one, unless the name ends in something that is read
/// (`deploy_status`, `build_logs`).
fn loose(words: &[Word<'_>]) -> Option<Deed> {
    let last = words.len().checked_sub(1)?;
    let of_last = verb_at(words, last).filter(|verb| verb.category == Category::Read);
    if let Some(verb) = of_last {
        return Some(Deed { verb, at: last, sure: last == 0 });
    }
    let (at, verb) = (0..words.len()).find_map(|at| Some((at, verb_at(words, at)?)))?;
    Some(Deed { verb, at, sure: at == 0 })
}

fn verb_at(words: &[Word<'_>], at: usize) -> Option<Verb> {
    words.get(at).and_then(|word| lexicon::verb(&word.lower))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::of_name;

    fn verbs(name: &str) -> Vec<&'static str> {
        deeds(&of_name(name)).into_iter().map(|deed| deed.verb.base).collect()
    }

    #[test]
    fn the_verb_is_found_wherever_it_stands() {
        assert_eq!(verbs("delete_customer"), ["delete"]);
        assert_eq!(verbs("customers.delete"), ["delete"]);
        assert_eq!(verbs("deploy_logs_get"), ["get"]);
        assert_eq!(verbs("email_thread_delete_all"), ["delete"]);
        assert_eq!(verbs("create_or_update"), ["create", "update"]);
        assert_eq!(verbs("build_logs"), ["logs"]);
        assert_eq!(verbs("charge_card"), ["charge"]);
        assert!(verbs("customers").is_empty());
        assert!(verbs("").is_empty());
    }
}
