//! What was done under an `Idempotency-Key`: claimed before the request is handled, answered again
//! for a day afterwards.
//!
//! Whether anything was done is noted in the transaction of the change itself, so that a key whose
//! request ended without an answer is free again only if nothing was done under it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::AttemptId;

use crate::{Result, Store, TenantTx};

/// How long an answer is given again.
const KEPT: TimeDelta = TimeDelta::hours(24);
/// How long an attempt may be under way; one that did nothing until then is over.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// A key of one credential, and the request that came with it.
#[derive(Debug)]
pub struct Claim<'a> {
    /// Who sent it: the id of a person or an API key.
    pub credential: &'a str,
    /// The header.
    pub key: &'a str,
    /// SHA-256 of the request.
    pub request: [u8; 32],
}

/// What became of a claim.
#[derive(Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The request may go on, as this attempt.
    Yes(AttemptId),
    /// It was done: this was answered, sealed.
    Answered {
        /// The attempt that it is sealed for.
        attempt: AttemptId,
        /// The answer.
        sealed: Vec<u8>,
    },
    /// It is under way.
    Busy,
    /// It was done, and its answer was lost.
    Lost,
    /// The key came with another request before.
    AnotherRequest,
}

impl TenantTx {
    /// Claims a key for a request, or says what came of it before.
    pub async fn claim_idempotency(
        &mut self,
        claim: &Claim<'_>,
        attempt: AttemptId,
        now: DateTime<Utc>,
    ) -> Result<Claimed> {
        let organisation = self.organisation;
        let claimed = sqlx::query!(
            "insert into idempotency_keys as k
                 (organisation_id, id, credential, key, request, created_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (organisation_id, credential, key) do update
             set id = excluded.id, request = excluded.request, committed = false, answer = null,
                 created_at = excluded.created_at
             where k.created_at <= $7
                or (k.answer is null and not k.committed and k.created_at <= $8)",
            organisation as _,
            attempt as _,
            claim.credential,
            claim.key,
            claim.request.as_slice(),
            now,
            now - KEPT,
            now - LEASE,
        )
        .execute(self.conn())
        .await?;
        if claimed.rows_affected() == 1 {
            return Ok(Claimed::Yes(attempt));
        }
        let before = sqlx::query!(
            r#"select id as "id: AttemptId", request, committed, answer, created_at
             from idempotency_keys
             where organisation_id = $1 and credential = $2 and key = $3"#,
            organisation as _,
            claim.credential,
            claim.key,
        )
        .fetch_optional(self.conn())
        .await?;
        // It was given up just now: the client asks again.
        let Some(before) = before else { return Ok(Claimed::Busy) };
        Ok(match before.answer {
            _ if before.request != claim.request => Claimed::AnotherRequest,
            Some(sealed) => Claimed::Answered { attempt: before.id, sealed },
            None if before.committed && before.created_at <= now - LEASE => Claimed::Lost,
            None => Claimed::Busy,
        })
    }

    /// Keeps the answer of an attempt.
    pub async fn answer_idempotency(&mut self, attempt: AttemptId, sealed: &[u8]) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "update idempotency_keys set answer = $3 where organisation_id = $1 and id = $2",
            organisation as _,
            attempt as _,
            sealed,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Gives up an attempt, unless something was done in it.
    pub async fn release_idempotency(&mut self, attempt: AttemptId) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "delete from idempotency_keys
             where organisation_id = $1 and id = $2 and not committed",
            organisation as _,
            attempt as _,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Notes that something is done in this transaction's attempt, if it is one.
    pub(crate) async fn note_attempt(&mut self) -> Result<()> {
        let Some(attempt) = self.origin.attempt else { return Ok(()) };
        let organisation = self.organisation;
        sqlx::query!(
            "update idempotency_keys set committed = true where organisation_id = $1 and id = $2",
            organisation as _,
            attempt as _,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}

impl Store {
    /// Removes keys that are answered no more.
    pub async fn purge_idempotency_keys(&self, now: DateTime<Utc>) -> Result<u64> {
        let done = sqlx::query!("delete from idempotency_keys where created_at <= $1", now - KEPT)
            .execute(self.pool())
            .await?;
        Ok(done.rows_affected())
    }
}
