//! Reads the placeholders of a path. Text that is no id of the right kind is an address where
//! nothing is: 404.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use domain::{ApiKeyId, CallId, ConnectionId, DeliveryId, GrantId, PolicyId, ServerId, WebhookId};
use http::request::Parts;

use crate::failure::Failure;

/// The placeholders of a path, in order, but for `{organisation}`, which belongs to the guard.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: Placeholders, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_not_utf8| Failure::not_found())?;
        // No row has a NUL in it, and Postgres cannot be asked for one.
        if params.iter().any(|(_, value)| value.contains('\0')) {
            return Err(Failure::not_found());
        }
        let mut values = params.iter().filter(|(name, _)| *name != "organisation").map(|(_, v)| v);
        T::read(&mut values).map(Self).ok_or_else(Failure::not_found)
    }
}

/// What a path can hold: one placeholder, or several in a tuple.
pub(crate) trait Placeholders: Sized {
    /// Reads them in order.
    fn read<'a>(values: &mut impl Iterator<Item = &'a str>) -> Option<Self>;
}

/// What one placeholder can be.
trait Placeholder: FromStr {}

macro_rules! placeholders {
    ($($kind:ty),*) => {$(impl Placeholder for $kind {})*};
}
placeholders!(
    ServerId,
    PolicyId,
    GrantId,
    ConnectionId,
    ApiKeyId,
    CallId,
    WebhookId,
    DeliveryId,
    String,
    i32
);

impl<A: Placeholder> Placeholders for A {
    fn read<'a>(values: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        values.next()?.parse().ok()
    }
}

impl<A: Placeholder, B: Placeholder> Placeholders for (A, B) {
    fn read<'a>(values: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        Some((A::read(values)?, B::read(values)?))
    }
}
