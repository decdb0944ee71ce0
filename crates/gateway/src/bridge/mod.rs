//! Bridges between the eras: every address answers clients of both, whatever its server speaks.
//!
//! A bridge is to the rest of the gateway a server that speaks the client's era. A call is judged
//! and counted in the client's own terms; what then would be the one call out is an [`Errand`]:
//! it encodes the judged bytes for the other era by splices, sends them, and retells the answer,
//! message by message, in the client's era. That answer is judged like any other. Where both
//! speak one era no part of this is touched, and bytes pass as they are.
//!
//! | | file |
//! |---|---|
//! | which bridge, if any | here |
//! | the one call out | `errand.rs` |
//! | an answer, read message by message and retold | `retell.rs` |
//! | what a client can be asked | `askable.rs` |
//! | stateless client, server with sessions | `down/` |
//! | client with a session, stateless server | `up/` |

pub(crate) mod askable;
pub(crate) mod down;
pub(crate) mod errand;
mod retell;
pub(crate) mod splices;
#[cfg(test)]
mod tests;
pub(crate) mod up;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mcp::version::Era;

use crate::refusal::Refusal;
use crate::session::joined::Joined;
use crate::view::ServerView;

pub(crate) use errand::Run;

/// How a client's era meets a server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// Both speak it: nothing is translated.
    None,
    /// A stateless client at a server with sessions.
    Down,
    /// A client with a session at a stateless server.
    Up,
}

impl Crossing {
    /// The way from a client of this era, in this session, to a server. A session lasts as long
    /// as its server speaks the way it was opened.
    pub(crate) fn of(client: Era, session: &Joined, server: &ServerView) -> Result<Self, Refusal> {
        let needs_up = server.speaks_modern && !server.speaks_legacy;
        match (client, session) {
            (Era::Modern, _) if server.speaks_modern => Ok(Self::None),
            (Era::Modern, _) => Ok(Self::Down),
            (Era::Legacy, Joined::Bridged(..)) if server.speaks_modern => Ok(Self::Up),
            (Era::Legacy, Joined::Bridged(..)) => Err(Refusal::NoSession),
            (Era::Legacy, Joined::Direct(_)) if needs_up => Err(Refusal::NoSession),
            (Era::Legacy, _) if needs_up => Ok(Self::Up),
            (Era::Legacy, _) => Ok(Self::None),
        }
    }
}

/// What all bridges of one replica share.
pub(crate) struct Bridges {
    pub(crate) hidden: down::hidden::Pool,
    pub(crate) held: down::held::Holds,
    pub(crate) under_way: up::cancel::UnderWay,
    ids: AtomicU64,
}

impl Bridges {
    pub(crate) fn new(idle: Duration) -> Self {
        Self {
            hidden: down::hidden::Pool::new(idle),
            held: down::held::Holds::default(),
            under_way: up::cancel::UnderWay::default(),
            ids: AtomicU64::new(u64::from(rand::random::<u32>()) << 20),
        }
    }

    /// A number that no other request of this replica has, nor, but for an unlikely chance, of
    /// another: it starts anywhere, and stays exact where numbers are doubles.
    pub(crate) fn fresh_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed) + 1
    }
}
