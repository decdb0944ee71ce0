//! Documents over the whole language, servers and calls that meet them. Every made document is
//! valid.

mod documents;
mod rules;
mod servers;
mod values;

pub(crate) use documents::document;
pub(crate) use rules::addition;
pub(crate) use servers::{Known, Who, arguments, prompt_name, tool_name, tools, uri, who};

use super::dice::Dice;
use super::tree::Tree;
