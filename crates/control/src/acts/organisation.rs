//! The organisation itself: its name, its settings, its kill switch.

use domain::perm::ManageSettings;
use domain::{OrganisationSettings, RedisFailure};
use serde::Deserialize;
use store::Event;

use super::check::{Checks, label};
use crate::failure::Failure;
use crate::guard::Can;

/// What to change; what is left out stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrganisationForm {
    /// Its name for people.
    pub(crate) name: Option<String>,
    /// Its settings.
    #[serde(default)]
    pub(crate) settings: SettingsForm,
}

/// Settings to change; what is left out stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsForm {
    /// Whether argument values are recorded, sealed.
    pub(crate) audit_values: Option<bool>,
    /// Days that call records are kept: 1 to 3 650.
    pub(crate) retention_days: Option<u16>,
    /// What happens while the shared counters are out of reach: `closed` or `local`.
    #[schema(value_type = Option<String>)]
    pub(crate) redis_failure: Option<RedisFailure>,
    /// Seconds that the gateway serves on its last view while the database is out of reach.
    pub(crate) stale_for_secs: Option<u32>,
}

/// Most seconds that a view may be stale: a day.
const MAX_STALE_SECS: u32 = 86_400;

/// Changes name and settings.
pub(crate) async fn change(
    caller: &mut Can<ManageSettings>,
    form: OrganisationForm,
) -> Result<(), Failure> {
    let mut checks = Checks::default();
    let name = checks.maybe("/name", form.name.as_deref().map(label));
    let now = caller.tx().await?.organisation().await?;
    let settings = form.settings.over(&now.settings, &mut checks);
    checks.done()?;
    let name = name.unwrap_or(now.name);
    caller.tx().await?.update_organisation(&name, &settings).await?;
    caller.commit(Event::OrganisationChanged).await
}

impl SettingsForm {
    fn over(self, now: &OrganisationSettings, checks: &mut Checks) -> OrganisationSettings {
        if self.retention_days.is_some_and(|days| !(1..=3_650).contains(&days)) {
            checks.wrong("/settings/retention_days", "choose 1 to 3 650 days");
        }
        if self.stale_for_secs.is_some_and(|secs| secs > MAX_STALE_SECS) {
            checks.wrong("/settings/stale_for_secs", "choose at most 86 400 seconds, a day");
        }
        OrganisationSettings {
            audit_values: self.audit_values.unwrap_or(now.audit_values),
            retention_days: self.retention_days.unwrap_or(now.retention_days),
            redis_failure: self.redis_failure.unwrap_or(now.redis_failure),
            stale_for_secs: self.stale_for_secs.unwrap_or(now.stale_for_secs),
        }
    }
}

/// Refuses every call of the organisation, or lets them pass again.
pub(crate) async fn pause(caller: &mut Can<ManageSettings>, paused: bool) -> Result<(), Failure> {
    let since = paused.then(|| caller.now());
    caller.tx().await?.pause_organisation(since).await?;
    caller.commit(Event::OrganisationChanged).await
}
