//! The judgement: what the verbs of a definition, with the things they act on, amount to.

use policy::Category;

use crate::assessment::{Evidence, Source};
use crate::classify::Definition;
use crate::lexicon::{self, Verb};
use crate::schema::{Property, Schema};
use crate::words::{self, Word};
use crate::{description, name};

/// The category, how sure it is, and why.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) category: Category,
    pub(crate) confidence: u8,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) contradicts: bool,
    /// No verb was found: a change is assumed.
    is_guess: bool,
}

/// One finding: a kind of deed, and the words that speak of it.
#[derive(Debug)]
struct Finding {
    category: Category,
    sure: bool,
    evidence: Evidence,
}

const IRREVERSIBLE: [&str; 8] = [
    "cannot be undone",
    "can't be undone",
    "cannot be reversed",
    "irreversibl",
    "permanently delet",
    "permanently remov",
    "permanently eras",
    "will be lost",
];

/// Judges a definition by its worst deed.
pub(crate) fn judge(definition: &Definition<'_>) -> Verdict {
    let of_name = name_findings(definition);
    let mut of_description = description_findings(definition);
    of_description.extend(title_findings(definition));
    let mut verdict = weigh(&of_name, &of_description);
    let mut findings = of_name;
    findings.extend(of_description);
    verdict.evidence = findings
        .into_iter()
        .filter(|finding| finding.category == verdict.category)
        .map(|finding| finding.evidence)
        .collect();
    verdict.evidence.dedup();
    raise_by_schema(definition, &mut verdict);
    raise_by_consequence(definition, &mut verdict);
    raise_by_claims(definition, &mut verdict);
    if verdict.evidence.is_empty() {
        let why = "no verb that we know: taken for a change until somebody looks";
        verdict.evidence.push(evidence(Source::Name, definition.input.name, why));
    }
    verdict.evidence.truncate(6);
    verdict
}

/// Brings name and description together. A name whose verb is beyond doubt can be made worse by
/// the description, not better; a doubtful one gives way to it.
fn weigh(of_name: &[Finding], of_description: &[Finding]) -> Verdict {
    let worst = |findings: &[Finding]| findings.iter().map(|finding| finding.category).max();
    let sure = of_name.iter().any(|finding| finding.sure);
    let (category, confidence, contradicts) = match (worst(of_name), worst(of_description)) {
        (Some(one), Some(other)) if one == other => (one, 95, false),
        (Some(one), Some(other)) if sure => {
            (one.max(other), 70, (one == Category::Read) != (other == Category::Read))
        }
        (Some(one), None) => (one, if sure { 75 } else { 50 }, false),
        (_, Some(other)) => (other, 75, false),
        (None, None) => (Category::Write, 20, false),
    };
    let is_guess = of_name.is_empty() && of_description.is_empty();
    Verdict { category, confidence, evidence: Vec::new(), contradicts, is_guess }
}

// === What the words say ===

fn name_findings(definition: &Definition<'_>) -> Vec<Finding> {
    let deeds = name::deeds(&definition.name);
    deeds
        .into_iter()
        .map(|deed| {
            let things: Vec<&str> = definition
                .name
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != deed.at)
                .map(|(_, word)| word.lower.as_ref())
                .collect();
            let (category, why) = of_deed(definition, deed.verb, &things);
            let word = definition.name.get(deed.at);
            let quote = word.and_then(|word| definition.input.name.get(word.start..word.end));
            // A verb that is often a noun still counts where it would be dearly paid for.
            let sure = deed.verb.firm || (deed.sure && category >= Category::Execute);
            Finding {
                category,
                sure,
                evidence: evidence(Source::Name, quote.unwrap_or_default(), why),
            }
        })
        .collect()
}

fn description_findings(definition: &Definition<'_>) -> Vec<Finding> {
    let words = &definition.description;
    let deeds = description::deeds(words);
    deeds
        .into_iter()
        .map(|(verb, at)| {
            let things: Vec<&str> = nearby(words, at).map(|word| word.lower.as_ref()).collect();
            let (category, why) = of_deed(definition, verb, &things);
            let quote = words::quote(definition.input.description, words, at, 6);
            Finding { category, sure: true, evidence: evidence(Source::Description, &quote, why) }
        })
        .collect()
}

