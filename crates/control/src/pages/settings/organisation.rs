//! The organisation's own page: its name, what it chose, and its kill switch.

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::perm::{ManageSettings, View};
use domain::{Permission, RedisFailure};
use serde::Deserialize;
use store::organisations::Organisation;

use crate::acts;
use crate::acts::organisation::{OrganisationForm, SettingsForm};
use crate::extract::Form;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Problem, Section, Time, belongs_in_form, done, in_frame, short,
};
use crate::urls;

#[derive(Template)]
#[template(path = "settings/organisation.html")]
pub(crate) struct OrganisationPage {
    frame: Frame,
    can_manage: bool,
    problem: Option<Problem>,
    form: Fields,
    organisation: About,
}

struct Fields {
    name: Field,
    retention_days: Field,
    redis_failure: Vec<Choice>,
    redis: Field,
    audit_values: Vec<Choice>,
    audit: Field,
}

struct About {
    id: String,
    id_short: String,
    slug: String,
    gateway_url: String,
    is_paused: bool,
    created: Time,
}

in_frame!(OrganisationPage);

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    name: String,
    retention_days: String,
    redis_failure: Option<RedisFailure>,
    audit_values: Option<Recorded>,
}

/// What is recorded of a call's arguments.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Recorded {
    Keys,
    Values,
}

impl Recorded {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Values => "values",
        }
    }
}

/// `GET /o/{organisation}/settings/organisation`.
pub(crate) async fn show(mut caller: Can<View>, news: News) -> Result<OrganisationPage, Failure> {
    OrganisationPage::of(&mut caller, news, None).await
}

/// `POST /o/{organisation}/settings/organisation`.
pub(crate) async fn change(
    mut caller: Can<ManageSettings>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let form = typed.form();
    let changed = match form {
        Ok(form) => acts::organisation::change(&mut caller, form).await,
        Err(failure) => Err(failure),
    };
    match changed {
        Ok(()) => {
            let here = urls::organisation(caller.slug(), "settings/organisation");
            Ok(done(caller.app().settings(), &here, "Settings saved."))
        }
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let page = OrganisationPage::of(&mut caller, News::default(), Some((&typed, &refused)))
                .await?;
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

/// `POST /o/{organisation}/settings/pause`: refuse every call.
pub(crate) async fn pause(caller: Can<ManageSettings>) -> Result<Response, Failure> {
    switch(caller, true, "Paused. Every call is refused until you resume.").await
}

/// `POST /o/{organisation}/settings/resume`: let calls pass again.
pub(crate) async fn resume(caller: Can<ManageSettings>) -> Result<Response, Failure> {
    switch(caller, false, "Resumed. Calls are judged by their policies again.").await
}

async fn switch(
    mut caller: Can<ManageSettings>,
    paused: bool,
    text: &str,
) -> Result<Response, Failure> {
    acts::organisation::pause(&mut caller, paused).await?;
    let here = urls::organisation(caller.slug(), "settings/organisation");
    Ok(done(caller.app().settings(), &here, text))
}

impl Typed {
    fn form(&self) -> Result<OrganisationForm, Failure> {
        let days = self.retention_days.trim().parse();
        let days = days.map_err(|_not_a_number| {
            Failure::invalid_at("/settings/retention_days", "choose 1 to 3 650 days")
        })?;
        Ok(OrganisationForm {
            name: Some(self.name.clone()),
            settings: SettingsForm {
                retention_days: Some(days),
                redis_failure: self.redis_failure,
                audit_values: self.audit_values.map(|recorded| recorded == Recorded::Values),
                ..SettingsForm::default()
            },
        })
    }
}

impl OrganisationPage {
    async fn of<P: Permission>(
        caller: &mut Can<P>,
        news: News,
        again: Option<(&Typed, &Failure)>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Settings).await?;
        let now = caller.tx().await?.organisation().await?;
        let gateway_url = urls::gateway(&caller.app().settings().gateway_url, caller.slug());
        Ok(Self {
            frame,
            can_manage: caller.may::<ManageSettings>(),
            problem: Problem::of(again.map(|a| a.1), &["/name", "/settings/retention_days"]),
            form: Fields::of(&now, again),
            organisation: About {
                id: now.id.to_string(),
                id_short: short(&now.id.to_string()),
                slug: now.slug.to_string(),
                gateway_url,
                is_paused: now.paused_at.is_some(),
                created: Time::of(now.created_at, caller.now()),
            },
        })
    }
}

impl Fields {
    fn of(now: &Organisation, again: Option<(&Typed, &Failure)>) -> Self {
        let (typed, refused) = again.unzip();
        let chosen = typed.and_then(|t| t.redis_failure).unwrap_or(now.settings.redis_failure);
        let choice =
            |value: RedisFailure, label| Choice::of(value.as_str(), label, chosen.as_str());
        let kept = if now.settings.audit_values { Recorded::Values } else { Recorded::Keys };
        let kept = typed.and_then(|typed| typed.audit_values).unwrap_or(kept);
        let recorded = |value: Recorded, label| Choice::of(value.as_str(), label, kept.as_str());
        let name = typed.map_or(&now.name, |typed| &typed.name);
        let days = now.settings.retention_days.to_string();
        let days = typed.map_or(days, |typed| typed.retention_days.clone());
        Self {
            name: Field::of(name).judged(refused, "/name"),
            retention_days: Field::of(days).judged(refused, "/settings/retention_days"),
            redis_failure: vec![
                choice(RedisFailure::Closed, "Refuse the call"),
                choice(RedisFailure::Local, "Count on each replica by itself"),
            ],
            redis: Field::default(),
            audit_values: vec![
                recorded(Recorded::Keys, "Keys only"),
                recorded(Recorded::Values, "Keys and values, sealed"),
            ],
            audit: Field::default(),
        }
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for OrganisationPage {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, frame, time};
        let of = |text: &str, can_manage, is_paused| Self {
            frame: frame(Section::Settings, text),
            can_manage,
            problem: Some(Problem::new("Nothing was saved", text)),
            form: Fields {
                name: Field { value: text.to_owned(), error: text.to_owned() },
                retention_days: Field::of("90"),
                redis_failure: vec![Choice::of("closed", "Refuse the call", "closed")],
                redis: Field::default(),
                audit_values: vec![Choice::of("keys", "Keys only", "keys")],
                audit: Field::default(),
            },
            organisation: About {
                id: "org_1".to_owned(),
                id_short: "org_1".to_owned(),
                slug: "acme".to_owned(),
                gateway_url: "http://localhost:8080/t/acme/mcp".to_owned(),
                is_paused,
                created: time(),
            },
        };
        vec![of("Acme", false, false), of("Acme", true, true), of(HOSTILE, true, false)]
    }
}
