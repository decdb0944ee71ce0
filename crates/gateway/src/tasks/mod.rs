//! Tasks: calls whose result is fetched later. A client knows a server's task by an id of ours,
//! into which the server, the tool and the server's own id are sealed: any replica opens it, to
//! another grant it is no task at all, and its result is judged by the tool it came from. In the
//! other direction, a server knows a task that a client runs for it by a sealed id as well.

mod clients;
mod known;
mod named;

use domain::ServerId;

pub(crate) use clients::{Asking, ClientTask, answered};
pub(crate) use known::Known;
pub(crate) use named::{Named, Opened, is_about_a_task, is_of_tasks, may_become_one, opened};

use crate::session::seal::{Holder, Seals};

/// Longest id of a server's task that is carried; nobody makes longer ones.
const MAX_ID: usize = 1_024;
const MAX_TOOL: usize = 1_024;

/// One task of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) server: ServerId,
    /// The tool that was called, in the server's own terms.
    pub(crate) tool: String,
    /// The server's own id.
    pub(crate) id: String,
}

impl Task {
    /// What a client presents, if it was given to this holder.
    pub(crate) fn open(seals: &Seals, holder: Holder, presented: &str) -> Option<Self> {
        let content = seals.open_task(holder, presented.as_bytes())?;
        let (server, rest) = content.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (tool, id) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        Some(Self {
            server: ServerId::from_uuid(uuid::Uuid::from_bytes(*server)),
            tool: str::from_utf8(tool).ok()?.to_owned(),
            id: str::from_utf8(id).ok()?.to_owned(),
        })
    }

    /// The id for its client; `None` if it cannot be carried.
    pub(crate) fn shown(&self, seals: &Seals, holder: Holder) -> Option<String> {
        let fits = self.id.len() <= MAX_ID && self.tool.len() <= MAX_TOOL;
        let length = u16::try_from(self.tool.len()).ok().filter(|_| fits)?;
        let server = *self.server.as_uuid().as_bytes();
        let content =
            [&server, &length.to_be_bytes()[..], self.tool.as_bytes(), self.id.as_bytes()].concat();
        seals.task(holder, &content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use domain::vault::Keyring;
    use domain::{GrantId, OrganisationId};

    #[test]
    fn a_task_is_one_id_to_its_grant_and_none_to_another() {
        let (seals, now) = (Seals::new(Keyring::single(&[5; 32])), Utc::now());
        let holder = || Holder {
            organisation: OrganisationId::fresh(now),
            grant: GrantId::fresh(now),
            server: None,
        };
        let (mine, other) = (holder(), holder());
        let server = ServerId::fresh(now);
        let task = Task { server, tool: "deploy".to_owned(), id: "786-7".to_owned() };
        let shown = task.shown(&seals, mine).unwrap();
        assert_eq!(task.shown(&seals, mine).unwrap(), shown, "ids are compared");
        assert_eq!(Task::open(&seals, mine, &shown).unwrap(), task);
        assert_eq!(Task::open(&seals, other, &shown), None);
        assert_eq!(Task::open(&seals, mine, "786-7"), None);
        assert!(seals.open_session(mine, shown.as_bytes()).is_none());
        let long = Task { id: "x".repeat(2_000), ..task };
        assert_eq!(long.shown(&seals, mine), None);
    }
}
