//! Calls: the audit of what agents asked for.

mod arguments;
mod list;
mod show;

pub(crate) use list::list;
pub(crate) use show::show;

#[cfg(test)]
pub(super) use list::CallList;
#[cfg(test)]
pub(super) use show::CallPage;

use std::collections::HashMap;

use domain::{CallRecord, ServerId};
use store::servers::ServerName;

use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::CallRow;

/// The rows of these calls, with the names of their servers.
pub(super) async fn rows<P>(
    caller: &mut Can<P>,
    calls: &[CallRecord],
) -> Result<Vec<CallRow>, Failure> {
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    let servers = caller.tx().await?.list_server_names().await?;
    let names: HashMap<ServerId, &str> =
        servers.iter().map(|ServerName { id, name, .. }| (*id, name.as_str())).collect();
    let (slug, now) = (caller.slug(), caller.now());
    let name = |call: &CallRecord| call.server.and_then(|id| names.get(&id).copied());
    Ok(calls.iter().map(|call| CallRow::of(call, name(call).unwrap_or(""), slug, now)).collect())
}
