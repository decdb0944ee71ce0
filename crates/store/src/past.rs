//! Recorded calls in the order in which they were made, for policies to be tried on.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{CallId, GrantId, PolicyId, ServerId};
use uuid::Uuid;

use crate::{Result, TenantTx};

/// How far an id may be behind the time of its call.
const SLACK: TimeDelta = TimeDelta::seconds(1);

/// Which calls are wanted; absent parts do not restrict.
#[derive(Debug, Clone)]
pub struct PastFilter {
    /// On this server.
    pub server: Option<ServerId>,
    /// Decided by this policy, in any version.
    pub policy: Option<PolicyId>,
    /// By this grant.
    pub grant: Option<GrantId>,
    /// Not before.
    pub since: DateTime<Utc>,
    /// Before.
    pub until: DateTime<Utc>,
    /// With the values of their arguments, where they are recorded.
    pub values: bool,
}

/// One call, as far as a policy looks at calls.
#[derive(Debug, Clone)]
pub struct PastCall {
    /// Its id.
    pub id: CallId,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The server called.
    pub server_id: ServerId,
    /// The grant that called.
    pub grant_id: GrantId,
    /// Its label at that time.
    pub grant_label: String,
    /// JSON-RPC method.
    pub method: String,
    /// Tool, prompt or resource URI.
    pub target: String,
    /// The outcome word.
    pub outcome: String,
    /// The rule that refused; empty if allowed.
    pub rule: String,
    /// The policy that decided.
    pub policy_id: Option<PolicyId>,
    /// Its version.
    pub policy_version: Option<i32>,
    /// Name and version the client gave of itself.
    pub client: Option<String>,
    /// Short digest of the session id.
    pub session: Option<String>,
    /// Top-level keys of the arguments.
    pub argument_keys: Vec<String>,
    /// Their values, sealed; empty where they were too long to be kept.
    pub arguments_sealed: Option<Vec<u8>>,
}

impl PastFilter {
    /// The id after which the first call comes.
    pub fn start(&self) -> Uuid {
        lowest(self.since - SLACK)
    }

    fn end(&self) -> Uuid {
        lowest(self.until + SLACK)
    }
}

/// The lowest id of a moment: ids begin with their time in milliseconds.
fn lowest(at: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

impl TenantTx {
    /// The next calls after an id that a policy judged or could have judged, oldest first.
    pub async fn list_past_calls(
        &mut self,
        filter: &PastFilter,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<PastCall>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            PastCall,
            r#"select id as "id: CallId", at, server_id as "server_id!: ServerId",
                      grant_id as "grant_id: GrantId", grant_label, method, target as "target!",
                      outcome, rule, policy_id as "policy_id: PolicyId", policy_version,
                      client, session, argument_keys,
                      case when $10 then arguments_sealed end as arguments_sealed
               from calls
               where organisation_id = $1 and id > $2 and id < $3
                 and at >= $4 and at < $5
                 and server_id is not null and target is not null and outcome <> 'invalid'
                 and method in ('tools/call', 'prompts/get', 'resources/read', 'resources/subscribe')
                 and ($6::uuid is null or server_id = $6)
                 and ($7::uuid is null or policy_id = $7)
                 and ($8::uuid is null or grant_id = $8)
               order by id
               limit $9"#,
            organisation as _,
            after,
            filter.end(),
            filter.since,
            filter.until,
            filter.server.map(ServerId::as_uuid),
            filter.policy.map(PolicyId::as_uuid),
            filter.grant.map(GrantId::as_uuid),
            limit,
            filter.values,
        )
        .fetch_all(self.conn())
        .await?)
    }
}
