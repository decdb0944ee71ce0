//! Sealing what a client is given to hand back: session ids, and ids of the requests that a
//! server makes of it. Bound to organisation, grant and server, never to token bytes: a rotated
//! token keeps its sessions.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::vault::Keyring;
use domain::{GrantId, OrganisationId, ServerId};
use sha2::{Digest, Sha256};

/// Longest id that is given out, and so that is opened: as much as one header may be in front of
/// most servers (8 KB), less its name.
const MAX_SEALED: usize = 8_000;
/// Longest session id of a server's that fits into one, beside what a client calls itself.
pub(crate) const MAX_SESSION: usize = 5_120;
/// Longest `requestState` of a server's that is carried for it.
const MAX_STATE: usize = 64 << 10;
/// How long a client may take to answer what a server asked of it.
const ASKED_FOR: TimeDelta = TimeDelta::hours(1);

/// Who a sealed id is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) organisation: OrganisationId,
    pub(crate) grant: GrantId,
    /// None on the per-tenant URL.
    pub(crate) server: Option<ServerId>,
}

/// What a server may ask of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked<'a> {
    /// The server that asked.
    pub(crate) server: ServerId,
    /// The id it gave its request, as written.
    pub(crate) id: &'a [u8],
    /// The method, by its tag.
    pub(crate) method: u8,
}

/// The keys. What is sealed for one purpose never opens for another.
pub(crate) struct Seals(Keyring);

/// First byte of what a seal is bound to.
mod purpose {
    pub(super) const SESSION: u8 = 1;
    pub(super) const REQUEST: u8 = 2;
    /// A server's task, as its client knows it.
    pub(super) const TASK: u8 = 16;
    /// A client's task, as the server that asked for it knows it.
    pub(super) const CLIENT_TASK: u8 = 17;
    pub(super) const BRIDGED: u8 = 3;
    pub(super) const STATE: u8 = 4;
    /// Another server's state, with the server.
    pub(super) const CARRIED: u8 = 5;
}

impl Seals {
    pub(crate) const fn new(keyring: Keyring) -> Self {
        Self(keyring)
    }

    fn seal(&self, purpose: u8, holder: Holder, content: &[u8]) -> Option<String> {
        encode(&self.0.seal(content, &bound(purpose, holder, &[])).ok()?)
    }

    fn open(&self, purpose: u8, holder: Holder, presented: &[u8]) -> Option<Vec<u8>> {
        self.0.open(&decode(presented)?, &bound(purpose, holder, &[])).ok()
    }

    /// The id that a client is given for a session; `None` if it would be too long.
    pub(crate) fn session(&self, holder: Holder, content: &[u8]) -> Option<String> {
        self.seal(purpose::SESSION, holder, content)
    }

    /// What [`Self::session`] sealed for the same holder.
    pub(crate) fn open_session(&self, holder: Holder, presented: &[u8]) -> Option<Vec<u8>> {
        self.open(purpose::SESSION, holder, presented)
    }

    /// The id of a session that is the gateway's own, at a server that has none.
    pub(crate) fn bridged(&self, holder: Holder, key: &[u8]) -> Option<String> {
        self.seal(purpose::BRIDGED, holder, key)
    }

    /// What [`Self::bridged`] sealed for the same holder.
    pub(crate) fn open_bridged(&self, holder: Holder, presented: &[u8]) -> Option<Vec<u8>> {
        self.open(purpose::BRIDGED, holder, presented)
    }

    /// A `requestState` of the stateless era.
    pub(crate) fn state(&self, holder: Holder, content: &[u8]) -> Option<String> {
        self.seal(purpose::STATE, holder, content)
    }

    /// What [`Self::state`] sealed for the same holder.
    pub(crate) fn open_state(&self, holder: Holder, presented: &[u8]) -> Option<Vec<u8>> {
        self.open(purpose::STATE, holder, presented)
    }

    /// A server's own `requestState`, with what tells whose it is.
    pub(crate) fn carried(&self, holder: Holder, content: &[u8]) -> Option<String> {
        let fits = content.len() <= MAX_STATE;
        let sealed = self.0.seal(content, &bound(purpose::CARRIED, holder, &[]));
        fits.then(|| sealed.ok().map(|sealed| URL_SAFE_NO_PAD.encode(sealed))).flatten()
    }

