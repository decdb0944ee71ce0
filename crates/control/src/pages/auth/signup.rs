//! `/signup`: an account, an organisation, a session.

use askama::Template;
use axum::response::{IntoResponse, Response};

use super::welcome;
use crate::acts;
use crate::acts::accounts::SignUpForm;
use crate::app::SignupMode;
use crate::extract::Form;
use crate::failure::Failure;
use crate::guard::Anyone;
use crate::pages::parts::{Field, Problem, belongs_in_form, in_public};
use crate::urls;

#[derive(Template)]
#[template(path = "auth/signup.html")]
pub(crate) struct SignUp {
    form: SignUpFields,
    problem: Option<Problem>,
}

pub(crate) struct SignUpFields {
    name: Field,
    email: Field,
    password: Field,
    organisation: Field,
}

in_public!(SignUp);

/// `GET /signup`.
pub(crate) async fn form(caller: Anyone) -> SignUp {
    let problem = match caller.app().settings().signup {
        SignupMode::Open => None,
        SignupMode::Invite | SignupMode::Closed => Some(Problem::new(
            "Sign-up is not open here",
            "Accounts are made by whoever runs this Drawbridge. Ask them, or a colleague who is in.",
        )),
    };
    SignUp { problem, ..SignUp::again("", "", "", None) }
}

/// `POST /signup`.
pub(crate) async fn signup(
    caller: Anyone,
    Form(typed): Form<SignUpForm>,
) -> Result<Response, Failure> {
    let (name, email) = (typed.name.clone(), typed.email.clone());
    let organisation = typed.organisation.clone();
    match acts::accounts::sign_up(&caller, typed).await {
        Ok(account) => {
            let overview = urls::overview(&account.organisation.slug);
            welcome(&caller, account.user.id, &overview).await
        }
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let page = SignUp::again(&name, &email, &organisation, Some(&refused));
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

impl SignUp {
    fn again(name: &str, email: &str, organisation: &str, refused: Option<&Failure>) -> Self {
        Self {
            form: SignUpFields {
                name: Field::of(name).judged(refused, "/name"),
                email: Field::of(email).judged(refused, "/email"),
                password: Field::default().judged(refused, "/password"),
                organisation: Field::of(organisation).judged(refused, "/organisation"),
            },
            problem: Problem::of(refused, &["/name", "/email", "/password", "/organisation"]),
        }
    }
}

#[cfg(test)]
impl crate::pages::samples::Samples for SignUp {
    fn samples() -> Vec<Self> {
        use crate::pages::samples::HOSTILE;
        let refused =
            Failure::invalid_at("/email", HOSTILE).at("/password", "use more").at("/x", "y");
        vec![Self::again("", "", "", None), Self::again(HOSTILE, HOSTILE, HOSTILE, Some(&refused))]
    }
}
