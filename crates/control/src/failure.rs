//! The one error edge. A [`Failure`] has a kind (which gives the status), a text for people, field
//! errors, and a cause for us. Handlers return it; [`edge`] turns it into problem+json (RFC 9457)
//! on the API and a page elsewhere, and logs the cause once, under an incident number.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use store::Conflict;

use crate::app::App;
use crate::layers::RequestId;
use crate::pages::error::ErrorPage;
use crate::surface::Surface;
use crate::{session, urls};

/// Why a request was not done.
#[derive(Debug)]
pub struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    text: Cow<'static, str>,
    fields: Vec<FieldError>,
    retry_after_secs: Option<u64>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// One thing wrong with one part of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where, as a JSON Pointer into the body; empty for the whole of it.
    #[schema(example = "/url")]
    pub pointer: String,
    /// What is wrong and what would be right, in a sentence.
    pub detail: String,
    /// Line of a policy document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column of a policy document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

impl FieldError {
    /// An error at `pointer`.
    #[expect(clippy::needless_pass_by_value, reason = "texts and errors alike, made in the call")]
    pub fn new(pointer: impl Into<String>, detail: impl ToString) -> Self {
        Self { pointer: pointer.into(), detail: detail.to_string(), line: None, column: None }
    }
}

/// The kinds of failure, with the status, the last part of `type`, and the title of each.
///
/// | kind | status | when |
/// |---|---|---|
/// | `Malformed` | 400 | the body cannot be read at all |
/// | `BadClient` | 400 | an MCP client that wants to log in is not what it should be |
/// | `Unauthenticated` | 401 | no credential, or one that is not good (any more) |
/// | `Forbidden` | 403 | the caller may know of it, but its role is too low |
/// | `WrongAddress` | 403 | the key may not be used from this address |
/// | `CrossSite` | 403 | a browser sent it from another site |
/// | `NotFound` | 404 | not there, or another tenant's |
/// | `MethodNotAllowed` | 405 | the path is there, the method is not |
/// | `TimedOut` | 408 | it took too long |
/// | `Conflict` | 409 | it would clash with what is there |
/// | `Stale` | 412 | somebody saved a newer version meanwhile |
/// | `TooLarge` | 413 | the body is over its limit |
/// | `UnsupportedMedia` | 415 | the body is of another media type |
/// | `Misdirected` | 421 | asked for under a name that is not ours |
/// | `Invalid` | 422 | the input is readable and wrong; `errors` says where, all at once |
/// | `TooMany` | 429 | too many attempts; `Retry-After` says when |
/// | `Internal` | 500 | our fault; the incident number finds the cause in the log |
/// | `Unavailable` | 503 | something that we need does not answer |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table above has them all")]
pub enum Kind {
    Malformed,
    BadClient,
    Unauthenticated,
    Forbidden,
    WrongAddress,
    CrossSite,
    NotFound,
    MethodNotAllowed,
    TimedOut,
    Conflict,
    Stale,
    TooLarge,
    UnsupportedMedia,
    Misdirected,
    Invalid,
    TooMany,
    Internal,
    Unavailable,
}

impl Kind {
    const fn table(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "The request cannot be read"),
            Self::BadClient => {
                (StatusCode::BAD_REQUEST, "bad-client", "This client cannot be connected")
            }
            Self::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, "unauthenticated", "You are not signed in")
            }
            Self::Forbidden => {
                (StatusCode::FORBIDDEN, "forbidden", "Your role does not allow this")
            }
            Self::WrongAddress => (StatusCode::FORBIDDEN, "wrong-address", "Not from this address"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "cross-site", "Sent from another site"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is nothing here"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Not with this method")
            }
            Self::TimedOut => (StatusCode::REQUEST_TIMEOUT, "timed-out", "This took too long"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "This clashes with what is there"),
            Self::Stale => {
                (StatusCode::PRECONDITION_FAILED, "stale", "Somebody else saved meanwhile")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::UnsupportedMedia => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media", "Wrong media type")
            }
            Self::Misdirected => {
                (StatusCode::MISDIRECTED_REQUEST, "misdirected", "Not served under this name")
            }
            Self::Invalid => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Some of the input is not right")
            }
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many attempts"),
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed on our side")
            }
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available at the moment")
            }
        }
    }

    /// A body with this failure, as an example.
    pub(crate) fn example(self) -> Value {
        let (status, slug, title) = self.table();
        let mut example = json!({
            "type": format!("urn:drawbridge:problem:{slug}"),
            "title": title,
            "status": status.as_u16(),
            "detail": "What happened, why, and what to do, in a sentence.",
            "request_id": "req_0f1e2d3c4b5a69788796a5b4",
        });
        let errors = json!([{ "pointer": "/name", "detail": "this is required" }]);
        if let Some(fields) = example.as_object_mut().filter(|_| self == Self::Invalid) {
            fields.insert("errors".to_owned(), errors);
        }
        example
    }

    /// The HTTP status of this kind.
    pub const fn status(self) -> StatusCode {
        self.table().0
    }

    /// This kind, for people.
    pub const fn title(self) -> &'static str {
        self.table().2
    }
}

