//! The two files that browsers and crawlers ask for by name.

use axum::response::{IntoResponse, Redirect, Response};
use http::header::CONTENT_TYPE;

use crate::guard::Anyone;
use crate::urls;

/// `GET /favicon.svg` and `/favicon.ico`, which browsers ask for by themselves.
pub(crate) async fn favicon(_: Anyone) -> Redirect {
    Redirect::to(&urls::asset("favicon.svg"))
}

/// `GET /robots.txt`: the public pages may be indexed; what needs a session is no use to anyone.
pub(crate) async fn robots(_: Anyone) -> Response {
    const TEXT: &str = "User-agent: *\nDisallow: /o/\nDisallow: /api/\nDisallow: /t/\n";
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], TEXT).into_response()
}
