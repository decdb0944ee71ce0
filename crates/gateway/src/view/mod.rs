//! What is in memory of an organisation while its calls are judged: an immutable view, compiled
//! from one snapshot, replaced as a whole.

mod compile;
mod names;
mod organisation;
mod refresh;
mod views;

pub(crate) use organisation::{BindingView, GrantView, OrganisationView, ServerView, Standing};
pub use views::Views;
pub(crate) use views::{Bounds, Live, NoView};
