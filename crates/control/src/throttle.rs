//! Counts failed attempts to sign in, in this process: ten in a quarter of an hour for one account
//! from one address, a hundred for an address or an account alone. Bounded memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::address::household;

const WINDOW: TimeDelta = TimeDelta::minutes(15);
const PER_PAIR: u32 = 10;
const PER_ONE: u32 = 100;
/// Most windows kept; past it, ended ones are dropped and new names are refused.
const CAPACITY: usize = 100_000;

/// The counters.
#[derive(Default)]
pub(crate) struct Throttle {
    windows: Mutex<HashMap<Key, Window>>,
}

/// Digest of what is counted: names of accounts are not kept.
type Key = [u8; 32];

struct Window {
    ends_at: DateTime<Utc>,
    attempts: u32,
}

/// Too many attempts; the next is welcome after so many seconds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Throttled {
    pub(crate) retry_after_secs: u64,
}

impl Throttle {
    /// Counts an attempt on `account` from `address`, before it is judged.
    pub(crate) fn attempt(
        &self,
        address: IpAddr,
        account: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Throttled> {
        let mut windows = self.lock();
        if windows.len() + 3 > CAPACITY {
            windows.retain(|_, window| window.ends_at > now);
        }
        for (key, most) in keys(address, account) {
            count(&mut windows, key, most, now)?;
        }
        Ok(())
    }

    /// Counts what anybody may do from an address, up to `most` times.
    pub(crate) fn take(
        &self,
        what: &str,
        address: IpAddr,
        most: u32,
        now: DateTime<Utc>,
    ) -> Result<(), Throttled> {
        let mut windows = self.lock();
        if windows.len() >= CAPACITY {
            windows.retain(|_, window| window.ends_at > now);
        }
        let key = Sha256::digest(format!("{what} from {}", household(address)).as_bytes()).into();
        count(&mut windows, key, most, now)
    }

    /// Forgets the failures of this pair: the account's owner is there.
    pub(crate) fn succeeded(&self, address: IpAddr, account: &str) {
        let [(pair, _), ..] = keys(address, account);
        self.lock().remove(&pair);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(
    windows: &mut HashMap<Key, Window>,
    key: Key,
    most: u32,
    now: DateTime<Utc>,
) -> Result<(), Throttled> {
    if windows.len() >= CAPACITY && !windows.contains_key(&key) {
        return Err(Throttled { retry_after_secs: 60 });
    }
    let window = windows.entry(key).or_insert(Window { ends_at: now + WINDOW, attempts: 0 });
    if window.ends_at <= now {
        *window = Window { ends_at: now + WINDOW, attempts: 0 };
    }
    if window.attempts >= most {
        let secs = (window.ends_at - now).num_seconds().max(1).unsigned_abs();
        return Err(Throttled { retry_after_secs: secs });
    }
    window.attempts += 1;
    Ok(())
}

/// The pair, the address, the account: each with its bound.
fn keys(address: IpAddr, account: &str) -> [(Key, u32); 3] {
    let address = household(address);
    let digest = |text: String| -> Key { Sha256::digest(text.as_bytes()).into() };
    [
        (digest(format!("pair {address} {account}")), PER_PAIR),
        (digest(format!("address {address}")), PER_ONE),
        (digest(format!("account {account}")), PER_ONE),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_eleventh_failure_waits_and_a_quarter_of_an_hour_heals() {
        let (throttle, now) = (Throttle::default(), Utc::now());
        for _ in 0..PER_PAIR {
            throttle.attempt(ip("192.0.2.1"), "ada", now).unwrap();
        }
        let refused = throttle.attempt(ip("192.0.2.1"), "ada", now);
        assert_eq!(refused, Err(Throttled { retry_after_secs: 900 }));
        assert_eq!(throttle.attempt(ip("192.0.2.2"), "ada", now), Ok(()));
        assert_eq!(throttle.attempt(ip("192.0.2.1"), "bob", now), Ok(()));
        assert_eq!(throttle.attempt(ip("192.0.2.1"), "ada", now + WINDOW), Ok(()));
    }

    #[test]
    fn success_forgets_the_pair_and_addresses_of_one_network_count_together() {
        let (throttle, now) = (Throttle::default(), Utc::now());
        for n in 0..PER_PAIR {
            throttle.attempt(ip(&format!("2001:db8::{n}")), "ada", now).unwrap();
        }
        assert!(throttle.attempt(ip("2001:db8::ffff"), "ada", now).is_err());
        throttle.succeeded(ip("2001:db8::1"), "ada");
        assert_eq!(throttle.attempt(ip("2001:db8::ffff"), "ada", now), Ok(()));
    }

    #[test]
    fn one_account_is_not_tried_from_everywhere() {
        let (throttle, now) = (Throttle::default(), Utc::now());
        for n in 0..PER_ONE {
            throttle.attempt(ip(&format!("192.0.2.{n}")), "ada", now).unwrap();
        }
        assert!(throttle.attempt(ip("198.51.100.1"), "ada", now).is_err());
    }
}
