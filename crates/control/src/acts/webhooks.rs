//! Webhooks: make, change, rotate, remove, and tell once more.

use chrono::TimeDelta;
use domain::perm::ManageWebhooks;
use domain::secret::{KeyKind, PlainKey};
use domain::vault::{DoesNotOpen, Keyring};
use domain::{DeliveryId, OrganisationId, WebhookId};
use serde::Deserialize;
use store::Event;
use store::audit::{KINDS, is_kind_or_group};
use store::webhooks::{NewWebhook, Webhook};

use super::check::Checks;
use super::servers::address;
use crate::failure::{Failure, Kind};
use crate::guard::Can;

/// Most webhooks of an organisation.
const MAX_WEBHOOKS: usize = 50;
/// Most kinds that one listens to by name.
const MAX_EVENTS: usize = 50;
/// Hours in which a former secret signs beside the new one.
const OVERLAP_HOURS: i64 = 24;

/// What a delivery looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// The event as JSON.
    #[default]
    Json,
    /// `{"text": …}`, which Slack and its likes take.
    Slack,
}

impl Format {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
        }
    }
}

/// A webhook to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookForm {
    /// Where events are posted.
    #[schema(example = "https://hooks.example.com/drawbridge")]
    pub(crate) url: String,
    /// Kinds (`grant.created`), groups of kinds (`grant`), or `*`.
    #[schema(example = json!(["grant", "policy.published"]))]
    pub(crate) events: Vec<String>,
    /// `json` where nothing is said, or `slack`.
    #[serde(default)]
    pub(crate) format: Format,
}

/// What to change of a webhook; what is left out stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookPatch {
    /// Where events are posted.
    pub(crate) url: Option<String>,
    /// Kinds, groups of kinds, or `*`; replaces the whole list.
    pub(crate) events: Option<Vec<String>>,
    /// `json` or `slack`.
    pub(crate) format: Option<Format>,
    /// Whether nothing is told at the moment. What waits goes out afterwards.
    pub(crate) paused: Option<bool>,
}

/// Makes a webhook; its secret is shown once.
pub(crate) async fn create(
    caller: &mut Can<ManageWebhooks>,
    form: WebhookForm,
) -> Result<(Webhook, PlainKey), Failure> {
    let mut checks = Checks::default();
    let url = checks.take("/url", address(caller.app(), &form.url).await);
    let events = events(&form.events, &mut checks);
    let Some(url) = url else { return Err(checks.refuse()) };
    checks.done()?;
    let (id, secret) = (WebhookId::fresh(caller.now()), PlainKey::fresh(KeyKind::Webhook));
    let sealed = seal(&secret, caller.app().keyring(), caller.organisation(), id);
    let new = NewWebhook {
        id,
        url: url.as_str(),
        events: &events,
        format: form.format.as_str(),
        secret_sealed: &sealed.map_err(Failure::internal)?,
        secret_hint: &secret.hint(),
    };
    let tx = caller.tx().await?;
    if tx.list_webhooks(store::Page::first()).await?.rows.len() >= MAX_WEBHOOKS {
        let text = format!("There are {MAX_WEBHOOKS} webhooks already. Remove one first.");
        return Err(Failure::new(Kind::Conflict, text));
    }
    tx.insert_webhook(&new).await?;
    let made = tx.find_webhook(id).await?.ok_or_else(Failure::not_found)?;
    caller.commit(Event::WebhookCreated(id)).await?;
    Ok((made, secret))
}

/// Changes a webhook.
pub(crate) async fn change(
    caller: &mut Can<ManageWebhooks>,
    id: WebhookId,
    patch: WebhookPatch,
) -> Result<Webhook, Failure> {
    let mut webhook = find(caller, id).await?;
    // Names are looked up below: not with a transaction open.
    caller.close();
    let mut checks = Checks::default();
    if let Some(text) = &patch.url
        && let Some(url) = checks.take("/url", address(caller.app(), text).await)
    {
        webhook.url = url.into();
    }
    if let Some(given) = &patch.events {
        webhook.events = events(given, &mut checks);
    }
    checks.done()?;
    if let Some(format) = patch.format {
        format.as_str().clone_into(&mut webhook.format);
    }
    webhook.paused_at = match patch.paused {
        None => webhook.paused_at,
        Some(true) => webhook.paused_at.or(Some(caller.now())),
        Some(false) => None,
    };
    caller.tx().await?.update_webhook(&webhook).await?;
    caller.commit(Event::WebhookChanged(id)).await?;
    Ok(webhook)
}

