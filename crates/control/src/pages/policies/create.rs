//! Making a policy: from a recommendation, from nothing, or from a document that is pasted.

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::ServerId;
use domain::perm::WritePolicies;
use risk::Style;
use serde::Deserialize;

use super::{DocumentError, document_errors};
use crate::acts;
use crate::acts::policies::{DocumentText, PolicyForm};
use crate::extract::{Form, Query};
use crate::failure::{Failure, FieldError};
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Problem, Section, belongs_in_form, count, done, in_frame,
};
use crate::urls;

/// The document that denies everything.
const EMPTY: &str = r#"{"version":"1","default":"deny"}"#;

#[derive(Template)]
#[template(path = "policies/new.html")]
pub(crate) struct NewPolicy {
    frame: Frame,
    problem: Option<Problem>,
    servers: Vec<Choice>,
    form: Fields,
    document_errors: Vec<DocumentError>,
}

struct Fields {
    name: Field,
    server: Field,
    document: Field,
    start: Start,
}

/// What the form starts from; one is true.
#[expect(clippy::struct_excessive_bools, reason = "one a radio button, as the template asks")]
#[derive(Default)]
struct Start {
    balanced: bool,
    strict: bool,
    observe: bool,
    empty: bool,
    paste: bool,
}

in_frame!(NewPolicy);

/// What links to the form fill in beforehand.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    server: Option<ServerId>,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    name: String,
    server: String,
    start: String,
    document: String,
}

/// `GET /o/{organisation}/policies/new`.
pub(crate) async fn new(
    mut caller: Can<WritePolicies>,
    news: News,
    Query(wanted): Query<Wanted>,
) -> Result<NewPolicy, Failure> {
    let mut typed = Typed::default();
    if let Some(id) = wanted.server {
        let server = acts::servers::find(&mut caller, id).await?;
        typed.name = format!("{} policy", server.name);
        typed.server = id.to_string();
    }
    NewPolicy::of(&mut caller, news, &typed, None).await
}

/// `POST /o/{organisation}/policies/new`: the form filled in by another page, as with a document that
/// was learned. Nothing is saved.
pub(crate) async fn filled(
    mut caller: Can<WritePolicies>,
    Form(typed): Form<Typed>,
) -> Result<NewPolicy, Failure> {
    NewPolicy::of(&mut caller, News::default(), &typed, None).await
}

/// `POST /o/{organisation}/policies`: on to the builder.
pub(crate) async fn create(
    mut caller: Can<WritePolicies>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let made = match typed.form(&mut caller).await {
        Ok(form) => acts::policies::create(&mut caller, form).await,
        Err(failure) => Err(failure),
    };
    match made {
        Ok((id, warnings)) => {
            let text = match warnings.len() {
                0 => "Policy created.".to_owned(),
                n => format!(
                    "Policy created, with {}.",
                    count(i128::try_from(n).unwrap_or(0), "warning")
                ),
            };
            Ok(done(caller.app().settings(), &urls::item(caller.slug(), "policies", id), &text))
        }
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let page = NewPolicy::of(&mut caller, News::default(), &typed, Some(&refused)).await?;
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

impl Typed {
    async fn form(&self, caller: &mut Can<WritePolicies>) -> Result<PolicyForm, Failure> {
        let server_id = match self.server.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|error| Failure::invalid_at("/server_id", error))?),
        };
        let document = match self.style() {
            Some(style) => recommended(caller, server_id, style).await?,
            None if self.start == "paste" => imported(&self.document)?,
            None => EMPTY.to_owned(),
        };
        Ok(PolicyForm { name: self.name.clone(), server_id, document: DocumentText(document) })
    }

    /// The style of the recommendation to start from, if it is to be one.
    fn style(&self) -> Option<Style> {
        match self.start.as_str() {
            "balanced" => Some(Style::Balanced),
            "strict" => Some(Style::Strict),
            "observe" => Some(Style::Observe),
            _ => None,
        }
    }

    fn start(&self) -> Start {
        let start = Start::default();
        match self.start.as_str() {
            "strict" => Start { strict: true, ..start },
            "observe" => Start { observe: true, ..start },
            "empty" => Start { empty: true, ..start },
            "paste" => Start { paste: true, ..start },
            _ => Start { balanced: true, ..start },
        }
    }
}

