//! `/logout`: ends the session of this browser.

use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use http::header::SET_COOKIE;

use crate::failure::Failure;
use crate::guard::Anyone;
use crate::session;

/// `POST /logout`. A session that has ended already is as good as ended now.
pub(crate) async fn logout(caller: Anyone, headers: HeaderMap) -> Result<Response, Failure> {
    let app = caller.app();
    if let Some(digest) = session::presented(app.settings(), &headers)
        && let Some(session) = app.store().find_browser_session(digest, app.now()).await?
    {
        app.store().end_session(session.id).await?;
    }
    let mut response = Redirect::to("/").into_response();
    response.headers_mut().append(SET_COOKIE, session::end(app.settings()));
    Ok(response)
}
