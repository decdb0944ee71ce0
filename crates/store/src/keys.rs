//! API keys of an organisation.

use chrono::{DateTime, Utc};
use domain::secret::KeyDigest;
use domain::{ApiKeyId, Role};

use crate::{Page, Paged, Result, TenantTx};

/// An API key, without the key.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The key's last characters.
    pub hint: String,
    /// Who made it: an id.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub used_at: Option<DateTime<Utc>>,
    /// The networks it may be used from; none: from anywhere.
    pub allowed_addresses: Vec<String>,
}

/// A key to store.
#[derive(Debug)]
pub struct NewApiKey<'a> {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name for people.
    pub name: &'a str,
    /// What it may do.
    pub role: Role,
    /// Digest of the token.
    pub digest: KeyDigest,
    /// The token's last characters.
    pub hint: &'a str,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// The networks it may be used from; none: from anywhere.
    pub allowed_addresses: &'a [String],
}

impl TenantTx {
    /// Adds a key.
    pub async fn insert_api_key(&mut self, new: &NewApiKey<'_>) -> Result<()> {
        let organisation = self.organisation;
        let author = self.actor.to_string();
        sqlx::query!(
            "insert into api_keys
                 (organisation_id, id, name, role, digest, hint, created_by, expires_at,
                  allowed_addresses)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            organisation as _,
            new.id as _,
            new.name,
            new.role as _,
            new.digest.as_bytes(),
            new.hint,
            author,
            new.expires_at,
            new.allowed_addresses,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Keys, newest first.
    pub async fn list_api_keys(&mut self, page: Page) -> Result<Paged<ApiKey>> {
        let organisation = self.organisation;
        let rows = sqlx::query_as!(
            ApiKey,
            r#"select id as "id: ApiKeyId", name, role as "role: Role", hint, created_by,
                      created_at, expires_at, used_at, allowed_addresses
               from api_keys
               where organisation_id = $1 and id < $2
               order by id desc
               limit $3"#,
            organisation as _,
            page.below(),
            page.fetch(),
        )
        .fetch_all(self.conn())
        .await?;
        Ok(page.cut(rows, |key| key.id.as_uuid()))
    }

    /// Removes a key: it stops working at once. False where there was none.
    pub async fn delete_api_key(&mut self, id: ApiKeyId) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "delete from api_keys where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
