//! Nothing opens but what was sealed, for whom it was sealed, as it was sealed.

use chrono::{DateTime, TimeDelta, Utc};
use domain::vault::Keyring;
use domain::{GrantId, OrganisationId, ServerId};
use uuid::Uuid;

use crate::session::seal::{Asked, Holder, MAX_SESSION, Seals, digest};

/// For any id that a client could present, and any that a server could give; the first four
/// bytes say how a true one is spoiled.
///
/// # Panics
/// If something opens that should not, or something sealed does not open.
pub fn seal(bytes: &[u8]) {
    let seals = Seals::new(Keyring::single(&[9; 32]));
    let (holder, now) = (holder(1), DateTime::UNIX_EPOCH);
    // By a key that seals nothing here: what an earlier run sealed may be found again.
    let silent = Seals::new(Keyring::single(&[7; 32]));
    assert!(silent.open_session(holder, bytes).is_none(), "nobody sealed this");
    assert!(silent.open_request(holder, b"", bytes, now).is_none(), "nobody sealed this");
    let Some((&spoil, content)) = bytes.split_first_chunk::<4>() else { return };
    // What is longer is not carried.
    let content = content.get(..MAX_SESSION).unwrap_or(content);
    session(&seals, holder, content, spoil);
    request(&seals, holder, content, now, spoil);
}

fn session(seals: &Seals, holder: Holder, content: &[u8], spoil: [u8; 4]) {
    let id = seals.session(holder, content).expect("there is a key");
    assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "a header can carry it");
    assert_eq!(seals.open_session(holder, id.as_bytes()).as_deref(), Some(content));
    for stranger in strangers(holder) {
        assert!(seals.open_session(stranger, id.as_bytes()).is_none());
        assert_ne!(digest(stranger, content), digest(holder, content));
    }
    assert!(seals.open_request(holder, content, id.as_bytes(), DateTime::UNIX_EPOCH).is_none());
    for spoilt in spoilt(&id, spoil) {
        assert!(seals.open_session(holder, &spoilt).is_none(), "opened when spoilt");
    }
    let other = Seals::new(Keyring::single(&[8; 32]));
    assert!(other.open_session(holder, id.as_bytes()).is_none(), "another key");
}

fn request(seals: &Seals, holder: Holder, content: &[u8], now: DateTime<Utc>, spoil: [u8; 4]) {
    let (own, session) = content.split_at(content.len() / 2);
    let server = ServerId::from_uuid(Uuid::from_u128(77));
    let asked = Asked { server, id: own, method: spoil[0] };
    let id = seals.request(holder, session, asked, now).expect("there is a key");
    let open = |holder, session: &[u8], id: &[u8], at| seals.open_request(holder, session, id, at);
    let before = open(holder, session, id.as_bytes(), now).expect("it was asked");
    assert_eq!((before.server, before.method, before.id.as_slice()), (server, spoil[0], own));
    assert!(open(holder, session, id.as_bytes(), now + TimeDelta::hours(2)).is_none(), "too late");
    let longer = [session, b"x"].concat();
    assert!(open(holder, &longer, id.as_bytes(), now).is_none(), "another session");
    for stranger in strangers(holder) {
        assert!(open(stranger, session, id.as_bytes(), now).is_none());
    }
    assert!(seals.open_session(holder, id.as_bytes()).is_none());
    for spoilt in spoilt(&id, spoil) {
        assert!(open(holder, session, &spoilt, now).is_none(), "opened when spoilt");
    }
}

fn holder(which: u128) -> Holder {
    let id = |n: u128| Uuid::from_u128(which * 10 + n);
    Holder {
        organisation: OrganisationId::from_uuid(id(1)),
        grant: GrantId::from_uuid(id(2)),
        server: Some(ServerId::from_uuid(id(3))),
    }
}

fn strangers(holder: Holder) -> [Holder; 4] {
    let other = self::holder(2);
    [
        Holder { organisation: other.organisation, ..holder },
        Holder { grant: other.grant, ..holder },
        Holder { server: other.server, ..holder },
        Holder { server: None, ..holder },
    ]
}

/// The same id with a character changed, cut, doubled, moved, and with bytes around it.
fn spoilt(id: &str, [at, with, ..]: [u8; 4]) -> Vec<Vec<u8>> {
    let id = id.as_bytes();
    let at = usize::from(at) * 7 % id.len();
    let (front, back) = id.split_at(at);
    let mut spoilt = vec![
        front.to_vec(),
        back.to_vec(),
        [back, front].concat(),
        [id, id].concat(),
        [front, &[with], back].concat(),
        [front, back.get(1..).unwrap_or_default()].concat(),
        [id, b"="].concat(),
        [b" ", id].concat(),
        [id, &[with]].concat(),
        id.to_ascii_lowercase(),
    ];
    let mut changed = id.to_vec();
    changed[at] = with;
    spoilt.push(changed);
    // In the last character some bits say nothing; they must not be ignored.
    for last in b"ABCDQgw_-" {
        let mut changed = id.to_vec();
        changed.pop();
        changed.push(*last);
        spoilt.push(changed);
    }
    spoilt.retain(|spoilt| spoilt != id);
    spoilt
}
