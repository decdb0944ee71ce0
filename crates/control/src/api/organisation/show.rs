//! Reading the organisation.

use chrono::{DateTime, Utc};
use domain::perm::View;
use domain::{OrganisationId, OrganisationSettings, Permission, RedisFailure, Slug};
use serde::Serialize;

use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;
use crate::urls;

/// An organisation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OrganisationView {
    #[schema(value_type = String, example = "org_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: OrganisationId,
    /// Its name in URLs.
    #[schema(value_type = String, example = "analytical-engines")]
    slug: Slug,
    /// Its name for people.
    name: String,
    /// Where MCP clients reach all servers of a grant.
    gateway_url: String,
    settings: SettingsView,
    /// Since when every call is refused; null while calls pass.
    paused_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

/// What an organisation chose for itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SettingsView {
    /// Whether argument values are recorded, sealed.
    audit_values: bool,
    /// Days that call records are kept.
    retention_days: u16,
    /// What happens while the shared counters are out of reach: `closed` or `local`.
    #[schema(value_type = String)]
    redis_failure: RedisFailure,
    /// Seconds that the gateway serves on its last view while the database is out of reach.
    stale_for_secs: u32,
}

impl From<&OrganisationSettings> for SettingsView {
    fn from(settings: &OrganisationSettings) -> Self {
        Self {
            audit_values: settings.audit_values,
            retention_days: settings.retention_days,
            redis_failure: settings.redis_failure,
            stale_for_secs: settings.stale_for_secs,
        }
    }
}

impl OrganisationView {
    /// The caller's organisation as it is now.
    pub(super) async fn read<P: Permission>(caller: &mut Can<P>) -> Result<Self, Failure> {
        let row = caller.tx().await?.organisation().await?;
        let gateway_url = urls::gateway(&caller.app().settings().gateway_url, &row.slug);
        Ok(Self {
            id: row.id,
            slug: row.slug,
            name: row.name,
            gateway_url,
            settings: SettingsView::from(&row.settings.0),
            paused_at: row.paused_at,
            created_at: row.created_at,
        })
    }
}

/// `GET /api/v1/organisation`: the organisation of the credential.
#[utoipa::path(get, path = "/api/v1/organisation", tag = "organisation",
    responses((status = 200, body = OrganisationView)))]
pub(crate) async fn show(mut caller: Can<View>) -> Result<Json<OrganisationView>, Failure> {
    OrganisationView::read(&mut caller).await.map(Json)
}
