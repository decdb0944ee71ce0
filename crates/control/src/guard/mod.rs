//! Guards: the first argument of every handler. A guard says who may call, in the signature, and
//! is the only way to the data: [`Anyone`] to none of a tenant's, [`Can`] to one organisation's.
//!
//! | guard | who | credential on `/api/v1` | on pages |
//! |---|---|---|---|
//! | [`Anyone`] | the public, said aloud | none | none |
//! | [`SignedIn`] | a person, no organisation yet | access token | session cookie |
//! | [`Can<P>`] | holder of the permission `P` | API key or access token | cookie, and membership of `/o/{organisation}` |

mod anyone;
mod can;
mod principal;
mod signed_in;

use axum::extract::FromRequestParts;
use domain::Role;

pub(crate) use anyone::Address;
pub use anyone::Anyone;
pub use can::Can;
pub(crate) use principal::{Bearer, Principal, ends_at as session_ends_at};
pub use signed_in::SignedIn;

use crate::app::App;

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Nothing.
    Anyone,
    /// That it is a person who signed in.
    SignedIn,
    /// A permission in one organisation.
    Permission {
        /// Its name.
        name: &'static str,
        /// The weakest role that holds it.
        least: Role,
    },
}

/// An extractor that decides whether the request may go on. Implemented here only: the trait is
/// sealed, so that a reader who knows this folder knows every way in.
pub trait Guard: FromRequestParts<App> + sealed::Sealed {
    /// What it asks, for the route table.
    const RIGHT: Right;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Anyone {}
    impl Sealed for super::SignedIn {}
    impl<P: domain::Permission> Sealed for super::Can<P> {}
}

/// Argument lists that begin with a [`Guard`].
#[diagnostic::on_unimplemented(
    message = "the first argument of a handler is its guard",
    label = "this handler lets everyone in",
    note = "begin with `Anyone`, `SignedIn` or `Can<Permission>` of `control::guard`"
)]
pub trait Guarded {
    /// The guard they begin with.
    type Guard: Guard;
}

macro_rules! guarded {
    ($($rest:ident),*) => {
        // `Way` is axum's marker of how the last argument is read.
        impl<Way, G: Guard, $($rest),*> Guarded for (Way, G, $($rest,)*) {
            type Guard = G;
        }
    };
}
guarded!();
guarded!(A);
guarded!(A, B);
guarded!(A, B, C);
guarded!(A, B, C, D);
