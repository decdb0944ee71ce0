//! API keys: list them, make one (shown once), remove one.

use askama::Template;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::perm::ManageKeys;
use domain::{ApiKeyId, Role, Slug};
use serde::Deserialize;
use store::Page;
use store::keys::ApiKey;

use crate::acts;
use crate::acts::keys::KeyForm;
use crate::extract::{Form, Path};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Problem, Section, Time, belongs_in_form, date, done, end_of_day,
    field_errors, in_frame,
};
use crate::urls;

/// The field that is a list.
const NETWORKS: &str = "/allowed_addresses";

#[derive(Template)]
#[template(path = "settings/api_keys.html")]
pub(crate) struct ApiKeys {
    frame: Frame,
    problem: Option<Problem>,
    minted: Option<Minted>,
    form: Fields,
    roles: Vec<Choice>,
    role: Field,
    keys: Vec<KeyRow>,
}

struct Minted {
    name: String,
    token: String,
}

struct Fields {
    name: Field,
    expires_at: Field,
    allowed_addresses: Field,
}

struct KeyRow {
    url: String,
    name: String,
    role: &'static str,
    hint: String,
    networks: String,
    expires: String,
    last_used: Option<Time>,
    created: Time,
}

in_frame!(ApiKeys);

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    name: String,
    role: String,
    expires_at: String,
    allowed_addresses: String,
}

/// `GET /o/{organisation}/settings/api-keys`.
pub(crate) async fn list(mut caller: Can<ManageKeys>, news: News) -> Result<ApiKeys, Failure> {
    ApiKeys::of(&mut caller, news, &Typed::default(), None).await
}

/// `POST /o/{organisation}/settings/api-keys`. The answer is a page, not a redirect: it is the
/// only time that the key can be shown.
pub(crate) async fn create(
    mut caller: Can<ManageKeys>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let made = match typed.form() {
        Ok(form) => acts::keys::create(&mut caller, form).await,
        Err(failure) => Err(failure),
    };
    match made {
        Ok((_, token)) => {
            let fresh = ApiKeys::of(&mut caller, News::default(), &Typed::default(), None).await?;
            let minted = Some(Minted { name: typed.name, token: token.reveal().to_owned() });
            Ok(ApiKeys { minted, ..fresh }.into_response())
        }
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let page = ApiKeys::of(&mut caller, News::default(), &typed, Some(&refused)).await?;
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

/// `POST /o/{organisation}/settings/api-keys/{id}/delete`.
pub(crate) async fn remove(
    mut caller: Can<ManageKeys>,
    Path(id): Path<ApiKeyId>,
) -> Result<Response, Failure> {
    acts::keys::remove(&mut caller, id).await?;
    let list = urls::organisation(caller.slug(), "settings/api-keys");
    Ok(done(caller.app().settings(), &list, "API key deleted. It stopped working at once."))
}

impl Typed {
    fn form(&self) -> Result<KeyForm, Failure> {
        let role = self.role.parse().map_err(|error| Failure::invalid_at("/role", error))?;
        let expires_at = end_of_day(&self.expires_at)
            .map_err(|error| Failure::invalid_at("/expires_at", error))?;
        let allowed_addresses = words(&self.allowed_addresses);
        Ok(KeyForm { name: self.name.clone(), role, expires_at, allowed_addresses })
    }
}

impl ApiKeys {
    async fn of(
        caller: &mut Can<ManageKeys>,
        news: News,
        typed: &Typed,
        refused: Option<&Failure>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Settings).await?;
        let keys = caller.tx().await?.list_api_keys(Page::first()).await?.rows;
        let (slug, now) = (caller.slug(), caller.now());
        let role = if typed.role.is_empty() { Role::Viewer.as_str() } else { &typed.role };
        Ok(Self {
            frame,
            problem: Problem::of(refused, &shown(refused)),
            minted: None,
            form: Fields {
                name: Field::of(&typed.name).judged(refused, "/name"),
                expires_at: Field::of(&typed.expires_at).judged(refused, "/expires_at"),
                allowed_addresses: Field {
                    value: typed.allowed_addresses.clone(),
                    error: field_errors(refused, NETWORKS),
                },
            },
            roles: Role::ALL.iter().map(|r| Choice::of(r.as_str(), role_label(*r), role)).collect(),
            role: Field::default().judged(refused, "/role"),
            keys: keys.into_iter().map(|key| KeyRow::of(key, slug, now)).collect(),
        })
    }
}

impl KeyRow {
    fn of(key: ApiKey, slug: &Slug, now: DateTime<Utc>) -> Self {
        Self {
            url: urls::item(slug, "settings/api-keys", key.id),
            name: key.name,
            role: role_label(key.role),
            hint: format!("dbk_…{}", key.hint),
            networks: match key.allowed_addresses.as_slice() {
                [] => "Anywhere".to_owned(),
                some => some.join(", "),
            },
            expires: key.expires_at.map_or_else(|| "Never".to_owned(), date),
            last_used: Time::maybe(key.used_at, now),
            created: Time::of(key.created_at, now),
        }
    }
}

/// The pointers of the fields that show their own errors.
fn shown(refused: Option<&Failure>) -> Vec<&str> {
    let networks = refused.map(Failure::fields).unwrap_or_default().iter();
    let networks = networks.map(|e| e.pointer.as_str()).filter(|p| p.starts_with(NETWORKS));
    ["/name", "/role", "/expires_at"].into_iter().chain(networks).collect()
}

/// What stands between spaces and commas.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',');
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

const fn role_label(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Viewer",
        Role::PolicyManager => "Policy manager",
        Role::Admin => "Admin",
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for ApiKeys {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, frame, time};
        let of = |text: &str, keys, minted| Self {
            frame: frame(Section::Settings, text),
            problem: None,
            minted,
            form: Fields {
                name: Field::of(text),
                expires_at: Field::default(),
                allowed_addresses: Field::of(text),
            },
            roles: vec![Choice::of("viewer", "Viewer", "viewer")],
            role: Field::default(),
            keys: (0..keys)
                .map(|n| KeyRow {
                    url: format!("/o/acme/settings/api-keys/key_{n}"),
                    name: text.to_owned(),
                    role: "Viewer",
                    hint: "dbk_…wxyz".to_owned(),
                    networks: "203.0.113.0/24, 2001:db8::/32".to_owned(),
                    expires: "Never".to_owned(),
                    last_used: (n > 0).then(time),
                    created: time(),
                })
                .collect(),
        };
        let minted = |name: &str| Some(Minted { name: name.to_owned(), token: "dbk_x".to_owned() });
        vec![of("", 0, None), of("ci", 1, minted("ci")), of(HOSTILE, 3, minted(HOSTILE))]
    }
}
