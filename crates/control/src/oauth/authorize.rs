//! Where a client sends its person to.

use axum::extract::RawQuery;
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderValue;
use http::header::HeaderName;

use super::request::{Asked, Unasked};
use crate::failure::Failure;
use crate::guard::Anyone;
use crate::urls;

/// `GET /authorize`: what can be told without a person is told at once; the rest is put to them in
/// the organisation of the resource, after they signed in. Whether there is such an organisation
/// is not looked at here.
pub(crate) async fn authorize(
    caller: Anyone,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let asked = Asked::read(caller.app(), caller.address(), &query).await;
    match asked {
        Ok(asked) => {
            let consent = urls::consent(&asked.resource.organisation, &query);
            let mut response = Redirect::to(&consent).into_response();
            // A client that opened this in a window of its own may go on knowing it.
            let opener = HeaderName::from_static("cross-origin-opener-policy");
            response.headers_mut().insert(opener, HeaderValue::from_static("unsafe-none"));
            Ok(response)
        }
        Err(Unasked::SentBack(url)) => Ok(Redirect::to(&url).into_response()),
        Err(Unasked::Stopped(failure)) => Err(failure),
    }
}
