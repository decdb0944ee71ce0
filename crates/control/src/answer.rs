//! What API handlers answer with.

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Deserializer, Serialize};
use store::{Page, Paged};
use uuid::Uuid;

use crate::extract::Json;
use crate::failure::Failure;

/// 201 with what was made.
pub(crate) struct Created<T>(pub(crate) T);

/// 204: done, and nothing to say.
pub(crate) struct NoContent;

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(cause) => Failure::internal(cause).into_response(),
        }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// One page of a list, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Listed<T> {
    /// The items.
    data: Vec<T>,
    /// Pass it as `cursor` to get the next page; null on the last.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

impl<T> Listed<T> {
    /// A list that has one page.
    pub(crate) const fn whole(data: Vec<T>) -> Self {
        Self { data, next_cursor: None }
    }

    /// A page of rows, each turned into its view.
    pub(crate) fn of<R>(page: Paged<R>, view: impl FnMut(R) -> T) -> Self {
        let next_cursor = page.next.map(Cursor);
        Self { data: page.rows.into_iter().map(view).collect(), next_cursor }
    }

    /// Like [`Listed::of`], where a view can fail.
    pub(crate) fn try_of<R>(
        page: Paged<R>,
        view: impl FnMut(R) -> Result<T, Failure>,
    ) -> Result<Self, Failure> {
        let next_cursor = page.next.map(Cursor);
        Ok(Self { data: page.rows.into_iter().map(view).collect::<Result<_, _>>()?, next_cursor })
    }
}

/// Which page of a list is wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most so many items: 1 to 200, 50 where nothing is said.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

impl PageQuery {
    /// The page, for the store.
    pub(crate) fn page(&self) -> Page {
        page(self.limit, self.cursor)
    }
}

/// The page of these parameters.
pub(crate) fn page(limit: Option<u32>, cursor: Option<Cursor>) -> Page {
    Page::new(limit, cursor.map(|cursor| cursor.0))
}

/// Where a page starts. Clients pass it back as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor(Uuid);

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let uuid = bytes.and_then(|bytes| Uuid::from_slice(&bytes).ok());
        uuid.map(Self).ok_or_else(|| {
            serde::de::Error::custom("pass `next_cursor` of the page before, unchanged")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_journey_and_others_are_refused() {
        let cursor = Cursor(Uuid::from_u128(7));
        let text = serde_json::to_string(&cursor).unwrap();
        assert_eq!(serde_json::from_str::<Cursor>(&text).unwrap(), cursor);
        assert!(serde_json::from_str::<Cursor>("\"x\"").is_err());
        assert!(serde_json::from_str::<Cursor>("\"\"").is_err());
    }
}
