//! Reading recorded calls, oldest first, a batch at a time.

use chrono::{DateTime, Utc};
use domain::perm::SeeValues;
use domain::{OrganisationId, SealedArguments};
use policy::replay::{Kind, Recorded};
use store::past::{PastCall, PastFilter};
use uuid::Uuid;

use super::servers::Names;
use crate::app::App;
use crate::failure::Failure;
use crate::guard::Can;

/// Calls that are read at once: some megabytes.
const BATCH: usize = 5_000;

/// A walk through the calls of a filter.
pub(super) struct Past {
    filter: PastFilter,
    after: Uuid,
    left: usize,
    last: Option<DateTime<Utc>>,
    is_cut: bool,
}

impl Past {
    /// At most so many calls of a filter.
    pub(super) fn new(filter: PastFilter, most: usize) -> Self {
        Self { after: filter.start(), filter, left: most, last: None, is_cut: false }
    }

    /// The next calls; none when there are no more. No transaction is open afterwards.
    pub(super) async fn next<P>(&mut self, caller: &mut Can<P>) -> Result<Vec<PastCall>, Failure> {
        if self.left == 0 {
            // One more call says that there would have been more.
            let tx = caller.tx().await?;
            let more = tx.list_past_calls(&self.filter, self.after, 1).await?;
            self.is_cut = !more.is_empty();
            caller.close();
            return Ok(Vec::new());
        }
        let limit = i64::try_from(BATCH.min(self.left)).unwrap_or(i64::MAX);
        let tx = caller.tx().await?;
        let calls = tx.list_past_calls(&self.filter, self.after, limit).await?;
        caller.close();
        self.left -= calls.len().min(self.left);
        if let Some(last) = calls.last() {
            self.after = last.id.as_uuid();
            self.last = Some(last.at);
        }
        Ok(calls)
    }

    /// The time of the last call that was read, where there were more.
    pub(super) fn cut(&self) -> Option<DateTime<Utc>> {
        self.last.filter(|_| self.is_cut)
    }
}

/// Opens the recorded values of arguments, for who may see them: what a document does with a value
/// tells the value.
#[derive(Clone)]
pub(super) struct Opener {
    app: App,
    organisation: OrganisationId,
    pub(super) may_see: bool,
}

impl Opener {
    pub(super) fn of<P>(caller: &Can<P>) -> Self {
        Self {
            app: caller.app().clone(),
            organisation: caller.organisation(),
            may_see: caller.may::<SeeValues>(),
        }
    }

    fn open(&self, call: &PastCall) -> Option<Vec<u8>> {
        let sealed = call.arguments_sealed.clone().filter(|_| self.may_see)?;
        let sealed = SealedArguments::from_bytes(sealed);
        match sealed.open(self.app.arguments(), self.organisation, call.id) {
            Ok(plain) => plain,
            Err(cause) => {
                tracing::warn!(call = %call.id, %cause, "recorded arguments are not made use of");
                None
            }
        }
    }
}

/// Shows a stored call to an engine, by the name that its server knows. Values among which one
/// looks like a secret are left out: they are shown to nobody either.
pub(super) fn recorded<T>(
    call: &PastCall,
    names: &Names,
    opener: &Opener,
    look: impl FnOnce(&Recorded<'_>) -> T,
) -> T {
    let plain = opener.open(call);
    let tape = plain.as_deref().and_then(|plain| json::parse(plain).ok());
    let tape = tape.filter(|tape| policy::secrets_in(tape.root()).is_empty());
    let kind = match call.method.as_str() {
        "tools/call" => Kind::Tool,
        "prompts/get" => Kind::Prompt,
        _ => Kind::Resource,
    };
    look(&Recorded {
        id: call.id.as_uuid().as_u128(),
        at: call.at,
        grant: call.grant_id.as_uuid().as_u128(),
        grant_label: &call.grant_label,
        client_name: call.client.as_deref().map(client_name),
        session: call.session.as_deref(),
        kind,
        target: names.own(kind, &call.target),
        outcome: &call.outcome,
        rule: &call.rule,
        names: &call.argument_keys,
        arguments: tape.as_ref().map(json::Tape::root),
    })
}

/// The name of a client without the version that is recorded after it.
fn client_name(client: &str) -> &str {
    let is_version =
        |word: &str| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    match client.rsplit_once(' ') {
        Some((name, version)) if is_version(version) => name,
        _ => client,
    }
}

#[cfg(test)]
mod tests {
    use super::client_name;

    #[test]
    fn a_client_is_known_without_its_version() {
        let cases = [
            ("Claude Code 2.1.0", "Claude Code"),
            ("cursor v1", "cursor"),
            ("Visual Studio Code", "Visual Studio Code"),
            ("inspector", "inspector"),
        ];
        for (recorded, name) in cases {
            assert_eq!(client_name(recorded), name);
        }
    }
}
