//! The frame of a page inside an organisation, and how page structs become answers.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use domain::Permission;
use domain::perm::ManageKeys;

use super::news::{self, Flash, News};
use crate::failure::Failure;
use crate::guard::Can;
use crate::urls;

/// What stands around a page of an organisation: navigation, person, news.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) organisation: String,
    pub(crate) base: String,
    pub(crate) section: &'static str,
    pub(crate) person: String,
    pub(crate) is_admin: bool,
    pub(crate) flash: Option<Flash>,
}

/// The entry of the navigation that a page belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Section {
    Overview,
    Servers,
    Policies,
    Grants,
    Calls,
    Settings,
}

impl Section {
    pub(in crate::pages) const fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Servers => "servers",
            Self::Policies => "policies",
            Self::Grants => "grants",
            Self::Calls => "calls",
            Self::Settings => "settings",
        }
    }
}

impl Frame {
    /// The frame for this caller. It comes first in a page: it ends whatever transaction was open
    /// (an act that failed leaves one that answers nothing any more).
    pub(crate) async fn of<P: Permission>(
        caller: &mut Can<P>,
        news: News,
        section: Section,
    ) -> Result<Self, Failure> {
        caller.close();
        let person = match caller.user() {
            Some(id) => caller.app().store().find_user(id).await?.map(|user| user.email),
            None => None,
        };
        Ok(Self {
            organisation: caller.tx().await?.organisation().await?.name,
            base: urls::organisation(caller.slug(), ""),
            section: section.name(),
            person: person.unwrap_or_default(),
            is_admin: caller.may::<ManageKeys>(),
            flash: news.0,
        })
    }
}

/// An answer with this page.
pub(crate) fn page(page: &impl Template, flash: Option<&Flash>) -> Response {
    match page.render() {
        Ok(html) => {
            let mut response = Html(html).into_response();
            if flash.is_some() {
                news::shown(&mut response);
            }
            response
        }
        Err(cause) => Failure::internal(cause).into_response(),
    }
}

/// Lets handlers answer with these pages, which have a `frame`.
macro_rules! in_frame {
    ($($page:ty),*) => {$(
        impl axum::response::IntoResponse for $page {
            fn into_response(self) -> axum::response::Response {
                $crate::pages::parts::page(&self, self.frame.flash.as_ref())
            }
        }
    )*};
}
pub(crate) use in_frame;

/// Lets handlers answer with these pages, which stand outside of any organisation.
macro_rules! in_public {
    ($($page:ty),*) => {$(
        impl axum::response::IntoResponse for $page {
            fn into_response(self) -> axum::response::Response {
                $crate::pages::parts::page(&self, None)
            }
        }
    )*};
}
pub(crate) use in_public;