/// Makes failures; each says what happened, why, and what to do.
impl Failure {
    /// A failure of this kind with a sentence for people.
    pub fn new(kind: Kind, text: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            text: text.into(),
            fields: Vec::new(),
            retry_after_secs: None,
            cause: None,
        }))
    }

    /// No credential, or not a good one.
    pub fn unauthenticated() -> Self {
        Self::new(
            Kind::Unauthenticated,
            "Send `Authorization: Bearer` with an API key (dbk_…) or an access token that has not \
             expired.",
        )
    }

    /// It is not there, or not the caller's to know of.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "It does not exist, or it is not in your organisation.")
    }

    /// Wrong input, every error at once. Nothing was saved.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let text = match fields.as_slice() {
            [only] => format!("{} Nothing was saved.", sentence(&only.detail)),
            many => format!("{} things are not right; `errors` has them all.", many.len()),
        };
        let mut failure = Self::new(Kind::Invalid, text);
        failure.0.fields = fields;
        failure
    }

    /// Wrong input at one place.
    pub fn invalid_at(pointer: &'static str, detail: impl ToString) -> Self {
        Self::invalid(vec![FieldError::new(pointer, detail)])
    }

    /// Something failed that should not; `cause` goes to the log only.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, "It is recorded. Try again; if it stays, tell your operator.")
            .because(cause)
    }

    /// Too many attempts.
    pub fn too_many(retry_after_secs: u64) -> Self {
        let text = format!("Too many attempts. Try again in {retry_after_secs} s.");
        Self::new(Kind::TooMany, text).retry_after(retry_after_secs)
    }

    /// With the seconds after which it may be tried again.
    #[must_use]
    pub fn retry_after(mut self, secs: u64) -> Self {
        self.0.retry_after_secs = Some(secs);
        self
    }

    /// With an error at `pointer`, shown beside the field.
    #[must_use]
    pub fn at(mut self, pointer: &'static str, detail: impl ToString) -> Self {
        self.0.fields.push(FieldError::new(pointer, detail));
        self
    }

    /// With its cause, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Its sentence.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Its field errors. A form page that has some shows itself again instead of failing.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// The sentence beside the field of this pointer.
    pub fn field(&self, pointer: &str) -> Option<&str> {
        self.0.fields.iter().find(|f| f.pointer == pointer).map(|f| f.detail.as_str())
    }
}

/// `text` with a capital and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let dot = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{dot}", chars.as_str())
}

/// An error and all that caused it, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        error.conflict().map_or_else(|| Self::internal(error), Self::from)
    }
}

/// Where a conflict shows in the forms of this crate.
impl From<Conflict> for Failure {
    fn from(conflict: Conflict) -> Self {
        let text = format!("{} Nothing was saved.", sentence(&conflict.to_string()));
        let taken = |pointer| Self::new(Kind::Conflict, text.clone()).at(pointer, conflict);
        match conflict {
            Conflict::EmailTaken => taken("/email"),
            Conflict::OrganisationSlugTaken => taken("/organisation"),
            Conflict::ServerSlugTaken => taken("/slug"),
            Conflict::PolicyNameTaken | Conflict::PolicyTestNameTaken => taken("/name"),
            Conflict::GrantLabelTaken => taken("/label"),
            Conflict::PolicyInUse => Self::new(
                Kind::Conflict,
                "The policy is attached to a grant. Detach it first, then remove it.",
            ),
            Conflict::UnknownServer => Self::invalid_at("/server_id", conflict),
            Conflict::UnknownPolicy => Self::invalid_at("/policy_id", conflict),
            Conflict::Stale => Self::new(
                Kind::Stale,
                "A newer version was saved meanwhile. Read it, then save again.",
            ),
        }
    }
}

/// What a person reads whose session ended while a form was open.
const SESSION_ENDED: &str = "Your session has ended. Log in again in another tab, come back, and \
                             send the form once more: what you typed is still in it.";

