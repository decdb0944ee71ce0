//! Organisations: the tenants themselves.

use chrono::{DateTime, Utc};
use domain::{OrganisationId, OrganisationSettings, Slug};
use sqlx::types::Json;

use crate::{Result, TenantTx};

/// A tenant.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// What it chose for itself.
    pub settings: Json<OrganisationSettings>,
    /// Since when every call is refused.
    pub paused_at: Option<DateTime<Utc>>,
    /// When it signed up.
    pub created_at: DateTime<Utc>,
}

impl TenantTx {
    /// This transaction's organisation.
    pub async fn organisation(&mut self) -> Result<Organisation> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            Organisation,
            r#"select id as "id: OrganisationId", slug as "slug: Slug", name,
                      settings as "settings: Json<OrganisationSettings>", paused_at,
                      created_at
               from organisations
               where id = $1"#,
            organisation as _,
        )
        .fetch_one(self.conn())
        .await?)
    }

    /// Changes its name and settings.
    pub async fn update_organisation(
        &mut self,
        name: &str,
        settings: &OrganisationSettings,
    ) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "update organisations
             set name = $2, settings = $3
             where id = $1",
            organisation as _,
            name,
            Json(settings) as _,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Refuses every call, or lets them pass again.
    pub async fn pause_organisation(&mut self, since: Option<DateTime<Utc>>) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "update organisations
             set paused_at = case when $2::timestamptz is null then null
                                  else coalesce(paused_at, $2) end
             where id = $1",
            organisation as _,
            since,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
