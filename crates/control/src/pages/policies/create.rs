//! Making a policy: from a recommendation, from nothing, or from a document that is pasted.

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::ServerId;
use domain::perm::WritePolicies;
use policy::{Imported, Others};
use risk::Style;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{DocumentError, document_errors};
use crate::acts;
use crate::acts::policies::{DOCUMENT, DocumentText, PolicyForm, located};
use crate::extract::{Form, Query};
use crate::failure::Failure;
use crate::guard::Can;
use crate::hex::hex;
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
    others: Vec<Choice>,
    form: Fields,
    document_errors: Vec<DocumentError>,
    /// What a pasted document becomes, before it is saved.
    review: Option<Review>,
}

/// What a person should know before a pasted document becomes a policy.
struct Review {
    /// What it was.
    dialect: &'static str,
    notes: Vec<Line>,
    /// What it becomes.
    document: String,
    /// The fingerprint of what was reviewed; sent back, it says yes to just that.
    seen: String,
}

/// One note of the report.
struct Line {
    weight: &'static str,
    tone: &'static str,
    /// 0 for none.
    line: u32,
    what: String,
    why: String,
}

struct Fields {
    name: Field,
    server: Field,
    document: Field,
    others: Field,
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
    others: String,
    seen: String,
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
    let mut page = NewPolicy::of(&mut caller, News::default(), &typed, None).await?;
    page.review = typed.pasted()?.and_then(|imported| typed.unseen(&imported));
    Ok(page)
}

