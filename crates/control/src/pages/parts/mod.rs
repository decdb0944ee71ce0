//! What pages are made of: display-ready values, one file a part, as in `templates/parts`.

mod calls;
mod chart;
mod diff;
mod field;
mod frame;
mod news;
mod pager;
mod time;
mod words;

pub(crate) use calls::{CallRow, outcome_label, sentence_of};
pub(crate) use chart::{Chart, Series};
pub(crate) use diff::{Piece, diff};
pub(crate) use field::{Choice, Field, Problem, belongs_in_form, field_errors};
pub(crate) use frame::{Frame, Section, in_frame, in_public, page};
#[cfg(test)]
pub(crate) use news::Flash;
pub(crate) use news::{News, done};
pub(crate) use pager::{Pager, Pages};
pub(crate) use time::{Time, date, end_of_day};
pub(crate) use words::{bytes, count, micros, short, thousands};

#[cfg(test)]
pub(crate) use chart::tests::chart;
