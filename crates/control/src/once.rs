//! `Idempotency-Key`: a POST of the API that is sent again within a day is answered again, and not
//! done again. In one layer, so that no handler can forget it.
//!
//! The key belongs to the credential. The same key with another request is 422; while the first is
//! under way, 409. A refusal is not kept: nothing was done, so the request may be mended and sent
//! again. A client that hangs up does not end what it asked for: it will ask for the answer.
//! Sign-in has no credential yet, and takes no keys.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::AttemptId;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Tenant;
use store::idempotency::{Claim, Claimed};

use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::guard::Principal;
use crate::layers::BODY_LIMIT;
use crate::surface::Surface;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is an earlier one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Most bytes of an answer that is kept.
const ANSWER_LIMIT: usize = 4 << 20;
/// How long a request may take whose client has gone; less than its key is held for.
const DEADLINE: Duration = Duration::from_secs(45);

/// The layer.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_ours = *request.method() == Method::POST
        && Surface::of(request.uri().path()) == Surface::Api
        && !request.uri().path().starts_with("/api/v1/auth/")
        && request.headers().contains_key(KEY);
    if !is_ours {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    // Who is refused is refused by the guard, in its words.
    let Ok(principal) = Principal::of(&mut parts, &app).await else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    match Once::claim(app, principal, &parts, body).await {
        Ok(Found::New(once, body)) => once.run(parts, body, next).await,
        Ok(Found::Answered(answer)) => answer.into_response(),
        Err(failure) => failure.into_response(),
    }
}

/// An attempt under a key.
struct Once {
    app: App,
    principal: Principal,
    attempt: AttemptId,
}

enum Found {
    New(Once, Bytes),
    Answered(Answer),
}

/// An answer, as it is kept.
#[derive(Serialize, Deserialize)]
struct Answer {
    status: u16,
    media_type: String,
    tag: Option<String>,
    body: String,
}

impl Once {
    async fn claim(
        app: App,
        principal: Principal,
        parts: &Parts,
        body: Body,
    ) -> Result<Found, Failure> {
        let key = key(parts)?;
        let body = to_bytes(body, BODY_LIMIT).await.map_err(|cause| {
            Failure::new(Kind::TooLarge, "The body may have at most 1 MiB. Nothing was saved.")
                .because(cause)
        })?;
        let tenant = principal.tenant();
        let credential = principal.actor.to_string();
        let request = digest(parts, &body);
        let mut tx = app.store().tenant(tenant).await?;
        let claim = Claim { credential: &credential, key, request };
        let attempt = AttemptId::fresh(app.now());
        let claimed = tx.claim_idempotency(&claim, attempt, app.now()).await?;
        tx.commit_unaudited("a key is claimed; the change writes its own row").await?;
        match claimed {
            Claimed::Yes(attempt) => Ok(Found::New(Self { app, principal, attempt }, body)),
            Claimed::Answered { attempt, sealed } => {
                let plain = app.keyring().open(&sealed, &owner(tenant, attempt));
                let plain = plain.map_err(Failure::internal)?;
                serde_json::from_slice(&plain).map(Found::Answered).map_err(Failure::internal)
            }
            Claimed::Busy => Err(Failure::new(
                Kind::Conflict,
                "A request with this Idempotency-Key is under way. Ask again in a moment.",
            )
            .retry_after(1)),
            Claimed::Lost => Err(Failure::new(
                Kind::Conflict,
                "This was done, but its answer was lost. Look at what there is, and send what is \
                 still missing under a new Idempotency-Key.",
            )),
            Claimed::AnotherRequest => Err(Failure::new(
                Kind::Invalid,
                "This Idempotency-Key came with another request before. Use a new key for each \
                 request.",
            )),
        }
    }

