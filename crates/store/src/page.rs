//! Keyset pages: newest first, by id. No offsets, no counts.

use uuid::Uuid;

/// Which rows of a list are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    limit: u32,
    before: Option<Uuid>,
}

impl Page {
    /// Most rows that one page holds.
    pub const MAX: u32 = 200;
    /// Rows where nothing is asked.
    pub const DEFAULT: u32 = 50;

    /// The page of at most `limit` rows (1 … [`Self::MAX`]) that are older than `before`.
    pub fn new(limit: Option<u32>, before: Option<Uuid>) -> Self {
        Self { limit: limit.unwrap_or(Self::DEFAULT).clamp(1, Self::MAX), before }
    }

    /// The first page of the greatest size.
    pub const fn first() -> Self {
        Self { limit: Self::MAX, before: None }
    }

    /// One row more than wanted: its presence says that there is a next page.
    pub(crate) fn fetch(self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The id to start below; the greatest there is for the first page.
    pub(crate) fn below(self) -> Uuid {
        self.before.unwrap_or(Uuid::max())
    }

    pub(crate) fn cut<T>(self, mut rows: Vec<T>, id: impl Fn(&T) -> Uuid) -> Paged<T> {
        let wanted = self.limit as usize;
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next = if more { rows.last().map(id) } else { None };
        Paged { rows, next }
    }
}

/// One page of rows.
#[derive(Debug)]
pub struct Paged<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page starts, if there is one.
    pub next: Option<Uuid>,
}
