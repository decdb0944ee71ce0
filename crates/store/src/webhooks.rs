//! Webhooks: where an organisation is told of its changes, and the queue of what is to be told,
//! which is written in the transaction of the change.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{DeliveryId, OrganisationId, WebhookId};
use serde_json::json;

use crate::{Page, Paged, Result, Store, TenantTx};

/// How long what was told is kept for looking at.
const KEPT: TimeDelta = TimeDelta::days(30);
/// How long an attempt may take before another process takes it over.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// A webhook, without its secret.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where it is told.
    pub url: String,
    /// Kinds of events, groups of kinds, or `*`.
    pub events: Vec<String>,
    /// `json` or `slack`.
    pub format: String,
    /// The secret's last characters.
    pub secret_hint: String,
    /// Since when nothing is told.
    pub paused_at: Option<DateTime<Utc>>,
    /// Who made it: an id.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A webhook to store.
#[derive(Debug)]
pub struct NewWebhook<'a> {
    /// Its id.
    pub id: WebhookId,
    /// Where it is told.
    pub url: &'a str,
    /// Kinds of events, groups of kinds, or `*`.
    pub events: &'a [String],
    /// `json` or `slack`.
    pub format: &'a str,
    /// What signs its deliveries, sealed.
    pub secret_sealed: &'a [u8],
    /// The secret's last characters.
    pub secret_hint: &'a str,
}

/// Something told, or to be told.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// What happened.
    pub event: String,
    /// What is sent.
    pub body: String,
    /// `waiting`, `delivered` or `failed`.
    pub status: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next, while it waits; long ago: at once.
    pub next_at: DateTime<Utc>,
    /// The status of the last answer.
    pub http: Option<i32>,
    /// Why the last attempt failed.
    pub problem: Option<String>,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// When it was delivered or given up.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A delivery that is due, with all that sending it takes.
#[derive(Debug, Clone)]
pub struct Due {
    /// Whose.
    pub organisation: OrganisationId,
    /// Its id.
    pub id: DeliveryId,
    /// Of which webhook.
    pub webhook: WebhookId,
    /// What happened.
    pub event: String,
    /// What is sent.
    pub body: String,
    /// Which attempt this is, from 1.
    pub attempts: i32,
    /// Where to.
    pub url: String,
    /// What signs it, sealed.
    pub secret_sealed: Vec<u8>,
    /// What signed before, sealed, while it is still good.
    pub former_sealed: Option<Vec<u8>>,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempted {
    /// It was taken.
    Delivered {
        /// With this status.
        http: i32,
    },
    /// It was not.
    Failed {
        /// The status, if there was an answer.
        http: Option<i32>,
        /// Why.
        problem: String,
        /// When to try again; never, if none.
        again_at: Option<DateTime<Utc>>,
    },
}

impl TenantTx {
    /// Adds a webhook.
    pub async fn insert_webhook(&mut self, new: &NewWebhook<'_>) -> Result<()> {
        let (organisation, author) = (self.organisation, self.actor.to_string());
        sqlx::query!(
            "insert into webhooks
                 (organisation_id, id, url, events, format, secret_sealed, secret_hint, created_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            organisation as _,
            new.id as _,
            new.url,
            new.events,
            new.format,
            new.secret_sealed,
            new.secret_hint,
            author,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Webhooks, newest first.
    pub async fn list_webhooks(&mut self, page: Page) -> Result<Paged<Webhook>> {
        let organisation = self.organisation;
        let rows = sqlx::query_as!(
            Webhook,
            r#"select id as "id: WebhookId", url, events, format, secret_hint, paused_at,
                      created_by, created_at
               from webhooks
               where organisation_id = $1 and id < $2
               order by id desc
               limit $3"#,
            organisation as _,
            page.below(),
            page.fetch(),
        )
        .fetch_all(self.conn())
        .await?;
        Ok(page.cut(rows, |row| row.id.as_uuid()))
    }

    /// One webhook.
    pub async fn find_webhook(&mut self, id: WebhookId) -> Result<Option<Webhook>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            Webhook,
            r#"select id as "id: WebhookId", url, events, format, secret_hint, paused_at,
                      created_by, created_at
               from webhooks
               where organisation_id = $1 and id = $2"#,
            organisation as _,
            id as _,
        )
        .fetch_optional(self.conn())
        .await?)
    }