/// The body of a failure on the API.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Problem {
    /// The kind, as a URN.
    #[serde(rename = "type")]
    #[schema(example = "urn:drawbridge:problem:invalid")]
    kind: String,
    /// The kind, for people.
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What happened, why, what to do.
    detail: String,
    /// Names this request in the log.
    request_id: String,
    /// What is wrong with the input, all at once.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: Vec<FieldError>,
}

/// A failure on its way to [`edge`], in the extensions of an empty answer.
#[derive(Clone)]
struct Carried(Arc<Failure>);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.kind().status().into_response();
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }
}

/// The layer that renders failures, whichever handler, extractor or inner layer made them.
pub(crate) async fn edge(
    State(app): State<App>,
    request_id: RequestId,
    request: Request,
    next: Next,
) -> Response {
    let asked = Asked {
        surface: Surface::of(request.uri().path()),
        reads: matches!(*request.method(), Method::GET | Method::HEAD),
        target: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
        signed_in: session::presented(app.settings(), request.headers()).is_some(),
        request_id,
    };
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Carried>() {
        Some(Carried(failure)) => {
            let kept = std::mem::take(response.headers_mut());
            asked.answer(&failure, &kept, &app)
        }
        None => response,
    }
}

/// Headers that a failure keeps: a method that is not allowed says which are, a signed-out cookie
/// stays removed, and what is left of a limit is always said.
const KEPT: [HeaderName; 4] = [
    ALLOW,
    SET_COOKIE,
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
];

/// A failure as OAuth has them: a word for the program, a sentence for its person.
fn oauth(failure: &Failure) -> Response {
    let (status, word) = match failure.kind() {
        Kind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        Kind::TooMany => (StatusCode::TOO_MANY_REQUESTS, "slow_down"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        Kind::TimedOut | Kind::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
        }
        Kind::Invalid => (StatusCode::BAD_REQUEST, "invalid_request"),
        kind => (kind.status(), "invalid_request"),
    };
    let body = serde_json::json!({ "error": word, "error_description": failure.text() });
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// What the edge must know of the request that failed.
struct Asked {
    surface: Surface,
    reads: bool,
    target: String,
    signed_in: bool,
    request_id: RequestId,
}

impl Asked {
    fn answer(&self, failure: &Failure, kept: &HeaderMap, app: &App) -> Response {
        self.log(failure);
        let mut response = match self.surface {
            Surface::Api => self.problem(failure),
            Surface::Page => self.page(failure),
            Surface::OAuth => oauth(failure),
        };
        for (name, value) in kept {
            if KEPT.contains(name) {
                response.headers_mut().append(name, value.clone());
            }
        }
        if let Some(secs) = failure.0.retry_after_secs {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        if failure.kind() == Kind::Unauthenticated && self.surface == Surface::Api {
            let scheme = format!("Bearer realm=\"{}\"", app.settings().public_url.authority());
            if let Ok(value) = HeaderValue::from_str(&scheme) {
                response.headers_mut().insert(WWW_AUTHENTICATE, value);
            }
        }
        response
    }

    fn log(&self, failure: &Failure) {
        let Some(cause) = &failure.0.cause else { return };
        let cause = chain(&**cause);
        if failure.kind() == Kind::Internal {
            tracing::error!(incident = %self.request_id, %cause, "a request failed");
        } else {
            tracing::info!(incident = %self.request_id, %cause, kind = ?failure.kind(), "a request was refused");
        }
    }

    fn problem(&self, failure: &Failure) -> Response {
        let (status, slug, title) = failure.kind().table();
        let problem = Problem {
            kind: format!("urn:drawbridge:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: failure.text().to_owned(),
            request_id: self.request_id.to_string(),
            errors: failure.fields().to_vec(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response()
    }

    fn page(&self, failure: &Failure) -> Response {
        let (status, _, title) = failure.kind().table();
        let signed_out = failure.kind() == Kind::Unauthenticated;
        if signed_out && self.reads {
            return Redirect::to(&urls::login(Some(&self.target))).into_response();
        }
        let detail = if signed_out { SESSION_ENDED } else { failure.text() };
        let incident = if failure.kind() == Kind::Internal { self.request_id.as_str() } else { "" };
        let (next_href, next_label) = match (signed_out, self.signed_in) {
            (true, _) => ("/login", "Log in"),
            (false, true) => ("/o", "Open the dashboard"),
            (false, false) => ("/", "Go to the start page"),
        };
        let signed_in = self.signed_in && !signed_out;
        let page = ErrorPage { signed_in, title, detail, incident, next_href, next_label };
        let html = page.render().unwrap_or_else(|_unwritable| title.to_owned());
        (status, axum::response::Html(html)).into_response()
    }
}
