//! Webhooks: list them, make one, see what each was told, tell it again.

use askama::Template;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::perm::ManageWebhooks;
use domain::{DeliveryId, Slug, WebhookId};
use serde::Deserialize;
use store::Page;
use store::audit::KINDS;
use store::webhooks::{Delivery, Webhook};

use crate::acts;
use crate::acts::webhooks::{Format, WebhookForm, WebhookPatch};
use crate::extract::{Form, Path, Query};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Pager, Pages, Problem, Section, Time, belongs_in_form, done,
    field_errors, in_frame,
};
use crate::urls;

const PLACE: &str = "settings/webhooks";
/// The field that is a list.
const EVENTS: &str = "/events";

#[derive(Template)]
#[template(path = "settings/webhooks.html")]
pub(crate) struct WebhookList {
    frame: Frame,
    problem: Option<Problem>,
    form: Fields,
    formats: Vec<Choice>,
    kinds: Vec<String>,
    webhooks: Vec<WebhookRow>,
}

#[derive(Template)]
#[template(path = "settings/webhook.html")]
pub(crate) struct WebhookPage {
    frame: Frame,
    problem: Option<Problem>,
    secret: String,
    url: String,
    webhook: WebhookRow,
    form: Fields,
    formats: Vec<Choice>,
    kinds: Vec<String>,
    deliveries: Vec<DeliveryRow>,
    pages: Pages,
}

struct Fields {
    url: Field,
    events: Field,
    format: Field,
}

struct WebhookRow {
    href: String,
    url: String,
    events: String,
    format: &'static str,
    is_paused: bool,
    hint: String,
    created: Time,
}

struct DeliveryRow {
    replay: String,
    event: String,
    status: String,
    attempts: i32,
    said: String,
    next: Option<Time>,
    at: Time,
    body: String,
}

in_frame!(WebhookList, WebhookPage);

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    url: String,
    events: String,
    format: String,
}

/// Which deliveries are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    before: Option<String>,
}

/// `GET /o/{organisation}/settings/webhooks`.
pub(crate) async fn list(
    mut caller: Can<ManageWebhooks>,
    news: News,
) -> Result<WebhookList, Failure> {
    WebhookList::of(&mut caller, news, &Typed::default(), None).await
}