    /// Changes a webhook to this.
    pub async fn update_webhook(&mut self, webhook: &Webhook) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "update webhooks set url = $3, events = $4, format = $5, paused_at = $6
             where organisation_id = $1 and id = $2",
            organisation as _,
            webhook.id as _,
            webhook.url,
            &webhook.events,
            webhook.format,
            webhook.paused_at,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Gives a webhook a new secret; the one before signs too until a time.
    pub async fn rotate_webhook(
        &mut self,
        id: WebhookId,
        secret_sealed: &[u8],
        secret_hint: &str,
        former_until: DateTime<Utc>,
    ) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "update webhooks
             set former_sealed = secret_sealed, former_until = $5, secret_sealed = $3,
                 secret_hint = $4
             where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
            secret_sealed,
            secret_hint,
            former_until,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes a webhook with all its deliveries. False where there was none.
    pub async fn delete_webhook(&mut self, id: WebhookId) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "delete from webhooks where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Deliveries of a webhook, newest first.
    pub async fn list_deliveries(
        &mut self,
        webhook: WebhookId,
        status: Option<&str>,
        page: Page,
    ) -> Result<Paged<Delivery>> {
        let organisation = self.organisation;
        let rows = sqlx::query_as!(
            Delivery,
            r#"select id as "id: DeliveryId", event, body, status, attempts, next_at, http, problem,
                      created_at, ended_at
               from webhook_deliveries
               where organisation_id = $1 and webhook_id = $2 and id < $3
                 and ($5::text is null or status = $5)
               order by id desc
               limit $4"#,
            organisation as _,
            webhook as _,
            page.below(),
            page.fetch(),
            status,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(page.cut(rows, |row| row.id.as_uuid()))
    }

    /// Queues a delivery once more, as a new one. None where there is no such delivery.
    pub async fn replay_delivery(
        &mut self,
        webhook: WebhookId,
        id: DeliveryId,
        again: DeliveryId,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "insert into webhook_deliveries
                 (organisation_id, id, webhook_id, event, body, next_at, created_at)
             select organisation_id, $4, webhook_id, event, body, $5, $5
             from webhook_deliveries
             where organisation_id = $1 and webhook_id = $2 and id = $3",
            organisation as _,
            webhook as _,
            id as _,
            again as _,
            now,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Queues a delivery to one webhook, whatever it listens to: a test.
    pub async fn queue_test(
        &mut self,
        webhook: &Webhook,
        id: DeliveryId,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let told = Told {
            id: id.to_string(),
            kind: "webhook.test",
            time: now,
            actor: &self.actor.to_string(),
            subject: &webhook.id.to_string(),
            detail: &json!({}),
        };
        let body = told.body(self.organisation, &webhook.format);
        let organisation = self.organisation;
        sqlx::query!(
            "insert into webhook_deliveries
                 (organisation_id, id, webhook_id, event, body, next_at, created_at)
             values ($1, $2, $3, 'webhook.test', $4, $5, $5)",
            organisation as _,
            id as _,
            webhook.id as _,
            body,
            now,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Queues what happened for the webhooks that listen to it.
    pub(crate) async fn queue_deliveries(&mut self, told: &Told<'_>) -> Result<()> {
        let organisation = self.organisation;
        let listening = sqlx::query!(
            r#"select id as "id: WebhookId", format
               from webhooks
               where organisation_id = $1 and paused_at is null
                 and exists (select from unnest(events) as e
                             where e in ('*', $2) or starts_with($2, e || '.'))"#,
            organisation as _,
            told.kind,
        )
        .fetch_all(self.conn())
        .await?;
        for webhook in listening {
            let body = told.body(organisation, &webhook.format);
            sqlx::query!(
                "insert into webhook_deliveries
                     (organisation_id, id, webhook_id, event, body, next_at, created_at)
                 values ($1, $2, $3, $4, $5, $6, $7)",
                organisation as _,
                DeliveryId::fresh(told.time) as _,
                webhook.id as _,
                told.kind,
                body,
                DateTime::UNIX_EPOCH,
                told.time,
            )
            .execute(self.conn())
            .await?;
        }
        Ok(())
    }
}

/// What a webhook is told.
pub(crate) struct Told<'e> {
    pub(crate) id: String,
    pub(crate) kind: &'e str,
    pub(crate) time: DateTime<Utc>,
    pub(crate) actor: &'e str,
    pub(crate) subject: &'e str,
    pub(crate) detail: &'e serde_json::Value,
}

impl Told<'_> {
    /// The body in a format.
    fn body(&self, organisation: OrganisationId, format: &str) -> String {
        let Self { id, kind, time, actor, subject, detail } = self;
        let told = match format {
            "slack" => {
                let about = if subject.is_empty() { "" } else { " · " };
                json!({ "text": format!("*{kind}*{about}{subject} · by {actor}") })
            }
            _ => json!({
                "id": id, "type": kind, "time": time, "organisation": organisation.to_string(),
                "data": { "actor": actor, "subject": subject, "detail": detail },
            }),
        };
        told.to_string()
    }
}

impl Store {
    /// Takes deliveries that are due; nobody else has them until their lease is over.
    pub async fn take_deliveries(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Due>> {
        Ok(sqlx::query_as!(
            Due,
            r#"with due as (
                   select d.organisation_id, d.id
                   from webhook_deliveries d
                   join webhooks w on w.organisation_id = d.organisation_id and w.id = d.webhook_id
                   where d.status = 'waiting' and d.next_at <= $1 and w.paused_at is null
                   order by d.next_at
                   limit $3
                   for update of d skip locked)
               update webhook_deliveries d
               set attempts = d.attempts + 1, next_at = $2
               from due
               join webhooks w on w.organisation_id = due.organisation_id
               where d.organisation_id = due.organisation_id and d.id = due.id
                 and w.id = d.webhook_id
               returning d.organisation_id as "organisation: OrganisationId",
                         d.id as "id: DeliveryId", d.webhook_id as "webhook: WebhookId", d.event,
                         d.body, d.attempts, w.url, w.secret_sealed,
                         case when w.former_until > $1 then w.former_sealed end as former_sealed"#,
            now,
            now + LEASE,
            limit,
        )
        .fetch_all(self.pool())
        .await?)
    }

    /// Notes what became of an attempt.
    pub async fn note_delivery(
        &self,
        due: &Due,
        attempted: &Attempted,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (status, http, problem, again_at) = match attempted {
            Attempted::Delivered { http } => ("delivered", Some(*http), None, None),
            Attempted::Failed { http, problem, again_at: None } => {
                ("failed", *http, Some(problem), None)
            }
            Attempted::Failed { http, problem, again_at } => {
                ("waiting", *http, Some(problem), *again_at)
            }
        };
        sqlx::query!(
            "update webhook_deliveries
             set status = $3, http = $4, problem = $5, next_at = coalesce($6, next_at),
                 ended_at = case when $3 = 'waiting' then null else $7::timestamptz end
             where organisation_id = $1 and id = $2 and attempts = $8",
            due.organisation as _,
            due.id as _,
            status,
            http,
            problem,
            again_at,
            now,
            due.attempts,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Removes what was told long ago.
    pub async fn purge_deliveries(&self, now: DateTime<Utc>) -> Result<u64> {
        let done = sqlx::query!("delete from webhook_deliveries where created_at < $1", now - KEPT)
            .execute(self.pool())
            .await?;
        Ok(done.rows_affected())
    }
}