/// `POST /o/{organisation}/policies`: on to the builder. What changes in meaning of a pasted
/// document is shown first, and saved only when it comes back as it was shown.
pub(crate) async fn create(
    mut caller: Can<WritePolicies>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let pasted = typed.pasted();
    if let Ok(Some(imported)) = &pasted
        && let Some(review) = typed.unseen(imported)
    {
        let mut page = NewPolicy::of(&mut caller, News::default(), &typed, None).await?;
        page.review = Some(review);
        return Ok(page.into_response());
    }
    let form = match pasted {
        Ok(pasted) => typed.form(&mut caller, pasted).await,
        Err(failure) => Err(failure),
    };
    let made = match form {
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
    async fn form(
        &self,
        caller: &mut Can<WritePolicies>,
        pasted: Option<Imported>,
    ) -> Result<PolicyForm, Failure> {
        let server_id = match self.server.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|error| Failure::invalid_at("/server_id", error))?),
        };
        let document = match (self.style(), pasted) {
            (Some(style), _) => recommended(caller, server_id, style).await?,
            (None, Some(imported)) => imported.document.to_json(),
            (None, None) => EMPTY.to_owned(),
        };
        Ok(PolicyForm { name: self.name.clone(), server_id, document: DocumentText(document) })
    }

    /// What was pasted, if that is what to start from. Its errors name places in what was pasted.
    fn pasted(&self) -> Result<Option<Imported>, Failure> {
        if self.start != "paste" {
            return Ok(None);
        }
        let imported = policy::import(&self.document, self.others());
        imported.map(Some).map_err(|problems| Failure::invalid(located(DOCUMENT, problems)))
    }

    fn others(&self) -> Others {
        if self.others == "allow" { Others::Allow } else { Others::Inherit }
    }

    /// What has to be shown before this is saved: nothing if there is nothing to say, or if just
    /// this was shown already.
    fn unseen(&self, imported: &Imported) -> Option<Review> {
        let choice = if self.others() == Others::Allow { b"a" } else { b"i" };
        let digest = Sha256::new().chain_update(choice).chain_update(&self.document).finalize();
        let seen = hex(&digest);
        if imported.report.is_empty() || self.seen == seen {
            return None;
        }
        Some(Review {
            dialect: imported.dialect.said(),
            notes: imported.report.iter().map(Line::from).collect(),
            document: imported.document.to_json(),
            seen,
        })
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

impl From<&policy::Note> for Line {
    fn from(note: &policy::Note) -> Self {
        let tone = match note.weight {
            policy::Weight::Stricter => "amber",
            policy::Weight::Check => "blue",
            policy::Weight::Dropped => "slate",
        };
        Self {
            weight: note.weight.said(),
            tone,
            line: note.line.unwrap_or(0),
            what: note.what.clone(),
            why: note.why.clone(),
        }
    }
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
            others: vec![
                Choice::of("inherit", "Follow the default of the document", &typed.others),
                Choice::of("allow", "Allow", &typed.others),
            ],
            servers: std::iter::once(none).chain(servers.iter().map(of)).collect(),
            form: Fields {
                name: Field::of(&typed.name).judged(refused, "/name"),
                server: Field::default().judged(refused, "/server_id"),
                document: Field::of(&typed.document),
                others: Field::default(),
                start: typed.start(),
            },
            document_errors,
            review: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::samples::{HOSTILE, Samples, frame};

    impl Samples for NewPolicy {
        fn samples() -> Vec<Self> {
            let line = |text: &str, line| Line {
                weight: "Stricter",
                tone: "amber",
                line,
                what: text.to_owned(),
                why: text.to_owned(),
            };
            let of = |text: &str, errors| Self {
                frame: frame(Section::Policies, text),
                problem: Some(Problem::new("Nothing was saved", text)),
                servers: vec![Choice::of("", text, "")],
                others: vec![Choice::of("allow", text, "allow")],
                form: Fields {
                    name: Field { value: text.to_owned(), error: text.to_owned() },
                    server: Field { value: String::new(), error: text.to_owned() },
                    document: Field::of(text),
                    others: Field::default(),
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
                review: (errors != 1).then(|| Review {
                    dialect: "an Intercept policy",
                    notes: (0..errors).map(|n| line(text, n)).collect(),
                    document: text.to_owned(),
                    seen: text.to_owned(),
                }),
            };
            vec![of("", 0), of("Shop", 1), of(HOSTILE, 20)]
        }
    }

    #[test]
    fn a_pasted_document_keeps_the_places_of_its_errors() {
        let pasted = |text: &str| {
            let typed = Typed { start: "paste".into(), document: text.into(), ..Typed::default() };
            typed.pasted().map(|imported| imported.unwrap().document.to_json())
        };
        let published = r#"{"version":"1","default":"deny","tools":{"a":{}}}"#;
        assert!(pasted(published).unwrap().contains("\"a\""));
        assert!(pasted(r#"{"a":{}}"#).unwrap().contains("\"deny\""));
        let refused = pasted("{\n \"version\": \"1\",\n \"defualt\": \"deny\"\n}").unwrap_err();
        let errors = document_errors(Some(&refused));
        let misspelt = errors.iter().find(|error| error.line == 3).unwrap();
        assert!(misspelt.detail.contains("defualt"), "{}", misspelt.detail);
    }
    #[test]
    fn what_was_shown_is_saved_and_nothing_else() {
        let of = |others: &str, seen: &str| Typed {
            start: "paste".into(),
            document: "version: 1\ntools:\n  a:\n    rules: [{rate_limit: 5/hour}]\n".into(),
            others: others.into(),
            seen: seen.into(),
            ..Typed::default()
        };
        let unseen = |typed: Typed| typed.unseen(&typed.pasted().unwrap().unwrap());
        let review = unseen(of("", "")).unwrap();
        assert!(review.document.contains("a_rate") && !review.notes.is_empty());
        assert!(unseen(of("", &review.seen)).is_none());
        assert!(unseen(of("allow", &review.seen)).is_some());
        let changed = Typed {
            document: "version: 1\ntools: {b: {rules: [{rate_limit: 9/day}]}}".into(),
            ..of("", &review.seen)
        };
        assert!(unseen(changed).is_some());
    }
}