    /// What [`Self::carried`] sealed for the same holder.
    pub(crate) fn open_carried(&self, holder: Holder, presented: &[u8]) -> Option<Vec<u8>> {
        let fits = presented.len() <= MAX_STATE * 2;
        let sealed = fits.then(|| URL_SAFE_NO_PAD.decode(presented).ok()).flatten()?;
        self.0.open(&sealed, &bound(purpose::CARRIED, holder, &[])).ok()
    }

    /// The id under which a server's request reaches the client, within one session.
    pub(crate) fn request(
        &self,
        holder: Holder,
        session: &[u8],
        asked: Asked<'_>,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let mut plain = Vec::with_capacity(25 + asked.id.len());
        plain.extend_from_slice(&now.timestamp().to_be_bytes());
        plain.push(asked.method);
        plain.extend_from_slice(asked.server.as_uuid().as_bytes());
        plain.extend_from_slice(asked.id);
        encode(&self.0.seal(&plain, &bound(purpose::REQUEST, holder, session)).ok()?)
    }

    /// What the client answers, if it was asked in this session, within the hour.
    pub(crate) fn open_request(
        &self,
        holder: Holder,
        session: &[u8],
        presented: &[u8],
        now: DateTime<Utc>,
    ) -> Option<AskedBefore> {
        let bound = bound(purpose::REQUEST, holder, session);
        let plain = self.0.open(&decode(presented)?, &bound).ok()?;
        let (at, rest) = plain.split_first_chunk::<8>()?;
        let (method, rest) = rest.split_first()?;
        let (server, id) = rest.split_first_chunk::<16>()?;
        let at = DateTime::from_timestamp(i64::from_be_bytes(*at), 0)?;
        (now.signed_duration_since(at) <= ASKED_FOR).then(|| AskedBefore {
            server: ServerId::from_uuid(uuid::Uuid::from_bytes(*server)),
            id: id.to_vec(),
            method: *method,
        })
    }
}

impl Seals {
    /// The id under which a client knows a server's task. One task has one id.
    pub(crate) fn task(&self, holder: Holder, content: &[u8]) -> Option<String> {
        encode(&self.0.seal_alike(content, &bound(purpose::TASK, holder, &[])).ok()?)
    }

    /// What [`Self::task`] sealed for the same holder.
    pub(crate) fn open_task(&self, holder: Holder, presented: &[u8]) -> Option<Vec<u8>> {
        self.0.open(&decode(presented)?, &bound(purpose::TASK, holder, &[])).ok()
    }

    /// The id under which a server knows a task that a client runs for it, within one session.
    pub(crate) fn client_task(
        &self,
        holder: Holder,
        session: &[u8],
        content: &[u8],
    ) -> Option<String> {
        let bound = bound(purpose::CLIENT_TASK, holder, session);
        encode(&self.0.seal_alike(content, &bound).ok()?)
    }

    /// What [`Self::client_task`] sealed for the same session.
    pub(crate) fn open_client_task(
        &self,
        holder: Holder,
        session: &[u8],
        presented: &[u8],
    ) -> Option<Vec<u8>> {
        self.0.open(&decode(presented)?, &bound(purpose::CLIENT_TASK, holder, session)).ok()
    }
}

/// What was asked of a client, opened again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedBefore {
    pub(crate) server: ServerId,
    pub(crate) id: Vec<u8>,
    pub(crate) method: u8,
}

