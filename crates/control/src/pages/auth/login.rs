//! `/login`: a session for a person, who then goes on to where they wanted to be.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use super::welcome;
use crate::acts;
use crate::acts::accounts::SignInForm;
use crate::extract::{Form, Query};
use crate::failure::{Failure, Kind};
use crate::guard::Anyone;
use crate::pages::parts::{Field, Problem, belongs_in_form, in_public};
use crate::pages::visitor::Visitor;
use crate::urls;

#[derive(Template)]
#[template(path = "auth/login.html")]
pub(crate) struct LogIn {
    form: LogInFields,
    next: String,
    problem: Option<Problem>,
}

pub(crate) struct LogInFields {
    email: Field,
    password: Field,
}

in_public!(LogIn);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    next: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Typed {
    email: String,
    password: SecretString,
    #[serde(default)]
    next: Option<String>,
}

/// `GET /login?next=`: who has a session and wants nothing in particular goes to their overview.
pub(crate) async fn form(_: Anyone, visitor: Visitor, Query(wanted): Query<Wanted>) -> Response {
    if visitor.signed_in && wanted.next.is_none() {
        return Redirect::to("/o").into_response();
    }
    LogIn::again("", wanted.next.as_deref(), None).into_response()
}

/// `POST /login`.
pub(crate) async fn login(caller: Anyone, Form(typed): Form<Typed>) -> Result<Response, Failure> {
    let Typed { email, password, next } = typed;
    match acts::accounts::sign_in(&caller, SignInForm { email: email.clone(), password }).await {
        Ok(user) => welcome(&caller, user.id, &urls::after_login(next.as_deref())).await,
        Err(failure) => {
            let wrong = failure.kind() == Kind::Unauthenticated;
            let refused = if wrong { failure } else { belongs_in_form(failure)? };
            let page = LogIn::again(&email, next.as_deref(), Some(&refused));
            // Not 401: that names a scheme which a form does not have.
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

impl LogIn {
    fn again(email: &str, next: Option<&str>, refused: Option<&Failure>) -> Self {
        let problem = refused
            .map(|_| Problem::new("You are not logged in", "Check the address and the password."));
        Self {
            form: LogInFields {
                email: Field::of(email).judged(refused, "/email"),
                password: Field::default().judged(refused, "/password"),
            },
            next: next.map(|next| urls::after_login(Some(next))).unwrap_or_default(),
            problem,
        }
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for LogIn {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::HOSTILE;
        let refused = Failure::invalid_at("/password", HOSTILE);
        vec![
            Self::again("", None, None),
            Self::again(HOSTILE, Some("/o/x?a=\"<b>"), Some(&refused)),
        ]
    }
}
