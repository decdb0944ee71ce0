//! Reads the query of a URL.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::spelling;
use crate::failure::Failure;

/// The query of a URL. Unknown or unreadable parameters are 422: a filter that was misspelt must
/// not answer with everything.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        // An empty parameter (`?tool=`) is one that was left blank in a form.
        let text = parts.uri.query().unwrap_or_default();
        let given = url::form_urlencoded::parse(text.as_bytes()).filter(|(_, v)| !v.is_empty());
        let given =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
        let pairs = url::form_urlencoded::parse(given.as_bytes());
        let reader = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(reader).map(Self).map_err(|error| {
            let path = error.path().iter().map(ToString::to_string).filter(|p| p != "?").collect();
            Failure::invalid(vec![spelling::explain(path, &error.inner().to_string())])
        })
    }
}
