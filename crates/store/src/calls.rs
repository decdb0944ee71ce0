//! The audit of calls: written in batches by the product, read by the tenant.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use domain::call::{CallPhases, CallStatus};
use domain::chain::{CallEntry, Link, hex as chain_hex};
use domain::{CallId, CallRecord, GrantId, Outcome, PolicyId, SealedArguments, ServerId};
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::audit::unwritten;
use crate::chain::{self, Head};
use crate::{Page, Paged, Result, Store, TenantTx};

/// Which calls are wanted; absent parts do not restrict.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// On this server.
    pub server: Option<ServerId>,
    /// By this grant.
    pub grant: Option<GrantId>,
    /// Of this tool, prompt or resource.
    pub target: Option<String>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// Whose target, grant label, rule or message contains this, in any case.
    pub text: Option<String>,
}

/// How many calls ended in one way within one bucket of time.
#[derive(Debug, Clone)]
pub struct CallCount {
    /// Start of the bucket, UTC.
    pub bucket: DateTime<Utc>,
    /// How they ended.
    pub outcome: Outcome,
    /// How many.
    pub count: i64,
}

/// A row as stored; turned into the [`CallRecord`] it was made from.
struct Row {
    organisation_id: Uuid,
    id: CallId,
    at: DateTime<Utc>,
    server_id: Option<ServerId>,
    grant_id: GrantId,
    grant_label: String,
    method: String,
    target: Option<String>,
    outcome: Outcome,
    rule: String,
    message: String,
    policy_id: Option<PolicyId>,
    policy_version: Option<i32>,
    http: i16,
    jsonrpc: Option<i64>,
    is_error: Option<bool>,
    us_auth: i32,
    us_policy: i32,
    us_limits: i32,
    us_approval: i32,
    us_upstream: i32,
    us_total: i32,
    request_bytes: i64,
    response_bytes: i64,
    client: Option<String>,
    session: Option<String>,
    request_id: String,
    argument_keys: Vec<String>,
    arguments_sealed: Option<Vec<u8>>,
}

impl From<Row> for CallRecord {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            organisation: row.organisation_id,
            at: row.at,
            server: row.server_id,
            grant: row.grant_id,
            grant_label: row.grant_label,
            method: row.method,
            target: row.target,
            outcome: row.outcome,
            rule: row.rule,
            message: row.message,
            policy: row.policy_id.zip(row.policy_version),
            status: CallStatus {
                http: row.http.unsigned_abs(),
                jsonrpc: row.jsonrpc,
                is_error: row.is_error,
            },
            us: CallPhases {
                auth: row.us_auth.unsigned_abs(),
                policy: row.us_policy.unsigned_abs(),
                limits: row.us_limits.unsigned_abs(),
                approval: row.us_approval.unsigned_abs(),
                upstream: row.us_upstream.unsigned_abs(),
                total: row.us_total.unsigned_abs(),
            },
            request_bytes: row.request_bytes.unsigned_abs(),
            response_bytes: row.response_bytes.unsigned_abs(),
            client: row.client,
            session: row.session,
            request_id: row.request_id,
            argument_keys: row.argument_keys,
            arguments: row.arguments_sealed.map(SealedArguments::from_bytes),
        }
    }
}

impl Store {
    /// Writes a batch; rows that are there already are left as they are. Records of organisations
    /// that are gone are dropped with them. Each new row is the next link of its organisation's
    /// chain, whose head is held meanwhile: writers of all replicas follow one another.
    pub async fn insert_calls(&self, batch: &[CallRecord]) -> Result<u64> {
        let mut tx = self.pool().begin().await?;
        let mut heads = lock_heads(&mut tx, batch).await?;
        let known = known_calls(&mut tx, batch).await?;
        let kept: Vec<CallRecord> = batch.iter().map(kept).collect();
        let mut seen = known;
        let mut rows = Vec::with_capacity(kept.len());
        for call in &kept {
            let Some(head) = heads.get_mut(&call.organisation) else { continue };
            if seen.insert(call.id) {
                let entry = serde_json::to_vec(&CallEntry::from(call)).map_err(unwritten)?;
                let previous = head.add(&entry);
                rows.push(Written::of(call, *head, &previous));
            }
        }
        let rows = Json(rows);
        let done = sqlx::query!(
            "insert into calls select r.* from jsonb_populate_recordset(null::calls, $1) as r",
            rows as _,
        )
        .execute(&mut *tx)
        .await?;
        move_heads(&mut tx, &heads).await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }

