//! What verbs do, in general language. No name of a product or server stands here.
//!
//! A *firm* verb is hardly ever a noun (`delete`, `retrieve`); a *loose* one often is (`test`,
//! `deploy`, `order`), so it counts only where a verb is expected.

use std::collections::HashMap;
use std::sync::LazyLock;

use policy::Category;

/// What a word does when it is the verb of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verb {
    /// The verb itself.
    pub(crate) base: &'static str,
    pub(crate) category: Category,
    pub(crate) firm: bool,
}

const FIRM_READ: &str = "\
get list search find fetch read retrieve show view describe lookup browse enumerate inspect \
analyze analyse compare explain calculate estimate convert parse extract summarize summarise \
validate verify check diagnose troubleshoot detect identify discover suggest recommend recognize \
recognise translate transcribe infer predict forecast measure locate obtain acquire query peek \
return display download visualize visualise ask lint assess whoami greet determine count aggregate \
traverse crawl scrape decompile disassemble decode encode think await provide collect paginate \
preview simulate classify geocode tokenize tokenise embed normalize normalise proofread poll wget";
const LOOSE_READ: &str = "\
status info information detail details history stat stats statistics summary logs help version \
versions ping echo diff plan review report screenshot snapshot capture scan audit sample watch \
monitor observe wait health top metrics docs documentation guidance guide schema limits usage \
results output errors weather news price prices pricing quota tree graph directions distance \
definition insights explore resolve open load generate export render debug design access answer \
support cat grep head tail ls demonstrate look see tell research compute benchmark profile trace \
hash rank score filter sort match format outline highlight";
const FIRM_WRITE: &str = "\
create add update edit modify rename move write append insert upsert put send assign unassign \
unarchive reopen enable disable toggle configure reconfigure register unregister subscribe \
unsubscribe unfollow attach detach disconnect submit approve reject accept decline initialize \
initialise init provision replace overwrite annotate unpin mute unmute save apply publish \
unpublish set synchronize synchronise revert rollback undelete pause resume suspend unsuspend \
reschedule reassign promote demote adjust increment decrement customize customise populate adopt \
activate deactivate invite notify grant impersonate untag relabel unstage finalize finalise attest \
encrypt decrypt rotate protect unprotect unblock unlock manage administer establish alter dismiss \
rearrange reorder reorganize organize organise refresh remember memorize ingest enqueue compress \
decompress zip unzip gzip synthesize synthesise mutate persist switch upload duplicate restore \
adapt mkdir chmod chown acknowledge escalate snooze broadcast kick authorize authorise";
const LOOSE_WRITE: &str = "\
change reply archive follow define record complete flag share index store copy import email post \
fork clone sync stage commit mark merge rebase join leave extend comment label tag star like react \
pin note lock link unlink connect schedule request draft push feedback message tweet mail transfer \
migrate transition forward checkout patch bookmark book reserve enroll enrol block reset clear \
upvote downvote vote rate place ban setup sign make close log issue confirm fulfill ship silence \
mutation touch cp mv cordon";
const FIRM_EXECUTE: &str = "\
run execute exec invoke start stop restart reboot shutdown eval rerun retry rebuild redeploy spawn \
click scroll navigate drag hover interact trigger install reinstall deallocate autofix evaluate \
drain";
const LOOSE_EXECUTE: &str = "\
call launch deploy dispatch type press tap fill swipe upgrade shell bash build test power scale \
select fix process cancel abort exercise command script terminal console go control compile \
perform ssh sudo powershell cmd repl python javascript curl dial";
const FIRM_DESTRUCTIVE: &str = "\
delete remove destroy purge wipe erase terminate revoke uninstall discard truncate nuke shred \
deprovision obliterate expunge decommission kill evict prune flush deregister forget rm rmdir del";
const LOOSE_DESTRUCTIVE: &str = "drop clean cleanup void trash expire empty burn";
const FIRM_FINANCIAL: &str = "\
pay refund purchase buy withdraw reimburse donate payout repay prepay remit";
const LOOSE_FINANCIAL: &str = "\
charge sell trade bid bill deposit invoice swap stake unstake tip settle fund borrow lend redeem \
bet order";

static VERBS: LazyLock<HashMap<&'static str, Verb>> = LazyLock::new(|| {
    let mut verbs = HashMap::new();
    for (words, category, firm) in [
        (FIRM_READ, Category::Read, true),
        (LOOSE_READ, Category::Read, false),
        (FIRM_WRITE, Category::Write, true),
        (LOOSE_WRITE, Category::Write, false),
        (FIRM_EXECUTE, Category::Execute, true),
        (LOOSE_EXECUTE, Category::Execute, false),
        (FIRM_DESTRUCTIVE, Category::Destructive, true),
        (LOOSE_DESTRUCTIVE, Category::Destructive, false),
        (FIRM_FINANCIAL, Category::Financial, true),
        (LOOSE_FINANCIAL, Category::Financial, false),
    ] {
        for base in words.split_whitespace() {
            verbs.entry(base).or_insert(Verb { base, category, firm });
        }
    }
    verbs
});

