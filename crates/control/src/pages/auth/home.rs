//! `/o`: to a person's organisation.

use axum::response::Redirect;

use crate::failure::{Failure, Kind};
use crate::guard::SignedIn;
use crate::urls;

/// `GET /o`: on to the overview of the first organisation of this person.
pub(crate) async fn home(caller: SignedIn) -> Result<Redirect, Failure> {
    let memberships = caller.app().store().memberships(caller.user().id).await?;
    let first = memberships.first().ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            "You belong to no organisation any more. Ask a colleague to invite you to theirs.",
        )
    })?;
    Ok(Redirect::to(&urls::overview(&first.slug)))
}
