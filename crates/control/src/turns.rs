//! Who is at work on something that takes long: one of each organisation at a time, in this
//! process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::OrganisationId;

/// The organisations at work.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashSet<OrganisationId>>>);

/// An organisation's turn, until it is dropped.
pub(crate) struct Turn {
    turns: Turns,
    organisation: OrganisationId,
}

impl Turns {
    /// The turn of an organisation; `None` while it has one already.
    pub(crate) fn take(&self, organisation: OrganisationId) -> Option<Turn> {
        let is_first = self.lock().insert(organisation);
        is_first.then(|| Turn { turns: self.clone(), organisation })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<OrganisationId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.lock().remove(&self.organisation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn an_organisation_has_one_turn_at_a_time() {
        let (turns, now) = (Turns::default(), DateTime::UNIX_EPOCH);
        let (one, other) = (OrganisationId::fresh(now), OrganisationId::fresh(now));
        let turn = turns.take(one);
        assert!(turn.is_some() && turns.take(one).is_none() && turns.take(other).is_some());
        drop(turn);
        assert!(turns.take(one).is_some());
    }
}