/// How a verb is inflected where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `delete`
    Base,
    /// `deletes`
    Third,
    /// `deleting`
    Gerund,
}

/// The verb that `word` is exactly.
pub(crate) fn verb(word: &str) -> Option<Verb> {
    VERBS.get(word).copied()
}

/// The verb that `word` is a form of.
pub(crate) fn inflected(word: &str) -> Option<(Verb, Form)> {
    if let Some(verb) = verb(word) {
        return Some((verb, Form::Base));
    }
    if let Some(stem) = word.strip_suffix("ing") {
        let undoubled = stem.chars().last().and_then(|last| stem.strip_suffix(last));
        let silent = format!("{stem}e");
        let verb = verb(stem)
            .or_else(|| verb(&silent))
            .or_else(|| undoubled.filter(|short| stem.len() > short.len()).and_then(verb))?;
        return Some((verb, Form::Gerund));
    }
    let stem = word.strip_suffix('s')?;
    let verb = verb(stem)
        .or_else(|| verb(&format!("{}y", stem.strip_suffix("ie")?)))
        .or_else(|| verb(stem.strip_suffix('e')?))?;
    Some((verb, Form::Third))
}

/// A word without the ending of a plural.
pub(crate) fn singular(word: &str) -> &str {
    word.strip_suffix('s').unwrap_or(word)
}

/// Whether `word`, or its singular, is in the list.
pub(crate) fn is_in(word: &str, list: &str) -> bool {
    let singular = singular(word);
    list.split(' ').any(|entry| entry == word || entry == singular)
}

/// Things that only exist where money does.
pub(crate) const MONEY: &str = "payment refund charge invoice payout invoiceitem deposit withdrawal \
donation wire loan fund escrow";
/// Things that cost money in a shop and nothing elsewhere.
pub(crate) const MONEY_IN_A_SHOP: &str = "subscription order transaction transfer trade checkout bill \
cart balance wallet";
/// Words around a thing of a shop that say that it costs money.
pub(crate) const SHOP: &str = "amount currency price payment card customer billing proration money \
invoice charge checkout merchant usd eur quantity buy sell stock share trading exchange";
/// What is easily put back, though the verb is `remove`.
pub(crate) const EASILY_RESTORED: &str = "label tag reaction star like favorite favourite assignee \
watcher bookmark pin vote upvote mute filter highlight follower breakpoint";
/// What is gone when it is cleared.
pub(crate) const HELD: &str = "log data cache history database table all message storage queue record \
cookie session memory bucket conversation chat everything";
/// What runs, so that stopping it is a matter of running things.
pub(crate) const RUNS: &str = "run job build workflow pipeline task execution deployment process search \
operation simulation training";
/// What is booked for money.
pub(crate) const BOOKED: &str = "flight hotel room ride trip ticket seat rental taxi";
/// What is settled by a change when it is resolved, opened or reported; all else is looked up.
pub(crate) const CASE: &str = "issue incident alert ticket thread conversation comment conflict bug \
problem spam abuse dispute case pr pull";
/// What is lost when it is formatted.
pub(crate) const MEDIUM: &str = "disk drive partition volume device card";
/// What opens doors once it is generated.
pub(crate) const SECRET: &str = "token password credential secret apikey key invite invitation";
/// What is only looked for or looked at, even when it is run.
pub(crate) const LOOKS: &str = "search review diagnostic check analysis retrieval lookup scan \
assessment inspection";
/// What does anything, whatever stands beside it.
pub(crate) const ANYTHING: &str = "command shell script code sql program bash terminal";
/// A language whose sentences do anything.
pub(crate) const LANGUAGE: &str = "sql cypher ddl dml plsql hql";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflected_verbs_are_known() {
        for (word, base, form) in [
            ("deletes", "delete", Form::Third),
            ("applies", "apply", Form::Third),
            ("pushes", "push", Form::Third),
            ("running", "run", Form::Gerund),
            ("deleting", "delete", Form::Gerund),
            ("sending", "send", Form::Gerund),
        ] {
            let found = inflected(word).map(|(verb, form)| (verb.base, form));
            assert_eq!(found, Some((base, form)), "{word}");
        }
        assert_eq!(inflected("settings"), None);
        assert_eq!(inflected("s"), None);
        assert_eq!(inflected("ing"), None);
    }
}