    async fn run(self, mut parts: Parts, body: Bytes, next: Next) -> Response {
        parts.extensions.insert(self.principal.clone().in_attempt(self.attempt));
        let request = Request::from_parts(parts, Body::from(body));
        let span = tracing::Span::current();
        let work = async move {
            let done = tokio::time::timeout(DEADLINE, next.run(request)).await;
            let response = done.unwrap_or_else(|_elapsed| {
                Failure::new(Kind::TimedOut, "There was no answer in time.").into_response()
            });
            self.end(response).await
        };
        #[expect(clippy::disallowed_methods, reason = "it ends by its deadline, whoever hangs up")]
        let ended = tokio::spawn(tracing::Instrument::instrument(work, span)).await;
        ended.unwrap_or_else(|cause| Failure::internal(cause).into_response())
    }

    /// Keeps a good answer; otherwise the key is free again, unless something was done.
    async fn end(self, response: Response) -> Response {
        if !response.status().is_success() {
            self.note(None).await;
            return response;
        }
        let (parts, body) = response.into_parts();
        let Ok(body) = to_bytes(body, ANSWER_LIMIT).await else {
            return Failure::internal("an answer is too large to be kept").into_response();
        };
        if let Some(answer) = Answer::of(parts.status, &parts.headers, &body) {
            self.note(Some(&answer)).await;
        }
        Response::from_parts(parts, Body::from(body))
    }

    async fn note(&self, answer: Option<&Answer>) {
        if let Err(failure) = self.try_note(answer).await {
            // The request is answered all the same; its key is held until it is over.
            tracing::warn!(?failure, "what came of an idempotency key is not kept");
        }
    }

    async fn try_note(&self, answer: Option<&Answer>) -> Result<(), Failure> {
        let tenant = self.principal.tenant();
        let mut tx = self.app.store().tenant(tenant).await?;
        match answer {
            None => tx.release_idempotency(self.attempt).await?,
            Some(answer) => {
                let plain = serde_json::to_vec(answer).map_err(Failure::internal)?;
                let sealed = self.app.keyring().seal(&plain, &owner(tenant, self.attempt));
                tx.answer_idempotency(self.attempt, &sealed.map_err(Failure::internal)?).await?;
            }
        }
        Ok(tx.commit_unaudited("what was answered; the change wrote its own row").await?)
    }
}

impl Answer {
    /// None for what is no text: nothing of the API.
    fn of(status: StatusCode, headers: &http::HeaderMap, body: &Bytes) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        Some(Self {
            status: status.as_u16(),
            media_type: text(CONTENT_TYPE).unwrap_or_default(),
            tag: text(ETAG),
            body: String::from_utf8(body.to_vec()).ok()?,
        })
    }

    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = (status, self.body.clone()).into_response();
        let headers = response.headers_mut();
        headers.remove(CONTENT_TYPE);
        for (name, text) in [(CONTENT_TYPE, Some(self.media_type)), (ETAG, self.tag)] {
            let value = text.filter(|t| !t.is_empty()).and_then(|t| HeaderValue::try_from(t).ok());
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
}

fn key(parts: &Parts) -> Result<&str, Failure> {
    let mut values = parts.headers.get_all(KEY).iter();
    let (value, more) = (values.next(), values.next());
    let text = value.and_then(|value| value.to_str().ok()).map(str::trim);
    let fine = text.filter(|text| (1..=255).contains(&text.len()) && more.is_none());
    fine.ok_or_else(|| {
        Failure::new(
            Kind::Malformed,
            "Send one Idempotency-Key of 1 to 255 printable characters, such as a UUID.",
        )
    })
}

fn digest(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let target = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    let mut hash = Sha256::new();
    hash.update(format!("{} {target}\n", parts.method));
    hash.update(body);
    hash.finalize().into()
}

/// What a kept answer is sealed for.
fn owner(tenant: Tenant, attempt: AttemptId) -> Vec<u8> {
    format!("idempotency/{}/{attempt}", tenant.organisation).into_bytes()
}
