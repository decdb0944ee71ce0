//! Reads the form that a page sends.

use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::{json, spelling};
use crate::failure::{Failure, FieldError, Kind};

/// An urlencoded form. `Form<Vec<(String, String)>>` takes all its fields as they come.
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Failure::new(Kind::UnsupportedMedia, "Send this as a form."));
        }
        let body = json::read(request, state).await?;
        let pairs = url::form_urlencoded::parse(&body);
        // No row has a NUL in it, and Postgres cannot be given one.
        if let Some((name, _)) = pairs.clone().find(|(_, value)| value.contains('\0')) {
            let odd =
                FieldError::new(format!("/{name}"), "this holds a character that no text has");
            return Err(Failure::invalid(vec![odd]));
        }
        let reader = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(reader).map(Self).map_err(|error| {
            let path = error.path().iter().map(ToString::to_string).filter(|p| p != "?").collect();
            Failure::invalid(vec![spelling::explain(path, &error.inner().to_string())])
        })
    }
}
