//! Sessions of the legacy era. They carry no state but their being alive, and cannot be made to
//! grow without end: the one idle for longest makes room for a new one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

const LIMIT: usize = 1024;
const IDLE: Duration = Duration::from_hours(1);

/// The live sessions, each with the time it was last used.
#[derive(Debug, Default)]
pub(crate) struct Sessions(HashMap<String, Instant>);

impl Sessions {
    /// Opens a session and returns its unpredictable id.
    pub(crate) fn open(&mut self) -> String {
        if self.0.len() >= LIMIT {
            self.make_room();
        }
        let id = format!("{:032x}", rand::random::<u128>());
        self.0.insert(id.clone(), Instant::now());
        id
    }

    /// Whether `id` is live; being asked for keeps it so.
    pub(crate) fn touch(&mut self, id: &str) -> bool {
        let Some(last_used) = self.0.get_mut(id) else { return false };
        if last_used.elapsed() > IDLE {
            self.0.remove(id);
            return false;
        }
        *last_used = Instant::now();
        true
    }

    /// Ends `id`; false when there was no such session.
    pub(crate) fn close(&mut self, id: &str) -> bool {
        self.0.remove(id).is_some()
    }

    fn make_room(&mut self) {
        self.0.retain(|_, last_used| last_used.elapsed() <= IDLE);
        while self.0.len() >= LIMIT {
            let Some(oldest) =
                self.0.iter().min_by_key(|(_, used)| **used).map(|(id, _)| id.clone())
            else {
                return;
            };
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_more_sessions_push_out_only_the_oldest() {
        let mut sessions = Sessions::default();
        let ids: Vec<String> = (0..=LIMIT).map(|_| sessions.open()).collect();
        assert_eq!(sessions.0.len(), LIMIT);
        assert!(!sessions.touch(&ids[0]));
        assert!(sessions.touch(&ids[1]));
        assert!(sessions.touch(&ids[LIMIT]));
    }
}