/// A short digest of a session: what limits count by and records show.
pub(crate) fn digest(holder: Holder, session: &[u8]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(bound(0, holder, session));
    let [digest @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        <[u8; 32]>::from(hash.finalize());
    digest
}

/// What is too long to be opened again is not given out.
fn encode(sealed: &[u8]) -> Option<String> {
    Some(URL_SAFE_NO_PAD.encode(sealed)).filter(|id| id.len() <= MAX_SEALED)
}

fn decode(presented: &[u8]) -> Option<Vec<u8>> {
    (presented.len() <= MAX_SEALED).then(|| URL_SAFE_NO_PAD.decode(presented).ok()).flatten()
}

/// What a sealed id is bound to, as bytes that cannot be read two ways.
fn bound(purpose: u8, holder: Holder, session: &[u8]) -> Vec<u8> {
    let mut bound = Vec::with_capacity(49 + session.len());
    bound.push(purpose);
    bound.extend_from_slice(holder.organisation.as_uuid().as_bytes());
    bound.extend_from_slice(holder.grant.as_uuid().as_bytes());
    bound.extend_from_slice(holder.server.map_or([0; 16], |s| s.as_uuid().into_bytes()).as_slice());
    bound.extend_from_slice(session);
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        let now = Utc::now();
        Holder {
            organisation: OrganisationId::fresh(now),
            grant: GrantId::fresh(now),
            server: Some(ServerId::fresh(now)),
        }
    }

    #[test]
    fn a_session_opens_for_its_grant_and_server_only() {
        let seals = Seals::new(Keyring::single(&[5; 32]));
        let (mine, other) = (holder(), holder());
        let id = seals.session(mine, b"upstream-id").unwrap();
        assert!(id.bytes().all(|b| (0x21..0x7f).contains(&b)));
        assert_eq!(seals.open_session(mine, id.as_bytes()).unwrap(), b"upstream-id");
        let elsewhere = [
            Holder { grant: other.grant, ..mine },
            Holder { server: other.server, ..mine },
            Holder { server: None, ..mine },
            Holder { organisation: other.organisation, ..mine },
        ];
        for holder in elsewhere {
            assert!(seals.open_session(holder, id.as_bytes()).is_none());
        }
        assert!(seals.open_session(mine, b"upstream-id").is_none());
    }

    #[test]
    fn what_is_given_out_opens_again_however_long_it_is() {
        let seals = Seals::new(Keyring::single(&[5; 32]));
        let (holder, now) = (holder(), Utc::now());
        // With the longest names that a client may have beside it.
        let longest = vec![b'x'; MAX_SESSION + 2 * (64 * 4 + 1)];
        let id = seals.session(holder, &longest).unwrap();
        assert_eq!(seals.open_session(holder, id.as_bytes()).unwrap(), longest);
        for length in (5_000..7_000).step_by(100) {
            let long = vec![b'7'; length];
            let opens = |id: String| seals.open_session(holder, id.as_bytes()).is_some();
            assert!(seals.session(holder, &long).is_none_or(opens), "{length}");
            let asked = Asked { server: holder.server.unwrap(), id: &long, method: 2 };
            let opens = |id: String| seals.open_request(holder, b"s", id.as_bytes(), now).is_some();
            assert!(seals.request(holder, b"s", asked, now).is_none_or(opens), "{length}");
        }
    }

    #[test]
    fn only_what_was_asked_in_a_session_can_be_answered_in_it() {
        let seals = Seals::new(Keyring::single(&[5; 32]));
        let (holder, now) = (holder(), Utc::now());
        let asked = Asked { server: holder.server.unwrap(), id: b"\"7\"", method: 2 };
        let id = seals.request(holder, b"s1", asked, now).unwrap();
        let open = |session: &[u8], now| seals.open_request(holder, session, id.as_bytes(), now);
        let before = open(b"s1", now).unwrap();
        assert_eq!((before.id.as_slice(), before.method), (&b"\"7\""[..], 2));
        assert_eq!(Some(before.server), holder.server);
        assert!(open(b"s2", now).is_none());
        assert!(open(b"s1", now + TimeDelta::hours(2)).is_none());
        assert!(seals.open_session(holder, id.as_bytes()).is_none());
    }

    #[test]
    fn digests_tell_sessions_and_holders_apart() {
        let (mine, other) = (holder(), holder());
        assert_eq!(digest(mine, b"s"), digest(mine, b"s"));
        assert_ne!(digest(mine, b"s"), digest(mine, b"t"));
        assert_ne!(digest(mine, b"s"), digest(other, b"s"));
    }
}