/// A title tells only with a verb that is no noun: `Build Status` is none.
fn title_findings(definition: &Definition<'_>) -> Vec<Finding> {
    let Some(title) = definition.input.title else { return Vec::new() };
    let words = words::of_prose(title);
    let deeds = description::deeds(&words).into_iter().filter(|(verb, _)| verb.firm);
    deeds
        .map(|(verb, at)| {
            let things: Vec<&str> = nearby(&words, at).map(|word| word.lower.as_ref()).collect();
            let (category, why) = of_deed(definition, verb, &things);
            let quote = words::quote(title, &words, at, 6);
            Finding { category, sure: true, evidence: evidence(Source::Title, &quote, why) }
        })
        .collect()
}

/// The things that a verb acts on: the words after it, to the end of its sentence or nearly so.
fn nearby<'a>(words: &'a [Word<'_>], at: usize) -> impl Iterator<Item = &'a Word<'a>> {
    let sentence = words.get(at).map(|word| word.sentence);
    words.iter().skip(at + 1).take(6).take_while(move |word| Some(word.sentence) == sentence)
}

fn evidence(source: Source, quote: &str, why: impl Into<String>) -> Evidence {
    Evidence { source, quote: words::head(quote, 120).to_owned(), why: why.into() }
}

// === What a verb does to a thing ===

/// The kind of deed that `verb` is when done to `things`.
fn of_deed(definition: &Definition<'_>, verb: Verb, things: &[&str]) -> (Category, String) {
    let touches = |list: &str| things.iter().any(|thing| lexicon::is_in(thing, list));
    let shop = || in_a_shop(definition);
    let base = verb.base;
    match verb.category {
        _ if moves_money(verb, &touches, &shop) => {
            (Category::Financial, plainly(Category::Financial, base))
        }
        Category::Read if speaks_language(definition, verb, &touches) => {
            (Category::Execute, "what a query of this language does depends on its text".to_owned())
        }
        Category::Read if settles(base, &touches) => {
            (Category::Write, plainly(Category::Write, base))
        }
        Category::Execute
            if begins(base) && touches(lexicon::LOOKS) && !touches(lexicon::ANYTHING) =>
        {
            (Category::Read, "what is run here only looks".to_owned())
        }
        Category::Destructive if base == "remove" && touches(lexicon::EASILY_RESTORED) => {
            (Category::Write, "what is removed is easily put back".to_owned())
        }
        _ if (matches!(base, "clear" | "reset") && touches(lexicon::HELD))
            || (base == "format" && touches(lexicon::MEDIUM))
            || (base == "close" && touches("account")) =>
        {
            (Category::Destructive, format!("to {base} this loses what it held"))
        }
        _ if matches!(base, "cancel" | "abort") && !touches(lexicon::RUNS) => {
            (Category::Write, plainly(Category::Write, base))
        }
        // Without money around it, such a verb is one of books and boards.
        Category::Financial if !verb.firm => (Category::Write, plainly(Category::Write, base)),
        category => (category, plainly(category, base)),
    }
}

/// Whether a verb that mostly looks is a change to these things.
fn settles(base: &str, touches: &dyn Fn(&str) -> bool) -> bool {
    match base {
        "resolve" | "open" | "report" => touches(lexicon::CASE),
        "generate" => touches(lexicon::SECRET),
        _ => false,
    }
}

/// Whether the verb only says that what follows is done: to run a search is to search.
fn begins(base: &str) -> bool {
    matches!(
        base,
        "run" | "execute" | "perform" | "start" | "launch" | "invoke" | "trigger" | "call"
    )
}

fn plainly(category: Category, base: &str) -> String {
    match category {
        Category::Read => format!("to {base} changes nothing"),
        Category::Write => format!("to {base} is a change that can be undone"),
        Category::Execute => format!("what it does to {base} depends on the arguments"),
        Category::Destructive => format!("to {base} cannot be undone"),
        Category::Financial => format!("to {base} moves money or commits to it"),
    }
}

