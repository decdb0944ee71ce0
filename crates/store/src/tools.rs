//! Tools: pinned definitions, what was seen since, and how risky they are.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{ServerId, ToolState};
use serde_json::Value;
use uuid::Uuid;

use crate::{Result, TenantTx};

/// A tool as it is pinned.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Its name on the server.
    pub name: String,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// What it says it does.
    pub description: String,
    /// The input schema, as sent.
    pub input_schema: Option<String>,
    /// The annotations, as sent.
    pub annotations: Option<String>,
    /// SHA-256 of the pinned definition in canonical form.
    pub fingerprint: Vec<u8>,
    /// The definition that waits for review, as sent.
    pub seen_definition: Option<String>,
    /// Its fingerprint.
    pub seen_fingerprint: Option<Vec<u8>>,
    /// Where it stands.
    pub state: ToolState,
    /// The word of its risk category.
    pub category: String,
    /// The word of its risk level.
    pub level: String,
    /// What it can do, with the evidence: the classifier's answer as JSON.
    pub assessment: Value,
    /// When it was first listed.
    pub first_seen_at: DateTime<Utc>,
}

/// A tool as discovery listed it.
#[derive(Debug, Clone)]
pub struct ListedTool {
    /// Its name on the server.
    pub name: String,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// What it says it does.
    pub description: String,
    /// The whole definition, as sent.
    pub definition: String,
    /// The input schema, as sent.
    pub input_schema: Option<String>,
    /// The annotations, as sent.
    pub annotations: Option<String>,
    /// SHA-256 of the definition in canonical form.
    pub fingerprint: [u8; 32],
    /// The word of its risk category.
    pub category: String,
    /// The word of its risk level.
    pub level: String,
    /// What it can do, with the evidence: the classifier's answer as JSON.
    pub assessment: Value,
}

/// A definition that waits for review: a changed one, or that of a new tool.
#[derive(Debug, Clone)]
pub struct WaitingTool {
    /// The whole definition, as sent.
    pub definition: String,
    /// SHA-256 of it in canonical form.
    pub fingerprint: Vec<u8>,
}

/// What a discovery changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToolChanges {
    /// Tools not known before.
    pub added: usize,
    /// Tools whose definition differs from the pinned one.
    pub changed: usize,
    /// Tools no longer listed.
    pub removed: usize,
}

/// What is known of a tool before a discovery is applied.
struct Known {
    name: String,
    fingerprint: Vec<u8>,
    state: ToolState,
}

/// What a discovery means for one tool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Not known: insert, as reviewed at registration or as new later.
    Insert,
    /// Listed as pinned.
    Same,
    /// Listed differently from what is pinned.
    Differs,
    /// Never reviewed, and listed differently: what is new is pinned anew.
    Repin,
}

