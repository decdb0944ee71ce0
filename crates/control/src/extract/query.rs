//! Reads the query of a URL.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;
use url::form_urlencoded::Parse;

use super::spelling;
use crate::failure::{Failure, FieldError};

/// The query of a URL. Unknown or unreadable parameters are 422: a filter that was misspelt must
/// not answer with everything.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        // An empty parameter (`?tool=`) is one that was left blank in a form.
        let text = parts.uri.query().unwrap_or_default();
        if let Some((name, _)) = pairs_of(text).find(|(_, value)| value.contains('\0')) {
            return Err(Failure::invalid(vec![FieldError::new(
                format!("/{name}"),
                "this holds a character that no text has",
            )]));
        }
        let given = pairs_of(text).filter(|(_, v)| !v.is_empty());
        let given =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
        let pairs = pairs_of(&given);
        let reader = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(reader).map(Self).map_err(|error| {
            let path = error.path().iter().map(ToString::to_string).filter(|p| p != "?").collect();
            Failure::invalid(vec![spelling::explain(path, &error.inner().to_string())])
        })
    }
}

fn pairs_of(text: &str) -> Parse<'_> {
    url::form_urlencoded::parse(text.as_bytes())
}