/// Gives a webhook a new secret, shown once. For a day deliveries are signed with both.
pub(crate) async fn rotate(
    caller: &mut Can<ManageWebhooks>,
    id: WebhookId,
) -> Result<PlainKey, Failure> {
    let secret = PlainKey::fresh(KeyKind::Webhook);
    let sealed = seal(&secret, caller.app().keyring(), caller.organisation(), id);
    let sealed = sealed.map_err(Failure::internal)?;
    let until = caller.now() + TimeDelta::hours(OVERLAP_HOURS);
    if !caller.tx().await?.rotate_webhook(id, &sealed, &secret.hint(), until).await? {
        return Err(Failure::not_found());
    }
    caller.commit(Event::WebhookRotated(id)).await?;
    Ok(secret)
}

/// Removes a webhook, and what waits for it.
pub(crate) async fn remove(caller: &mut Can<ManageWebhooks>, id: WebhookId) -> Result<(), Failure> {
    if !caller.tx().await?.delete_webhook(id).await? {
        return Err(Failure::not_found());
    }
    caller.commit(Event::WebhookRemoved(id)).await
}

/// Queues a delivery that only says that it is a test.
pub(crate) async fn test(
    caller: &mut Can<ManageWebhooks>,
    id: WebhookId,
) -> Result<DeliveryId, Failure> {
    let webhook = find(caller, id).await?;
    let (delivery, now) = (DeliveryId::fresh(caller.now()), caller.now());
    caller.tx().await?.queue_test(&webhook, delivery, now).await?;
    caller.commit(Event::WebhookTested(id)).await?;
    Ok(delivery)
}

/// Queues a delivery once more.
pub(crate) async fn replay(
    caller: &mut Can<ManageWebhooks>,
    id: WebhookId,
    delivery: DeliveryId,
) -> Result<DeliveryId, Failure> {
    let (again, now) = (DeliveryId::fresh(caller.now()), caller.now());
    if !caller.tx().await?.replay_delivery(id, delivery, again, now).await? {
        return Err(Failure::not_found());
    }
    caller.commit(Event::WebhookReplayed { webhook: id, delivery }).await?;
    Ok(again)
}

/// The webhook, if it is this organisation's.
pub(crate) async fn find(
    caller: &mut Can<ManageWebhooks>,
    id: WebhookId,
) -> Result<Webhook, Failure> {
    caller.tx().await?.find_webhook(id).await?.ok_or_else(Failure::not_found)
}

/// The kinds of a form; an unknown one would never be told.
fn events(given: &[String], checks: &mut Checks) -> Vec<String> {
    if given.is_empty() || given.len() > MAX_EVENTS {
        checks.wrong("/events", format!("name 1 to {MAX_EVENTS} kinds of events, or `*` for all"));
    }
    let known = |text: &String| text == "*" || is_kind_or_group(text);
    for (at, text) in given.iter().enumerate().filter(|(_, text)| !known(text)) {
        let nearest = KINDS.into_iter().min_by_key(|kind| strsim::levenshtein(kind, text));
        let nearest = nearest.unwrap_or_default();
        let pointer = format!("/events/{at}");
        checks.wrong(pointer, format!("there is no such event; did you mean `{nearest}`?"));
    }
    given.to_vec()
}

fn seal(
    secret: &PlainKey,
    ring: &Keyring,
    organisation: OrganisationId,
    id: WebhookId,
) -> Result<Vec<u8>, DoesNotOpen> {
    ring.seal(secret.reveal().as_bytes(), &owner(organisation, id))
}

/// What a secret is sealed for.
pub(crate) fn owner(organisation: OrganisationId, id: WebhookId) -> Vec<u8> {
    format!("webhook/{organisation}/{id}").into_bytes()
}