impl TenantTx {
    /// Tools of a server in the server's order, removed ones last.
    pub async fn list_tools(&mut self, server: ServerId) -> Result<Vec<Tool>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            Tool,
            r#"select name, title, description, input_schema, annotations, fingerprint,
                      seen_definition, seen_fingerprint, state as "state: ToolState",
                      category, level, assessment, first_seen_at
               from tools
               where organisation_id = $1 and server_id = $2
               order by (state = 'removed'), position, name"#,
            organisation as _,
            server as _,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// How many tools of each category these servers list.
    pub async fn count_categories(
        &mut self,
        servers: &[ServerId],
    ) -> Result<Vec<(ServerId, String, i64)>> {
        let organisation = self.organisation;
        let servers: Vec<Uuid> = servers.iter().map(|id| id.as_uuid()).collect();
        let rows = sqlx::query!(
            r#"select server_id as "server_id: ServerId", category, count(*) as "count!"
               from tools
               where organisation_id = $1 and server_id = any ($2) and state <> 'removed'
               group by 1, 2"#,
            organisation as _,
            &servers,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(rows.into_iter().map(|row| (row.server_id, row.category, row.count)).collect())
    }

    /// Applies a complete listing. `pin_all` at registration: what is listed first is what the
    /// person who registered the server accepted.
    pub async fn apply_listing(
        &mut self,
        server: ServerId,
        listed: &[ListedTool],
        pin_all: bool,
    ) -> Result<ToolChanges> {
        let known = self.lock_tools(server).await?;
        let known: HashMap<&str, &Known> = known.iter().map(|k| (k.name.as_str(), k)).collect();
        let verdict = |tool: &ListedTool| match known.get(tool.name.as_str()) {
            None => Verdict::Insert,
            Some(k) if k.fingerprint == tool.fingerprint => Verdict::Same,
            Some(k) if k.state == ToolState::New => Verdict::Repin,
            Some(_) => Verdict::Differs,
        };
        let verdicts: Vec<Verdict> = listed.iter().map(verdict).collect();
        let having = |wanted: &[Verdict]| -> Vec<(usize, &ListedTool)> {
            listed
                .iter()
                .enumerate()
                .zip(&verdicts)
                .filter_map(|(at, v)| wanted.contains(v).then_some(at))
                .collect()
        };
        let fresh = if pin_all { ToolState::Current } else { ToolState::New };
        self.pin_tools(server, &having(&[Verdict::Insert, Verdict::Repin]), fresh).await?;
        self.note_same(server, &having(&[Verdict::Same])).await?;
        self.note_differing(server, &having(&[Verdict::Differs])).await?;
        let names: Vec<String> = listed.iter().map(|tool| tool.name.clone()).collect();
        let removed = self.note_missing(server, &names).await?;
        let count = |wanted| verdicts.iter().filter(|v| **v == wanted).count();
        Ok(ToolChanges {
            added: count(Verdict::Insert),
            changed: count(Verdict::Differs) + count(Verdict::Repin),
            removed,
        })
    }

    /// What of a tool waits for review; `None` where nothing does.
    pub async fn find_waiting_tool(
        &mut self,
        server: ServerId,
        name: &str,
    ) -> Result<Option<WaitingTool>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            WaitingTool,
            r#"select coalesce(seen_definition, definition) as "definition!",
                      coalesce(seen_fingerprint, fingerprint) as "fingerprint!"
               from tools
               where organisation_id = $1 and server_id = $2 and name = $3
                 and state in ('new', 'changed')"#,
            organisation as _,
            server as _,
            name,
        )
        .fetch_optional(self.conn())
        .await?)
    }

    /// Accepts the definition that waits (only the one of `fingerprint`) or a new tool. False
    /// where nothing of that fingerprint waits. `assessment` is that of the accepted definition.
    pub async fn accept_tool(&mut self, server: ServerId, accepted: &ListedTool) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "update tools
             set state = 'current', definition = $5, title = $6, description = $7,
                 input_schema = $8, annotations = $9, fingerprint = $4, seen_definition = null,
                 seen_fingerprint = null, category = $10, level = $11, assessment = $12,
                 updated_at = now()
             where organisation_id = $1 and server_id = $2 and name = $3
               and ((state = 'changed' and seen_fingerprint = $4)
                    or (state = 'new' and fingerprint = $4))",
            organisation as _,
            server as _,
            accepted.name,
            accepted.fingerprint.as_slice(),
            accepted.definition,
            accepted.title,
            accepted.description,
            accepted.input_schema,
            accepted.annotations,
            accepted.category,
            accepted.level,
            accepted.assessment,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn lock_tools(&mut self, server: ServerId) -> Result<Vec<Known>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            Known,
            r#"select name, fingerprint, state as "state: ToolState"
               from tools
               where organisation_id = $1 and server_id = $2
               for update"#,
            organisation as _,
            server as _,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// Inserts tools, or pins anew what was never reviewed.
    async fn pin_tools(
        &mut self,
        server: ServerId,
        tools: &[(usize, &ListedTool)],
        state: ToolState,
    ) -> Result<()> {
        if tools.is_empty() {
            return Ok(());
        }
        let organisation = self.organisation;
        let column = |field: fn(&ListedTool) -> String| -> Vec<String> {
            tools.iter().map(|(_, tool)| field(tool)).collect()
        };
        let optional = |field: fn(&ListedTool) -> Option<String>| -> Vec<Option<String>> {
            tools.iter().map(|(_, tool)| field(tool)).collect()
        };
        let assessments: Vec<Value> =
            tools.iter().map(|(_, tool)| tool.assessment.clone()).collect();
        let fingerprints: Vec<&[u8]> =
            tools.iter().map(|(_, tool)| tool.fingerprint.as_slice()).collect();
        sqlx::query!(
            "insert into tools
                 (organisation_id, server_id, state, name, position, title, description,
                  definition, input_schema, annotations, fingerprint, category, level, assessment)
             select $1, $2, $3, listed.*
             from unnest($4::text[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[],
                         $10::text[], $11::bytea[], $12::text[], $13::text[], $14::jsonb[]) as listed
             on conflict (organisation_id, server_id, name) do update
             set position = excluded.position, title = excluded.title,
                 description = excluded.description, definition = excluded.definition,
                 input_schema = excluded.input_schema, annotations = excluded.annotations,
                 fingerprint = excluded.fingerprint, category = excluded.category,
                 level = excluded.level, assessment = excluded.assessment, updated_at = now()",
            organisation as _,
            server as _,
            state as _,
            &column(|tool| tool.name.clone()),
            &positions(tools),
            &optional(|tool| tool.title.clone()) as _,
            &column(|tool| tool.description.clone()),
            &column(|tool| tool.definition.clone()),
            &optional(|tool| tool.input_schema.clone()) as _,
            &optional(|tool| tool.annotations.clone()) as _,
            &fingerprints as _,
            &column(|tool| tool.category.clone()),
            &column(|tool| tool.level.clone()),
            &assessments,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Tools listed as pinned: whatever waited or was missing is settled.
    async fn note_same(&mut self, server: ServerId, tools: &[(usize, &ListedTool)]) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "update tools t
             set position = same.position, seen_definition = null, seen_fingerprint = null,
                 state = case when t.state = 'new' then 'new' else 'current' end
             from unnest($3::text[], $4::int[]) as same (name, position)
             where t.organisation_id = $1 and t.server_id = $2 and t.name = same.name
               and (t.position, t.state) is distinct from (same.position, 'current')",
            organisation as _,
            server as _,
            &names(tools),
            &positions(tools),
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Tools listed differently from what is pinned: quarantined, the new definition kept beside.
    async fn note_differing(
        &mut self,
        server: ServerId,
        tools: &[(usize, &ListedTool)],
    ) -> Result<()> {
        let organisation = self.organisation;
        let definitions: Vec<String> = tools.iter().map(|(_, t)| t.definition.clone()).collect();
        let fingerprints: Vec<&[u8]> =
            tools.iter().map(|(_, tool)| tool.fingerprint.as_slice()).collect();
        sqlx::query!(
            "update tools t
             set position = differing.position, state = 'changed', updated_at = now(),
                 seen_definition = differing.definition, seen_fingerprint = differing.fingerprint
             from unnest($3::text[], $4::int[], $5::text[], $6::bytea[])
                  as differing (name, position, definition, fingerprint)
             where t.organisation_id = $1 and t.server_id = $2 and t.name = differing.name",
            organisation as _,
            server as _,
            &names(tools),
            &positions(tools),
            &definitions,
            &fingerprints as _,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    async fn note_missing(&mut self, server: ServerId, listed: &[String]) -> Result<usize> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "update tools
             set state = 'removed', updated_at = now()
             where organisation_id = $1 and server_id = $2 and state <> 'removed'
               and name <> all ($3)",
            organisation as _,
            server as _,
            listed,
        )
        .execute(self.conn())
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }
}

fn names(tools: &[(usize, &ListedTool)]) -> Vec<String> {
    tools.iter().map(|(_, tool)| tool.name.clone()).collect()
}

fn positions(tools: &[(usize, &ListedTool)]) -> Vec<i32> {
    tools.iter().map(|(at, _)| i32::try_from(*at).unwrap_or(i32::MAX)).collect()
}
