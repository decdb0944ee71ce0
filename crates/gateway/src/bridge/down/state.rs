//! The `requestState` of the stateless era, as the gateway mints it: sealed for one grant and
//! server, good for one call with the same arguments, and for some minutes.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ServerId;
use mcp::message::Message;
use sha2::{Digest, Sha256};

use crate::session::seal::{Holder, Seals};

/// How long a client may take to come back.
pub(super) const GOOD_FOR: TimeDelta = TimeDelta::minutes(10);

/// The random name of what is held.
pub(super) type HoldId = [u8; 16];

/// Nothing is held: the call starts anew when the client comes back.
pub(super) const NOTHING_HELD: HoldId = [0; 16];

/// What a state is bound to beside its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) server: ServerId,
    pub(super) digest: [u8; 32],
}

pub(super) fn sealed(
    seals: &Seals,
    holder: Holder,
    bound: Bound,
    hold: HoldId,
    now: DateTime<Utc>,
) -> Option<String> {
    let until = now.checked_add_signed(GOOD_FOR)?.timestamp().to_be_bytes();
    let server = *bound.server.as_uuid().as_bytes();
    seals.state(holder, &[&until[..], &hold, &server, &bound.digest].concat())
}

/// What is held for this state; none if it is another's, of another call, changed, or too old.
pub(super) fn open(
    seals: &Seals,
    holder: Holder,
    bound: Bound,
    presented: &str,
    now: DateTime<Utc>,
) -> Option<HoldId> {
    let plain = seals.open_state(holder, presented.as_bytes())?;
    let (until, rest) = plain.split_first_chunk::<8>()?;
    let (hold, rest) = rest.split_first_chunk::<16>()?;
    let (server, digest) = rest.split_first_chunk::<16>()?;
    let is_same = server == bound.server.as_uuid().as_bytes() && digest == bound.digest;
    (is_same && now.timestamp() <= i64::from_be_bytes(*until)).then_some(*hold)
}

/// A digest of what a call asks for: its method, its subject at the server, and its parameters in
/// one spelling, without what may differ when the client comes back.
pub(super) fn digest(message: &Message<'_>, subject: &str) -> [u8; 32] {
    const MAY_DIFFER: [&str; 3] = ["_meta", "inputResponses", "requestState"];
    let mut members: Vec<_> = message
        .params()
        .into_iter()
        .flat_map(json::Node::members)
        .filter(|member| !MAY_DIFFER.iter().any(|key| member.key_is(key)))
        .map(|member| (member.key(), member.value))
        .collect();
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut text = Vec::new();
    for (key, value) in members {
        json::escape_into(&mut text, &key);
        json::canonical_into(value, &mut text);
    }
    let mut hash = Sha256::new();
    for part in [message.method().name().as_bytes(), subject.as_bytes(), &text] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::vault::Keyring;
    use domain::{GrantId, OrganisationId};

    fn digest_of(params: &str) -> [u8; 32] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        digest(&mcp::message::parse(body.as_bytes()).unwrap(), "t")
    }

    #[test]
    fn a_call_is_the_same_however_it_is_written_and_whatever_it_brings_back() {
        let first = digest_of(r#"{"name":"t","arguments":{"a":1.50,"b":2}}"#);
        let again = r#"{"requestState":"x","arguments":{"b":2,"a":15e-1},"name":"t",
            "inputResponses":{"1":{}},"_meta":{"progressToken":1}}"#;
        assert_eq!(digest_of(again), first);
        assert_ne!(digest_of(r#"{"name":"t","arguments":{"a":1.51,"b":2}}"#), first);
        assert_ne!(digest_of(r#"{"name":"t"}"#), first);
    }

    #[test]
    fn a_state_is_good_for_its_holder_its_call_and_its_time() {
        let now = Utc::now();
        let seals = Seals::new(Keyring::single(&[3; 32]));
        let holder = |grant| Holder {
            organisation: OrganisationId::from_uuid(uuid::Uuid::nil()),
            grant,
            server: None,
        };
        let (mine, other) = (holder(GrantId::fresh(now)), holder(GrantId::fresh(now)));
        let bound = Bound { server: ServerId::fresh(now), digest: [7; 32] };
        let state = sealed(&seals, mine, bound, [9; 16], now).unwrap();
        let open = |holder, bound, text: &str, now| open(&seals, holder, bound, text, now);
        assert_eq!(open(mine, bound, &state, now), Some([9; 16]));
        assert_eq!(open(other, bound, &state, now), None);
        assert_eq!(open(mine, Bound { digest: [8; 32], ..bound }, &state, now), None);
        let elsewhere = Bound { server: ServerId::fresh(now), ..bound };
        assert_eq!(open(mine, elsewhere, &state, now), None);
        assert_eq!(open(mine, bound, &state, now + GOOD_FOR * 2), None);
        assert_eq!(open(mine, bound, &format!("{state}A"), now), None);
        assert!(seals.open_session(mine, state.as_bytes()).is_none());
    }
}
