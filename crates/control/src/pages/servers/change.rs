//! Changing a server: its name, its address, its credentials.

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::perm::ManageServers;
use serde::Deserialize;
use store::servers::Server;

use super::named;
use super::register::headers;
use crate::acts;
use crate::acts::servers::{AuthForm, ServerPatch};
use crate::extract::{Form, Path};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Problem, Section, belongs_in_form, done, field_errors, in_frame,
};
use crate::urls;

#[derive(Template)]
#[template(path = "servers/edit.html")]
pub(crate) struct EditServer {
    frame: Frame,
    server: About,
    problem: Option<Problem>,
    form: Fields,
}

struct About {
    url: String,
    name: String,
    credentials: String,
}

struct Fields {
    name: Field,
    url: Field,
    headers: Field,
    auth: Vec<Choice>,
}

in_frame!(EditServer);

/// What the form sends; `auth` is `keep`, `none` or `headers`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    name: String,
    url: String,
    auth: String,
    headers: String,
}

/// `GET /o/{organisation}/servers/{server}/edit`.
pub(crate) async fn edit(
    mut caller: Can<ManageServers>,
    news: News,
    Path(slug): Path<String>,
) -> Result<EditServer, Failure> {
    EditServer::of(&mut caller, news, &slug, None).await
}

/// `POST /o/{organisation}/servers/{server}`.
pub(crate) async fn change(
    mut caller: Can<ManageServers>,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let server = named(&mut caller, &slug).await?;
    let changed = match typed.patch(&server) {
        Ok(patch) => acts::servers::change(&mut caller, server.id, patch).await,
        Err(failure) => Err(failure),
    };
    match changed {
        Ok(must_read) => {
            if must_read {
                acts::discovery::discover(caller.app(), caller.tenant(), server.id).await?;
            }
            let page = urls::item(caller.slug(), "servers", &slug);
            Ok(done(caller.app().settings(), &page, "Server changed."))
        }
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let again = Some((&typed, &refused));
            let page = EditServer::of(&mut caller, News::default(), &slug, again).await?;
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

impl Typed {
    /// Only what differs: an address that stays keeps its credentials, and is not read again.
    fn patch(&self, server: &Server) -> Result<ServerPatch, Failure> {
        Ok(ServerPatch {
            name: Some(self.name.clone()),
            url: (self.url.trim() != server.url).then(|| self.url.clone()),
            transport: None,
            auth: match self.auth.as_str() {
                "none" => Some(AuthForm::None),
                "headers" => Some(AuthForm::Headers { headers: headers(&self.headers)? }),
                _ => None,
            },
        })
    }
}

impl EditServer {
    async fn of(
        caller: &mut Can<ManageServers>,
        news: News,
        slug: &str,
        again: Option<(&Typed, &Failure)>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Servers).await?;
        let server = named(caller, slug).await?;
        let (typed, refused) = again.unzip();
        let or = |field: fn(&Typed) -> &String, now: &str| {
            Field::of(typed.map_or_else(|| now.to_owned(), |typed| field(typed).clone()))
        };
        let auth = typed.map_or("keep", |typed| typed.auth.as_str());
        let mut headers = or(|typed| &typed.headers, "");
        headers.error = field_errors(refused, "/auth");
        Ok(Self {
            frame,
            problem: Problem::of(refused, &["/name", "/url", "/auth/headers"]),
            form: Fields {
                name: or(|typed| &typed.name, &server.name).judged(refused, "/name"),
                url: or(|typed| &typed.url, &server.url).judged(refused, "/url"),
                headers,
                auth: vec![
                    Choice::of("keep", "As they are", auth),
                    Choice::of("none", "None", auth),
                    Choice::of("headers", "Headers", auth),
                ],
            },
            server: About {
                url: urls::item(caller.slug(), "servers", slug),
                credentials: match server.auth_header_names.as_slice() {
                    [] => "None now.".to_owned(),
                    names => format!("Now: {}.", names.join(", ")),
                },
                name: server.name,
            },
        })
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for EditServer {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::{HOSTILE, frame};
        let of = |text: &str| Self {
            frame: frame(Section::Servers, text),
            server: About {
                url: "/o/acme/servers/shop".to_owned(),
                name: text.to_owned(),
                credentials: text.to_owned(),
            },
            problem: Some(Problem::new("Nothing was saved", text)),
            form: Fields {
                name: Field { value: text.to_owned(), error: text.to_owned() },
                url: Field { value: text.to_owned(), error: text.to_owned() },
                headers: Field { value: text.to_owned(), error: text.to_owned() },
                auth: vec![Choice::of("keep", "As they are", "keep")],
            },
        };
        vec![of("Shop"), of(HOSTILE)]
    }
}