    /// Removes calls past each organisation's retention; gives how many.
    pub async fn purge_calls(&self, now: DateTime<Utc>) -> Result<u64> {
        let done = sqlx::query!(
            "delete from calls c using organisations o
             where o.id = c.organisation_id
               and c.at < $1::timestamptz - make_interval(days => coalesce((o.settings->>'retention_days')::int, 90))",
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(done.rows_affected())
    }
}

/// Holds the heads of a batch's organisations, in one order over all writers.
async fn lock_heads(tx: &mut PgConnection, batch: &[CallRecord]) -> Result<BTreeMap<Uuid, Head>> {
    let organisations: BTreeSet<Uuid> = batch.iter().map(|call| call.organisation).collect();
    let organisations: Vec<Uuid> = organisations.into_iter().collect();
    let rows = sqlx::query!(
        "insert into audit_heads as h (organisation_id, chain)
         select id, 'calls' from organisations where id = any($1) order by id
         on conflict (organisation_id, chain) do update set seq = h.seq
         returning organisation_id, seq, digest",
        &organisations,
    )
    .fetch_all(tx)
    .await?;
    let head = |row: (Uuid, i64, Vec<u8>)| (row.0, Head::of(row.1, &row.2));
    Ok(rows.into_iter().map(|row| head((row.organisation_id, row.seq, row.digest))).collect())
}

/// The calls of a batch that are written already.
async fn known_calls(tx: &mut PgConnection, batch: &[CallRecord]) -> Result<HashSet<CallId>> {
    let organisations: Vec<Uuid> = batch.iter().map(|call| call.organisation).collect();
    let ids: Vec<Uuid> = batch.iter().map(|call| call.id.as_uuid()).collect();
    let rows = sqlx::query_scalar!(
        r#"select c.id as "id: CallId"
           from unnest($1::uuid[], $2::uuid[]) as w (organisation_id, id)
           join calls c on c.organisation_id = w.organisation_id and c.id = w.id"#,
        &organisations,
        &ids,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().collect())
}

async fn move_heads(tx: &mut PgConnection, heads: &BTreeMap<Uuid, Head>) -> Result<()> {
    let organisations: Vec<Uuid> = heads.keys().copied().collect();
    let numbers: Vec<i64> = heads.values().map(|head| head.seq).collect();
    let digests: Vec<Vec<u8>> = heads.values().map(|head| head.digest.to_vec()).collect();
    sqlx::query!(
        "update audit_heads h set seq = w.seq, digest = w.digest
         from unnest($1::uuid[], $2::bigint[], $3::bytea[]) as w (organisation_id, seq, digest)
         where h.organisation_id = w.organisation_id and h.chain = 'calls'",
        &organisations,
        &numbers,
        &digests,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A record as it is read back from the database: what its digest covers.
fn kept(call: &CallRecord) -> CallRecord {
    let clamp = |us: u32| micros(us).unsigned_abs();
    let us = call.us;
    CallRecord {
        at: chain::micros(call.at),
        grant_label: clean(&call.grant_label),
        method: clean(&call.method),
        target: call.target.as_deref().map(clean),
        rule: clean(&call.rule),
        message: clean(&call.message),
        client: call.client.as_deref().map(clean),
        session: call.session.as_deref().map(clean),
        request_id: clean(&call.request_id),
        argument_keys: call.argument_keys.iter().map(|key| clean(key)).collect(),
        us: CallPhases {
            auth: clamp(us.auth),
            policy: clamp(us.policy),
            limits: clamp(us.limits),
            approval: clamp(us.approval),
            upstream: clamp(us.upstream),
            total: clamp(us.total),
        },
        ..call.clone()
    }
}

/// A row of the log in the order of its chain.
#[derive(Debug)]
pub struct ChainedCall {
    /// The call.
    pub call: CallRecord,
    /// Its number; none for a row that is older than the chain.
    pub seq: Option<i64>,
    /// The digest before it.
    pub previous: Option<Vec<u8>>,
    /// Its own digest.
    pub digest: Option<Vec<u8>>,
}

/// One record with the names of the table's columns, on its way there.
#[derive(Serialize)]
struct Written<'c> {
    seq: i64,
    previous: String,
    digest: String,
    organisation_id: Uuid,
    id: Uuid,
    at: DateTime<Utc>,
    server_id: Option<Uuid>,
    grant_id: Uuid,
    grant_label: &'c str,
    method: &'c str,
    target: Option<&'c str>,
    outcome: Outcome,
    rule: &'c str,
    message: &'c str,
    policy_id: Option<Uuid>,
    policy_version: Option<i32>,
    http: u16,
    jsonrpc: Option<i64>,
    is_error: Option<bool>,
    us_auth: i32,
    us_policy: i32,
    us_limits: i32,
    us_approval: i32,
    us_upstream: i32,
    us_total: i32,
    request_bytes: u64,
    response_bytes: u64,
    client: Option<&'c str>,
    session: Option<&'c str>,
    request_id: &'c str,
    argument_keys: &'c [String],
    arguments_sealed: Option<String>,
}

impl<'c> Written<'c> {
    /// The row of a record that is [`kept`] so.
    fn of(call: &'c CallRecord, head: Head, previous: &Link) -> Self {
        Self {
            seq: head.seq,
            previous: format!("\\x{}", chain_hex(previous)),
            digest: format!("\\x{}", chain_hex(&head.digest)),
            organisation_id: call.organisation,
            id: call.id.as_uuid(),
            at: call.at,
            server_id: call.server.map(ServerId::as_uuid),
            grant_id: call.grant.as_uuid(),
            grant_label: &call.grant_label,
            method: &call.method,
            target: call.target.as_deref(),
            outcome: call.outcome,
            rule: &call.rule,
            message: &call.message,
            policy_id: call.policy.map(|(id, _)| id.as_uuid()),
            policy_version: call.policy.map(|(_, version)| version),
            http: call.status.http,
            jsonrpc: call.status.jsonrpc,
            is_error: call.status.is_error,
            us_auth: micros(call.us.auth),
            us_policy: micros(call.us.policy),
            us_limits: micros(call.us.limits),
            us_approval: micros(call.us.approval),
            us_upstream: micros(call.us.upstream),
            us_total: micros(call.us.total),
            request_bytes: call.request_bytes,
            response_bytes: call.response_bytes,
            client: call.client.as_deref(),
            session: call.session.as_deref(),
            request_id: &call.request_id,
            argument_keys: &call.argument_keys,
            arguments_sealed: call.arguments.as_ref().map(bytea),
        }
    }
}

/// Postgres has no NUL in text; a client may have sent one.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Bytes as Postgres reads them.
fn bytea(sealed: &SealedArguments) -> String {
    let mut text = String::with_capacity(2 + 2 * sealed.as_bytes().len());
    text.push_str("\\x");
    for byte in sealed.as_bytes() {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

fn micros(us: u32) -> i32 {
    i32::try_from(us).unwrap_or(i32::MAX)
}

impl TenantTx {
    /// Calls, newest first, without the values of their arguments.
    pub async fn list_calls(
        &mut self,
        filter: &CallFilter,
        page: Page,
    ) -> Result<Paged<CallRecord>> {
        let organisation = self.organisation;
        let rows = sqlx::query_as!(
            Row,
            r#"select organisation_id, id as "id: CallId", at, server_id as "server_id: ServerId",
                      grant_id as "grant_id: GrantId", grant_label, method, target,
                      outcome as "outcome: Outcome", rule, message,
                      policy_id as "policy_id: PolicyId", policy_version, http, jsonrpc, is_error,
                      us_auth, us_policy, us_limits, us_approval, us_upstream, us_total,
                      request_bytes, response_bytes, client, session, request_id, argument_keys,
                      null::bytea as arguments_sealed
               from calls
               where organisation_id = $1 and id < $2
                 and ($4::uuid is null or server_id = $4)
                 and ($5::uuid is null or grant_id = $5)
                 and ($6::text is null or target = $6)
                 and ($7::text is null or outcome = $7)
                 and ($8::timestamptz is null or at >= $8)
                 and ($9::timestamptz is null or at < $9)
                 and ($10::text is null or position(lower($10) in lower(concat_ws(
                        ' ', target, grant_label, rule, message, method))) > 0)
               order by id desc
               limit $3"#,
            organisation as _,
            page.below(),
            page.fetch(),
            filter.server.map(ServerId::as_uuid),
            filter.grant.map(GrantId::as_uuid),
            filter.target,
            filter.outcome.map(Outcome::as_str),
            filter.since,
            filter.until,
            filter.text,
        )
        .fetch_all(self.conn())
        .await?;
        let paged = page.cut(rows, |row| row.id.as_uuid());
        Ok(Paged { rows: paged.rows.into_iter().map(CallRecord::from).collect(), next: paged.next })
    }

    /// A piece of the log in the order of its chain, after a row.
    pub async fn export_calls(
        &mut self,
        filter: &CallFilter,
        after: (i64, Uuid),
        limit: i64,
    ) -> Result<Vec<ChainedCall>> {
        let organisation = self.organisation;
        let rows = sqlx::query!(
            r#"select id as "id: CallId", seq, previous, digest
               from calls
               where organisation_id = $1 and (coalesce(seq, 0), id) > ($2, $3)
                 and ($5::uuid is null or server_id = $5)
                 and ($6::uuid is null or grant_id = $6)
                 and ($7::text is null or target = $7)
                 and ($8::text is null or outcome = $8)
                 and ($9::timestamptz is null or at >= $9)
                 and ($10::timestamptz is null or at < $10)
                 and ($11::text is null or position(lower($11) in lower(concat_ws(
                        ' ', target, grant_label, rule, message, method))) > 0)
               order by coalesce(seq, 0), id
               limit $4"#,
            organisation as _,
            after.0,
            after.1,
            limit,
            filter.server.map(ServerId::as_uuid),
            filter.grant.map(GrantId::as_uuid),
            filter.target,
            filter.outcome.map(Outcome::as_str),
            filter.since,
            filter.until,
            filter.text,
        )
        .fetch_all(self.conn())
        .await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id.as_uuid()).collect();
        let mut calls = self.calls_by_id(&ids).await?;
        let chained = rows.into_iter().filter_map(|row| {
            let call = calls.remove(&row.id)?;
            Some(ChainedCall { call, seq: row.seq, previous: row.previous, digest: row.digest })
        });
        Ok(chained.collect())
    }

    async fn calls_by_id(&mut self, ids: &[Uuid]) -> Result<HashMap<CallId, CallRecord>> {
        let organisation = self.organisation;
        let rows = sqlx::query_as!(
            Row,
            r#"select organisation_id, id as "id: CallId", at, server_id as "server_id: ServerId",
                      grant_id as "grant_id: GrantId", grant_label, method, target,
                      outcome as "outcome: Outcome", rule, message,
                      policy_id as "policy_id: PolicyId", policy_version, http, jsonrpc, is_error,
                      us_auth, us_policy, us_limits, us_approval, us_upstream, us_total,
                      request_bytes, response_bytes, client, session, request_id, argument_keys,
                      null::bytea as arguments_sealed
               from calls
               where organisation_id = $1 and id = any($2)"#,
            organisation as _,
            ids,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(rows.into_iter().map(|row| (row.id, CallRecord::from(row))).collect())
    }

    /// One call, with the values of its arguments where they are recorded.
    pub async fn find_call(&mut self, id: CallId) -> Result<Option<CallRecord>> {
        let organisation = self.organisation;
        let row = sqlx::query_as!(
            Row,
            r#"select organisation_id, id as "id: CallId", at, server_id as "server_id: ServerId",
                      grant_id as "grant_id: GrantId", grant_label, method, target,
                      outcome as "outcome: Outcome", rule, message,
                      policy_id as "policy_id: PolicyId", policy_version, http, jsonrpc, is_error,
                      us_auth, us_policy, us_limits, us_approval, us_upstream, us_total,
                      request_bytes, response_bytes, client, session, request_id, argument_keys,
                      arguments_sealed
               from calls
               where organisation_id = $1 and id = $2"#,
            organisation as _,
            id as _,
        )
        .fetch_optional(self.conn())
        .await?;
        Ok(row.map(CallRecord::from))
    }

    /// The calls of the same grant just before and after one, newest first: up to `each` of both.
    /// Without the values of their arguments.
    pub async fn list_neighbours(
        &mut self,
        call: &CallRecord,
        each: i64,
    ) -> Result<Vec<CallRecord>> {
        let organisation = self.organisation;
        let rows = sqlx::query_as!(
            Row,
            r#"select organisation_id, id as "id: CallId", at, server_id as "server_id: ServerId",
                      grant_id as "grant_id: GrantId", grant_label, method, target,
                      outcome as "outcome: Outcome", rule, message,
                      policy_id as "policy_id: PolicyId", policy_version, http, jsonrpc, is_error,
                      us_auth, us_policy, us_limits, us_approval, us_upstream, us_total,
                      request_bytes, response_bytes, client, session, request_id, argument_keys,
                      null::bytea as arguments_sealed
               from calls
               where organisation_id = $1 and id in (
                   (select id from calls
                    where organisation_id = $1 and grant_id = $2 and id < $3
                    order by id desc limit $4)
                   union all
                   (select id from calls
                    where organisation_id = $1 and grant_id = $2 and id > $3
                    order by id limit $4))
               order by id desc"#,
            organisation as _,
            call.grant as _,
            call.id as _,
            each,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(rows.into_iter().map(CallRecord::from).collect())
    }

    /// Counts by outcome in buckets of `hour` or `day`, oldest first; empty buckets are absent.
    pub async fn count_calls(
        &mut self,
        since: DateTime<Utc>,
        bucket: &str,
        filter: &CallFilter,
    ) -> Result<Vec<CallCount>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            CallCount,
            r#"select date_trunc($3, at, 'UTC') as "bucket!", outcome as "outcome: Outcome",
                      count(*) as "count!"
               from calls
               where organisation_id = $1 and at >= $2
                 and ($4::uuid is null or server_id = $4)
                 and ($5::uuid is null or grant_id = $5)
               group by 1, 2
               order by 1, 2"#,
            organisation as _,
            since,
            bucket,
            filter.server.map(ServerId::as_uuid),
            filter.grant.map(GrantId::as_uuid),
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// Tool calls on one server since a time, by tool.
    pub async fn count_tool_calls(
        &mut self,
        server: ServerId,
        since: DateTime<Utc>,
    ) -> Result<Vec<(String, i64)>> {
        let organisation = self.organisation;
        let rows = sqlx::query!(
            r#"select target as "tool!", count(*) as "count!"
               from calls
               where organisation_id = $1 and server_id = $2 and at >= $3
                 and method = 'tools/call' and target is not null
               group by 1"#,
            organisation as _,
            server as _,
            since,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(rows.into_iter().map(|row| (row.tool, row.count)).collect())
    }

    /// The tools refused most often since a time: tool, outcome, count.
    pub async fn top_refused(
        &mut self,
        since: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<(String, Outcome, i64)>> {
        let organisation = self.organisation;
        let rows = sqlx::query!(
            r#"select target as "tool!", outcome as "outcome: Outcome", count(*) as "count!"
               from calls
               where organisation_id = $1 and at >= $2 and target is not null
                 and outcome in ('denied', 'limited', 'hidden', 'quarantined', 'approval_required')
               group by 1, 2
               order by 3 desc, 1
               limit $3"#,
            organisation as _,
            since,
            limit,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(rows.into_iter().map(|row| (row.tool, row.outcome, row.count)).collect())
    }

    /// Whether anything was ever called, for the set-up checklist.
    pub async fn has_calls(&mut self) -> Result<bool> {
        let organisation = self.organisation;
        Ok(sqlx::query_scalar!(
            r#"select exists (select from calls
                              where organisation_id = $1 and method = 'tools/call') as "any!""#,
            organisation as _,
        )
        .fetch_one(self.conn())
        .await?)
    }
}
