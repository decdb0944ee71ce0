//! What the description of the API has beyond what the handlers say: who may call, which refusals
//! there are, what every answer carries, where a made thing is found, and an example of everything.

mod complete;
mod example;

pub(crate) use complete::{BEARER, complete};