/// `POST /o/{organisation}/settings/webhooks`. The answer is a page, not a redirect: it is the only
/// time that the secret can be shown.
pub(crate) async fn create(
    mut caller: Can<ManageWebhooks>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let form = WebhookForm {
        url: typed.url.clone(),
        events: words(&typed.events),
        format: typed.format(),
    };
    match acts::webhooks::create(&mut caller, form).await {
        Ok((webhook, secret)) => {
            let page = WebhookPage::of(&mut caller, News::default(), webhook, None).await?;
            let secret = secret.reveal().to_owned();
            Ok(WebhookPage { secret, ..page }.into_response())
        }
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let page =
                WebhookList::of(&mut caller, News::default(), &typed, Some(&refused)).await?;
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

/// `GET /o/{organisation}/settings/webhooks/{id}`.
pub(crate) async fn show(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
    news: News,
    Query(asked): Query<Asked>,
) -> Result<WebhookPage, Failure> {
    let webhook = acts::webhooks::find(&mut caller, id).await?;
    WebhookPage::of(&mut caller, news, webhook, asked.before.as_deref()).await
}

/// `POST /o/{organisation}/settings/webhooks/{id}`.
pub(crate) async fn change(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let patch = WebhookPatch {
        url: Some(typed.url.clone()),
        events: Some(words(&typed.events)),
        format: Some(typed.format()),
        paused: None,
    };
    match acts::webhooks::change(&mut caller, id, patch).await {
        Ok(_) => Ok(back(&caller, id, "Webhook saved.")),
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            caller.close();
            let webhook = acts::webhooks::find(&mut caller, id).await?;
            let page = WebhookPage::of(&mut caller, News::default(), webhook, None).await?;
            let page = WebhookPage {
                problem: Problem::of(Some(&refused), &shown(Some(&refused))),
                form: Fields::of(&typed, Some(&refused)),
                ..page
            };
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

/// `POST /o/{organisation}/settings/webhooks/{id}/pause`.
pub(crate) async fn pause(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
) -> Result<Response, Failure> {
    let patch = WebhookPatch { paused: Some(true), ..WebhookPatch::default() };
    acts::webhooks::change(&mut caller, id, patch).await?;
    Ok(back(&caller, id, "Webhook paused. What happens now waits."))
}

/// `POST /o/{organisation}/settings/webhooks/{id}/resume`.
pub(crate) async fn resume(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
) -> Result<Response, Failure> {
    let patch = WebhookPatch { paused: Some(false), ..WebhookPatch::default() };
    acts::webhooks::change(&mut caller, id, patch).await?;
    Ok(back(&caller, id, "Webhook resumed."))
}

/// `POST /o/{organisation}/settings/webhooks/{id}/rotate`. Shows the new secret, once.
pub(crate) async fn rotate(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
) -> Result<WebhookPage, Failure> {
    let secret = acts::webhooks::rotate(&mut caller, id).await?;
    let webhook = acts::webhooks::find(&mut caller, id).await?;
    let page = WebhookPage::of(&mut caller, News::default(), webhook, None).await?;
    Ok(WebhookPage { secret: secret.reveal().to_owned(), ..page })
}

/// `POST /o/{organisation}/settings/webhooks/{id}/test`.
pub(crate) async fn test(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
) -> Result<Response, Failure> {
    acts::webhooks::test(&mut caller, id).await?;
    Ok(back(&caller, id, "Test queued. It is sent within seconds."))
}

/// `POST /o/{organisation}/settings/webhooks/{id}/deliveries/{delivery}/replay`.
pub(crate) async fn replay(
    mut caller: Can<ManageWebhooks>,
    Path((id, delivery)): Path<(WebhookId, DeliveryId)>,
) -> Result<Response, Failure> {
    acts::webhooks::replay(&mut caller, id, delivery).await?;
    Ok(back(&caller, id, "Delivery queued once more."))
}

/// `POST /o/{organisation}/settings/webhooks/{id}/delete`.
pub(crate) async fn remove(
    mut caller: Can<ManageWebhooks>,
    Path(id): Path<WebhookId>,
) -> Result<Response, Failure> {
    acts::webhooks::remove(&mut caller, id).await?;
    let list = urls::organisation(caller.slug(), PLACE);
    Ok(done(caller.app().settings(), &list, "Webhook deleted."))
}

fn back(caller: &Can<ManageWebhooks>, id: WebhookId, news: &str) -> Response {
    done(caller.app().settings(), &urls::item(caller.slug(), PLACE, id), news)
}

/// What stands between spaces and commas.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',');
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The pointers of the fields that show their own errors.
fn shown(refused: Option<&Failure>) -> Vec<&str> {
    let events = refused.map(Failure::fields).unwrap_or_default().iter();
    let events = events.map(|error| error.pointer.as_str()).filter(|p| p.starts_with(EVENTS));
    std::iter::once("/url").chain(events).collect()
}

fn formats(chosen: &str) -> Vec<Choice> {
    [("json", "JSON"), ("slack", "Slack message")]
        .map(|(value, label)| Choice::of(value, label, chosen))
        .to_vec()
}

fn kinds() -> Vec<String> {
    KINDS.into_iter().map(str::to_owned).collect()
}

impl Typed {
    fn format(&self) -> Format {
        if self.format == "slack" { Format::Slack } else { Format::Json }
    }
}

impl Fields {
    fn of(typed: &Typed, refused: Option<&Failure>) -> Self {
        Self {
            url: Field::of(&typed.url).judged(refused, "/url"),
            events: Field { value: typed.events.clone(), error: field_errors(refused, EVENTS) },
            format: Field::default(),
        }
    }
}

impl WebhookList {
    async fn of(
        caller: &mut Can<ManageWebhooks>,
        news: News,
        typed: &Typed,
        refused: Option<&Failure>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Settings).await?;
        let webhooks = caller.tx().await?.list_webhooks(Page::first()).await?.rows;
        let (slug, now) = (caller.slug(), caller.now());
        Ok(Self {
            frame,
            problem: Problem::of(refused, &shown(refused)),
            form: Fields::of(typed, refused),
            formats: formats(&typed.format),
            kinds: kinds(),
            webhooks: webhooks.iter().map(|webhook| WebhookRow::of(webhook, slug, now)).collect(),
        })
    }
}

impl WebhookPage {
    async fn of(
        caller: &mut Can<ManageWebhooks>,
        news: News,
        webhook: Webhook,
        before: Option<&str>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Settings).await?;
        let url = urls::item(caller.slug(), PLACE, webhook.id);
        let pager = Pager::new(&url, before);
        let told = caller.tx().await?.list_deliveries(webhook.id, None, pager.page()).await?;
        let (slug, now) = (caller.slug(), caller.now());
        let typed = Typed {
            url: webhook.url.clone(),
            events: webhook.events.join(" "),
            format: webhook.format.clone(),
        };
        Ok(Self {
            frame,
            problem: None,
            secret: String::new(),
            webhook: WebhookRow::of(&webhook, slug, now),
            form: Fields::of(&typed, None),
            formats: formats(&webhook.format),
            kinds: kinds(),
            deliveries: told.rows.iter().map(|row| DeliveryRow::of(row, &url, now)).collect(),
            pages: pager.pages(&told),
            url,
        })
    }
}

impl WebhookRow {
    fn of(webhook: &Webhook, slug: &Slug, now: DateTime<Utc>) -> Self {
        Self {
            href: urls::item(slug, PLACE, webhook.id),
            url: webhook.url.clone(),
            events: webhook.events.join(" "),
            format: if webhook.format == "slack" { "Slack message" } else { "JSON" },
            is_paused: webhook.paused_at.is_some(),
            hint: format!("dbw_…{}", webhook.secret_hint),
            created: Time::of(webhook.created_at, now),
        }
    }
}

impl DeliveryRow {
    fn of(delivery: &Delivery, url: &str, now: DateTime<Utc>) -> Self {
        let waits = delivery.status == "waiting" && delivery.attempts > 0;
        let answered = delivery.http.map(|status| format!("answered {status}"));
        Self {
            replay: format!("{url}/deliveries/{}/replay", delivery.id),
            event: delivery.event.clone(),
            status: delivery.status.clone(),
            attempts: delivery.attempts,
            said: delivery.problem.clone().or(answered).unwrap_or_default(),
            next: waits.then(|| Time::of(delivery.next_at, now)),
            at: Time::of(delivery.created_at, now),
            body: delivery.body.clone(),
        }
    }
}

#[cfg(test)]
fn sample_row(text: &str) -> WebhookRow {
    WebhookRow {
        href: "/o/acme/settings/webhooks/whk_1".to_owned(),
        url: text.to_owned(),
        events: text.to_owned(),
        format: "JSON",
        is_paused: text.len() > 20,
        hint: "dbw_…wxyz".to_owned(),
        created: crate::pages::samples::time(),
    }
}

#[cfg(test)]
fn sample_fields(text: &str) -> Fields {
    Fields { url: Field::of(text), events: Field::of(text), format: Field::default() }
}

#[cfg(test)]
impl crate::pages::samples::Samples for WebhookList {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, frame};
        let of = |text: &str, rows| Self {
            frame: frame(Section::Settings, text),
            problem: (rows > 1).then(|| Problem::new(text, text)),
            form: sample_fields(text),
            formats: formats("json"),
            kinds: kinds(),
            webhooks: (0..rows).map(|_| sample_row(text)).collect(),
        };
        vec![of("", 0), of("https://a.example/", 1), of(HOSTILE, 3)]
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for WebhookPage {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, frame, pages, time};
        let of = |text: &str, rows: usize, status: &str| Self {
            frame: frame(Section::Settings, text),
            problem: (rows > 1).then(|| Problem::new(text, text)),
            secret: text.to_owned(),
            url: "/o/acme/settings/webhooks/whk_1".to_owned(),
            webhook: sample_row(text),
            form: sample_fields(text),
            formats: formats("slack"),
            kinds: kinds(),
            deliveries: (0..rows)
                .map(|_| DeliveryRow {
                    replay: "/o/acme/settings/webhooks/whk_1/deliveries/dlv_1/replay".to_owned(),
                    event: "grant.created".to_owned(),
                    status: status.to_owned(),
                    attempts: 2,
                    said: text.to_owned(),
                    next: (status == "waiting").then(time),
                    at: time(),
                    body: text.to_owned(),
                })
                .collect(),
            pages: pages(rows > 1),
        };
        vec![
            of("", 0, ""),
            of("x", 1, "delivered"),
            of("y", 2, "failed"),
            of(HOSTILE, 3, "waiting"),
        ]
    }
}
