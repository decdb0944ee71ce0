//! What else a reviewer should see, and the attacks that it lays open.

use std::sync::LazyLock;

use policy::Category;
use regex::Regex;

use crate::assessment::{AttackPattern, Level, Signal};
use crate::classify::Definition;
use crate::judge::Verdict;
use crate::lexicon;
use crate::schema::{Property, Schema, Shape};

const MANY: usize = 12;

/// Text that speaks to the model, not of the tool.
#[expect(clippy::unwrap_used, reason = "a fixed pattern, compiled by every test")]
static ORDERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix-u) \b(ignore|disregard|forget|override)\s+(all\s+|any\s+)?(of\s+)?(the\s+|your\s+)?
            (previous|prior|above|earlier|other|system)\b
        | \b(do\s+not|don't|don’t|never)\s+(tell|inform|mention|reveal|notify|alert|show)\b[\x20-~]{0,20}\buser\b
        | \bwithout\s+(telling|informing|notifying|asking)\s+the\s+user\b
        | \b(keep|hide)\s+(this|it)\s+(secret\s+)?from\s+the\s+user\b
        | <\s*(important|system|secret|instructions?)\s*>
        | \bsystem\s+prompt\b
        | \bbefore\s+(using|calling)\s+(this|any\s+other)\s+tools?,?\s+(read|send|fetch)\b",
    )
    .unwrap()
});

/// All that strikes the eye, each once, in the order of [`Signal`].
pub(crate) fn signals(definition: &Definition<'_>, verdict: &Verdict) -> Vec<Signal> {
    let schema = &definition.schema;
    let in_name = |list: &str| definition.name.iter().any(|word| lexicon::is_in(&word.lower, list));
    let free = |list: &str| schema.find(list).is_some_and(Property::is_free);
    let runs = verdict.category == Category::Execute;
    let found = [
        (
            Signal::FreeFormCode,
            free("code script command cmd shell javascript python bash expression")
                || (runs && in_name("shell bash command code script")),
        ),
        (Signal::FreeFormQuery, free("sql cypher kql soql graphql") || (runs && free("query"))),
        (Signal::Url, free("url uri href webhook") && !in_name("list")),
        (Signal::FilePath, free("path file filename filepath directory folder")),
        (
            Signal::Credential,
            takes_secret(schema) || in_name("secret credential password apikey env token keys"),
        ),
        (Signal::Recipient, free("to recipient recipients email phone cc bcc channel")),
        (Signal::Amount, amounts(schema).next().is_some()),
        (
            Signal::Bulk,
            in_name("bulk batch all many multiple")
                || schema.properties.iter().any(|property| {
                    property.shape == Shape::List && property.name.ends_with("ids")
                }),
        ),
        (
            Signal::AdminScope,
            in_name("role permission admin member acl privilege access owner policy")
                || schema.speaks_of("role permission privilege"),
        ),
        (
            Signal::ManyParameters,
            schema.properties.iter().filter(|property| property.depth == 0).count() > MANY,
        ),
        (Signal::HiddenUnicode, any_text(definition, |text| text.chars().any(is_hidden))),
        (Signal::ModelInstructions, any_text(definition, |text| ORDERS.is_match(text))),
        (Signal::Contradiction, verdict.contradicts),
    ];
    found.into_iter().filter(|(_, is_there)| *is_there).map(|(signal, _)| signal).collect()
}

/// Whether an argument is a secret; the tokens of a page or of a text are none.
fn takes_secret(schema: &Schema) -> bool {
    schema.speaks_of("password secret credential passphrase apikey")
        || schema.all("key").any(|property| property.speaks_of("api private access"))
        || schema.all("token").any(|property| {
            !property.speaks_of("next page max min count limit continuation cursor")
        })
}

/// The arguments that are amounts of money.
pub(crate) fn amounts(schema: &Schema) -> impl Iterator<Item = &Property> {
    schema.all("amount price")
}

fn any_text(definition: &Definition<'_>, holds: impl Fn(&str) -> bool) -> bool {
    let input = definition.input;
    holds(input.name)
        || holds(input.description)
        || input.title.is_some_and(&holds)
        || holds(&definition.schema.text)
}

/// Characters that show nothing, or that turn text round. Joiners are left out: emoji and many
/// scripts need them.
const fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{202A}'..='\u{202E}'
        | '\u{FEFF}' | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{E0000}'..='\u{E007F}')
}

/// The attacks that a tool of this kind, with these signals, is open to. Typosquatting shows only
/// beside another name, so it is never found here.
pub(crate) fn attack_patterns(
    definition: &Definition<'_>,
    category: Category,
    level: Level,
    signals: &[Signal],
) -> Vec<AttackPattern> {
    let has = |signal: Signal| signals.contains(&signal);
    let is = |one: Category| category == one;
    let brings_text = definition.name.iter().any(|word| {
        lexicon::is_in(
            &word.lower,
            "web page message email mail inbox comment issue scrape crawl \
                                     browse fetch thread ticket review feed url website",
        )
    });
    let found = [
        (
            AttackPattern::IndirectPromptInjection,
            is(Category::Read) && (has(Signal::Url) || brings_text),
        ),
        (
            AttackPattern::ToolPoisoning,
            has(Signal::HiddenUnicode) || has(Signal::ModelInstructions),
        ),
        (AttackPattern::RugPull, level == Level::Critical),
        (
            AttackPattern::RunawayToolLoop,
            is(Category::Execute)
                || is(Category::Financial)
                || (is(Category::Write) && has(Signal::Recipient)),
        ),
        (
            AttackPattern::DestructiveActionAutonomy,
            is(Category::Destructive) || (is(Category::Execute) && has(Signal::FreeFormCode)),
        ),
        (
            AttackPattern::DataExfiltration,
            (is(Category::Execute) && has(Signal::FreeFormCode))
                || ((is(Category::Write) || is(Category::Execute))
                    && (has(Signal::Recipient) || has(Signal::Url))),
        ),
        (AttackPattern::CredentialLeak, has(Signal::Credential)),
        (AttackPattern::Ssrf, has(Signal::Url) && (is(Category::Read) || is(Category::Execute))),
        (AttackPattern::SpendDrain, is(Category::Financial)),
        (AttackPattern::PrivilegeEscalation, has(Signal::AdminScope) && !is(Category::Read)),
    ];
    found.into_iter().filter(|(_, is_there)| *is_there).map(|(pattern, _)| pattern).collect()
}
