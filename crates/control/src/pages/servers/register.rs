//! Adding a server: by its URL, or the built-in demo server by one click.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::perm::ManageServers;
use secrecy::SecretString;
use serde::Deserialize;
use store::Page;
use url::Url;

use crate::acts;
use crate::acts::servers::{AuthForm, ServerForm};
use crate::app::Settings;
use crate::extract::Form;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Problem, Section, belongs_in_form, count, done, field_errors,
    in_frame,
};
use crate::urls;

/// What the built-in demo server is called.
const DEMO: &str = "Demo shop";

#[derive(Template)]
#[template(path = "servers/new.html")]
pub(crate) struct NewServer {
    frame: Frame,
    demo: bool,
    problem: Option<Problem>,
    form: Fields,
}

struct Fields {
    name: Field,
    url: Field,
    headers: Field,
    auth: Vec<Choice>,
}

in_frame!(NewServer);

/// What the form sends; the demo button sends `demo` and nothing else.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    demo: String,
    name: String,
    url: String,
    auth: String,
    headers: String,
}

/// `GET /o/{organisation}/servers/new`.
pub(crate) async fn new(mut caller: Can<ManageServers>, news: News) -> Result<NewServer, Failure> {
    NewServer::of(&mut caller, news, &Typed::default(), None).await
}

/// `POST /o/{organisation}/servers`. The server is kept first and met then: what is wrong with it
/// is told on its own page.
pub(crate) async fn register(
    mut caller: Can<ManageServers>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let added = match typed.form(caller.app().settings()) {
        Ok(form) => acts::servers::register(&mut caller, form).await,
        Err(failure) => Err(failure),
    };
    match added {
        Ok(id) => {
            let tenant = caller.tenant();
            acts::discovery::discover(caller.app(), tenant, id).await?;
            let server = acts::servers::find(&mut caller, id).await?;
            let page = urls::item(caller.slug(), "servers", &server.slug);
            let text = match server.problem {
                None => format!("{} added. {}.", server.name, count(server.tools_count, "tool")),
                Some(_) => format!("{} added; its tools are not known yet.", server.name),
            };
            Ok(done(caller.app().settings(), &page, &text))
        }
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let page = NewServer::of(&mut caller, News::default(), &typed, Some(&refused)).await?;
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

impl Typed {
    fn form(&self, settings: &Settings) -> Result<ServerForm, Failure> {
        let (name, url) = match &settings.demo_url {
            Some(demo) if self.demo == "1" => (DEMO.to_owned(), demo.to_string()),
            _ => (self.name(), self.url.clone()),
        };
        let auth = match self.auth.as_str() {
            "headers" => Some(AuthForm::Headers { headers: headers(&self.headers)? }),
            _ => None,
        };
        Ok(ServerForm { name, slug: None, url, transport: None, auth })
    }

    /// The name, or the address's host in its stead.
    fn name(&self) -> String {
        let host = Url::parse(self.url.trim()).ok();
        let host = host.as_ref().and_then(Url::host_str).unwrap_or("Server");
        if self.name.trim().is_empty() { host.to_owned() } else { self.name.clone() }
    }
}

/// Reads `Name: value`, one a line.
pub(super) fn headers(text: &str) -> Result<BTreeMap<String, SecretString>, Failure> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(|| {
                Failure::invalid_at("/auth/headers", "write each line as `Name: value`")
            })?;
            Ok((name.trim().to_owned(), value.trim().to_owned().into()))
        })
        .collect()
}

impl NewServer {
    async fn of(
        caller: &mut Can<ManageServers>,
        news: News,
        typed: &Typed,
        refused: Option<&Failure>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Servers).await?;
        let demo = match caller.app().settings().demo_url.clone() {
            Some(demo) => !has_url(caller, demo.as_str()).await?,
            None => false,
        };
        let mut headers = Field::of(&typed.headers);
        headers.error = field_errors(refused, "/auth");
        let auth = if typed.auth.is_empty() { "none" } else { &typed.auth };
        let shown: Vec<&str> = refused
            .map(Failure::fields)
            .unwrap_or_default()
            .iter()
            .map(|error| error.pointer.as_str())
            .filter(|pointer| ["/name", "/url"].contains(pointer) || pointer.starts_with("/auth"))
            .collect();
        Ok(Self {
            frame,
            demo,
            problem: Problem::of(refused, &shown),
            form: Fields {
                name: Field::of(&typed.name).judged(refused, "/name"),
                url: Field::of(&typed.url).judged(refused, "/url"),
                headers,
                auth: vec![
                    Choice::of("none", "None", auth),
                    Choice::of("headers", "Headers", auth),
                ],
            },
        })
    }
}

/// Whether a server of this address is there already.
async fn has_url<P>(caller: &mut Can<P>, url: &str) -> Result<bool, Failure> {
    let servers = caller.tx().await?.list_servers(Page::first()).await?;
    Ok(servers.rows.iter().any(|server| server.url == url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::samples::{HOSTILE, Samples, frame};

    impl Samples for NewServer {
        fn samples() -> Vec<Self> {
            let of = |text: &str, demo, problem| Self {
                frame: frame(Section::Servers, text),
                demo,
                problem,
                form: Fields {
                    name: Field::of(text),
                    url: Field { value: text.to_owned(), error: text.to_owned() },
                    headers: Field { value: text.to_owned(), error: text.to_owned() },
                    auth: vec![Choice::of("none", "None", "none")],
                },
            };
            let problem = Some(Problem::new("Nothing was saved", HOSTILE));
            vec![of("", true, None), of(HOSTILE, false, problem)]
        }
    }

    #[test]
    fn headers_are_one_a_line_and_a_name_may_be_left_out() {
        let read = headers("Authorization: Bearer a:b\n\n X-Key :1").unwrap();
        assert_eq!(read.keys().collect::<Vec<_>>(), ["Authorization", "X-Key"]);
        assert!(headers("Bearer x").is_err());
        let typed = |url: &str| Typed { url: url.to_owned(), ..Typed::default() }.name();
        assert_eq!(typed("https://mcp.example.com/mcp"), "mcp.example.com");
        assert_eq!(typed("not a url"), "Server");
    }
}
