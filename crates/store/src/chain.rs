//! The chains of both audit logs: their heads, which put the rows of an organisation in one order,
//! and the signed checkpoints of those heads.

use chrono::{DateTime, Utc};
use domain::chain::{self, Checkpoint, Link, Signer};
use domain::{CheckpointId, OrganisationId};
use uuid::Uuid;

use crate::{Page, Paged, Result, Store, TenantTx};

/// The audit log of calls.
pub const CALLS: &str = "calls";
/// The admin audit log.
pub const EVENTS: &str = "events";

/// The last row of a chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) seq: i64,
    pub(crate) digest: Link,
}

impl Head {
    /// A head of stored columns; one that is not whole starts nothing new.
    pub(crate) fn of(seq: i64, digest: &[u8]) -> Self {
        Self { seq, digest: digest.try_into().unwrap_or(chain::START) }
    }

    /// The next row: its number and digest, which are the head from then on.
    pub(crate) fn add(&mut self, entry: &[u8]) -> Link {
        let previous = self.digest;
        self.seq += 1;
        self.digest = chain::link(&previous, self.seq.unsigned_abs(), entry);
        previous
    }
}

impl TenantTx {
    /// The head of this tenant's admin log, held until the transaction ends.
    pub(crate) async fn lock_events_head(&mut self) -> Result<Head> {
        let organisation = self.organisation;
        let row = sqlx::query!(
            "insert into audit_heads as h (organisation_id, chain) values ($1, 'events')
             on conflict (organisation_id, chain) do update set seq = h.seq
             returning seq, digest",
            organisation as _,
        )
        .fetch_one(self.conn())
        .await?;
        Ok(Head::of(row.seq, &row.digest))
    }

    /// Moves it on.
    pub(crate) async fn move_events_head(&mut self, head: Head) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "update audit_heads set seq = $2, digest = $3
             where organisation_id = $1 and chain = 'events'",
            organisation as _,
            head.seq,
            head.digest.as_slice(),
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Signed heads of a chain, newest first.
    pub async fn list_checkpoints(
        &mut self,
        chain: &str,
        page: Page,
    ) -> Result<Paged<(Uuid, Checkpoint)>> {
        let organisation = self.organisation;
        let rows = sqlx::query!(
            "select id, seq, digest, at, kid, signature
             from audit_checkpoints
             where organisation_id = $1 and chain = $2 and id < $3
             order by id desc
             limit $4",
            organisation as _,
            chain,
            page.below(),
            page.fetch(),
        )
        .fetch_all(self.conn())
        .await?;
        let rows = rows.into_iter().map(|row| {
            let checkpoint = Checkpoint {
                organisation: organisation.to_string(),
                chain: chain.to_owned(),
                seq: row.seq.unsigned_abs(),
                digest: chain::hex(&row.digest),
                at: row.at,
                kid: row.kid,
                signature: String::from_utf8_lossy(&row.signature).into_owned(),
            };
            (row.id, checkpoint)
        });
        Ok(page.cut(rows.collect(), |(id, _)| *id))
    }
}

impl Store {
    /// Signs the heads that moved since they were last signed; gives how many.
    pub async fn sign_heads(&self, signer: &Signer, now: DateTime<Utc>) -> Result<usize> {
        let heads = sqlx::query!(
            r#"select h.organisation_id as "organisation: OrganisationId", h.chain, h.seq, h.digest
               from audit_heads h
               where h.seq > 0 and not exists (
                   select from audit_checkpoints c
                   where c.organisation_id = h.organisation_id and c.chain = h.chain
                     and c.seq = h.seq)"#
        )
        .fetch_all(self.pool())
        .await?;
        let now = micros(now);
        for row in &heads {
            let head = Head::of(row.seq, &row.digest);
            let place = (head.seq.unsigned_abs(), &head.digest);
            let checkpoint = signer.checkpoint(row.organisation, &row.chain, place, now);
            sqlx::query!(
                "insert into audit_checkpoints
                     (organisation_id, id, chain, seq, digest, at, kid, signature)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)
                 on conflict (organisation_id, chain, seq) do nothing",
                row.organisation as _,
                CheckpointId::fresh(now) as _,
                row.chain,
                row.seq,
                row.digest,
                now,
                checkpoint.kid,
                checkpoint.signature.as_bytes(),
            )
            .execute(self.pool())
            .await?;
        }
        Ok(heads.len())
    }
}

/// A time as the database keeps it.
pub(crate) fn micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}
