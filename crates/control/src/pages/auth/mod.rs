//! Accounts in the browser: sign up, log in, log out.

mod home;
mod login;
mod logout;
mod signup;

pub(crate) use home::home;
pub(crate) use login::{form as login_form, login};
pub(crate) use logout::logout;
pub(crate) use signup::{form as signup_form, signup};

#[cfg(test)]
pub(super) use login::LogIn;
#[cfg(test)]
pub(super) use signup::SignUp;

use axum::response::{IntoResponse, Redirect, Response};
use domain::UserId;
use http::header::SET_COOKIE;

use crate::acts;
use crate::failure::Failure;
use crate::guard::Anyone;
use crate::session;

/// Starts a session for `user` and sends them on to `to`.
async fn welcome(caller: &Anyone, user: UserId, to: &str) -> Result<Response, Failure> {
    let token = acts::accounts::start_session(caller, user).await?;
    let mut response = Redirect::to(to).into_response();
    response.headers_mut().append(SET_COOKIE, session::start(caller.app().settings(), &token));
    Ok(response)
}