fn moves_money(verb: Verb, touches: &dyn Fn(&str) -> bool, shop: &dyn Fn() -> bool) -> bool {
    match verb.category {
        Category::Financial if verb.firm => true,
        Category::Financial => shop() || touches(lexicon::MONEY) || touches(lexicon::SHOP),
        Category::Read => verb.base == "capture" && touches(lexicon::MONEY),
        Category::Write if matches!(verb.base, "book" | "reserve") => touches(lexicon::BOOKED),
        Category::Write | Category::Execute => {
            // To tell somebody of a payment pays nothing.
            let tells = matches!(
                verb.base,
                "send" | "email" | "notify" | "upload" | "comment" | "tag" | "search"
            );
            let concerns = touches(lexicon::MONEY)
                || (touches(lexicon::MONEY_IN_A_SHOP) && shop())
                || (verb.base == "transfer" && (touches(lexicon::SHOP) || shop()));
            let ends_a_commitment = verb.base == "cancel" && touches("subscription order");
            ends_a_commitment
                || !tells && concerns && !touches("method event webhook page template reminder")
        }
        Category::Destructive => false,
    }
}

fn in_a_shop(definition: &Definition<'_>) -> bool {
    let speaks =
        |words: &[Word<'_>]| words.iter().any(|word| lexicon::is_in(&word.lower, lexicon::SHOP));
    definition.schema.speaks_of("amount currency price proration payment quantity")
        || speaks(&definition.description)
        || speaks(&words::of_prose(definition.input.server_description))
}

fn speaks_language(
    definition: &Definition<'_>,
    verb: Verb,
    touches: &dyn Fn(&str) -> bool,
) -> bool {
    matches!(verb.base, "query" | "search" | "read")
        && (touches(lexicon::LANGUAGE) || definition.schema.speaks_of(lexicon::LANGUAGE))
}

// === What raises a judgement ===

/// Arguments that say where to write, that choose a worse deed, or that are commands or code.
fn raise_by_schema(definition: &Definition<'_>, verdict: &mut Verdict) {
    let schema = &definition.schema;
    if let Some(output) = output(schema) {
        raise(verdict, Category::Write, || {
            evidence(Source::Schema, &output.name, "it writes where the caller says")
        });
    }
    for (verb, choice) in &schema.actions {
        raise(verdict, verb.category, || {
            evidence(Source::Schema, choice, format!("an argument may choose to {}", verb.base))
        });
    }
    // Code is also given to be looked at; a command is given to be run.
    let commands = if verdict.is_guess {
        "command cmd shell bash code script sql"
    } else {
        "command cmd shell bash"
    };
    if let Some(command) = schema.find(commands).filter(|command| command.is_free()) {
        raise(verdict, Category::Execute, || {
            evidence(Source::Schema, &command.name, "an argument is code or a command")
        });
    }
}

/// The argument that says where a file is to be written.
fn output(schema: &Schema) -> Option<&Property> {
    schema.all("output save dest destination").find(|property| {
        property.is_free() && property.speaks_of("file filename filepath path dir directory folder")
    })
}

fn raise_by_consequence(definition: &Definition<'_>, verdict: &mut Verdict) {
    if !matches!(verdict.category, Category::Write | Category::Execute) {
        return;
    }
    let text = words::head(definition.input.description, 2_000);
    let lower = text.to_ascii_lowercase();
    let found = IRREVERSIBLE.into_iter().find_map(|phrase| Some((phrase, lower.find(phrase)?)));
    let Some((phrase, at)) = found else { return };
    let quote: Vec<&str> = text
        .get(at..)
        .unwrap_or_default()
        .split_whitespace()
        .take(phrase.split(' ').count())
        .collect();
    raise(verdict, Category::Destructive, || {
        let why = "the description says that it cannot be undone";
        evidence(Source::Description, &quote.join(" "), why)
    });
}

fn raise_by_claims(definition: &Definition<'_>, verdict: &mut Verdict) {
    let claims = definition.claims;
    if verdict.category == Category::Read && (claims.changes || claims.destroys) {
        verdict.contradicts = true;
        let quote = if claims.changes { "readOnlyHint: false" } else { "destructiveHint: true" };
        raise(verdict, Category::Write, || {
            evidence(Source::Annotations, quote, "the server itself says that it changes something")
        });
        verdict.confidence = verdict.confidence.min(50);
    }
}

fn raise(verdict: &mut Verdict, to: Category, why: impl FnOnce() -> Evidence) {
    if to > verdict.category {
        verdict.category = to;
        verdict.confidence = verdict.confidence.clamp(60, 90);
        verdict.evidence.insert(0, why());
    }
}