async fn recommended(
    caller: &mut Can<WritePolicies>,
    server: Option<ServerId>,
    style: Style,
) -> Result<String, Failure> {
    let server = server.ok_or_else(|| {
        let detail = "choose the server: the recommendation goes by its tools";
        Failure::invalid_at("/server_id", detail)
    })?;
    Ok(acts::policies::recommend(caller, server, style).await?.to_string())
}

/// A pasted document, or a bare set of rules. Its errors name places in what was pasted.
fn imported(text: &str) -> Result<String, Failure> {
    let read = policy::parse_import(text);
    read.map(|document| document.to_json()).map_err(|problems| {
        let error = |problem: policy::Problem| {
            let pointer = format!("/document{}", problem.pointer);
            let mut error = FieldError::new(pointer, problem.detail);
            (error.line, error.column) = (Some(problem.line), Some(problem.column));
            error
        };
        Failure::invalid(problems.into_iter().map(error).collect())
    })
}

impl NewPolicy {
    async fn of(
        caller: &mut Can<WritePolicies>,
        news: News,
        typed: &Typed,
        refused: Option<&Failure>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Policies).await?;
        let servers = caller.tx().await?.list_server_names().await?;
        let none = Choice::of("", "No server in particular", &typed.server);
        let of =
            |s: &store::servers::ServerName| Choice::of(s.id.to_string(), &s.name, &typed.server);
        let document_errors = document_errors(refused);
        let problem = if document_errors.is_empty() {
            Problem::of(refused, &["/name", "/server_id"])
        } else {
            let n = i128::try_from(document_errors.len()).unwrap_or(0);
            let detail = format!("The document has {}, listed below it.", count(n, "error"));
            Some(Problem::new("Nothing was saved", detail))
        };
        Ok(Self {
            frame,
            problem,
            servers: std::iter::once(none).chain(servers.iter().map(of)).collect(),
            form: Fields {
                name: Field::of(&typed.name).judged(refused, "/name"),
                server: Field::default().judged(refused, "/server_id"),
                document: Field::of(&typed.document),
                start: typed.start(),
            },
            document_errors,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::samples::{HOSTILE, Samples, frame};

    impl Samples for NewPolicy {
        fn samples() -> Vec<Self> {
            let of = |text: &str, errors| Self {
                frame: frame(Section::Policies, text),
                problem: Some(Problem::new("Nothing was saved", text)),
                servers: vec![Choice::of("", text, "")],
                form: Fields {
                    name: Field { value: text.to_owned(), error: text.to_owned() },
                    server: Field { value: String::new(), error: text.to_owned() },
                    document: Field::of(text),
                    start: Start { paste: true, ..Start::default() },
                },
                document_errors: (0..errors)
                    .map(|n| DocumentError {
                        line: n,
                        column: 1,
                        pointer: text.to_owned(),
                        detail: text.to_owned(),
                    })
                    .collect(),
            };
            vec![of("", 0), of("Shop", 1), of(HOSTILE, 20)]
        }
    }

    #[test]
    fn a_pasted_document_keeps_the_places_of_its_errors() {
        let published = r#"{"version":"1","default":"deny","tools":{"a":{}}}"#;
        assert!(imported(published).unwrap().contains("\"a\""));
        assert!(imported(r#"{"a":{}}"#).unwrap().contains("\"deny\""));
        let refused = imported("{\n \"version\": \"1\",\n \"defualt\": \"deny\"\n}").unwrap_err();
        let errors = document_errors(Some(&refused));
        let misspelt = errors.iter().find(|error| error.line == 3).unwrap();
        assert!(misspelt.detail.contains("defualt"), "{}", misspelt.detail);
    }
}
