//! The whole audit of calls.

use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::chain::CallEntry;
use domain::perm::View;
use domain::{GrantId, Outcome, ServerId};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use store::calls::{CallFilter, ChainedCall};
use uuid::Uuid;

use crate::export::{self, Format, Piece, Pieces, add_cells, add_line, maybe};
use crate::extract::Query;
use crate::failure::Failure;
use crate::guard::Can;

/// Which calls are wanted, and in which form.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `ndjson`, where nothing is said, or `csv`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "ndjson")]
    format: Format,
    /// On this server.
    #[param(value_type = Option<String>)]
    server: Option<ServerId>,
    /// By this grant.
    #[param(value_type = Option<String>)]
    grant: Option<GrantId>,
    /// Of this tool, prompt or resource.
    tool: Option<String>,
    /// With this outcome.
    #[param(value_type = Option<String>)]
    outcome: Option<Outcome>,
    /// Not before.
    since: Option<DateTime<Utc>>,
    /// Before.
    until: Option<DateTime<Utc>>,
    /// Whose tool, grant, rule, message or method contains this.
    q: Option<String>,
}

const HEAD: &str = "seq,id,time,server,grant,grant_label,method,tool,outcome,rule,message,policy,\
                    policy_version,http,jsonrpc,is_error,us_total,request_bytes,response_bytes,\
                    argument_keys,client,session,request_id,digest";

/// `GET /api/v1/calls/export`: every recorded call, oldest first, streamed. Each line of NDJSON
/// has its place in the hash chain; `drawbridge audit verify` checks a whole export.
#[utoipa::path(get, path = "/api/v1/calls/export", tag = "calls", params(ExportQuery),
    responses((status = 200, content(
        (String = "application/x-ndjson"), (String = "text/csv")))))]
pub(crate) async fn export(
    caller: Can<View>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Failure> {
    let filter = CallFilter {
        server: query.server,
        grant: query.grant,
        target: query.tool,
        outcome: query.outcome,
        since: query.since,
        until: query.until,
        text: query.q,
    };
    let pieces = Pieces::new(caller.app().clone(), caller.tenant(), filter, query.format);
    pieces.answer("calls", HEAD, read).await
}

fn read(pieces: &Pieces<CallFilter>, after: (i64, Uuid)) -> BoxFuture<'_, Result<Piece, Failure>> {
    Box::pin(async move {
        let mut tx = pieces.app.store().tenant(pieces.tenant).await?;
        let rows = tx.export_calls(&pieces.filter, after, export::PIECE).await?;
        let last = rows.last().map(|row| (row.seq.unwrap_or(0), row.call.id.as_uuid()));
        let mut text = String::new();
        for row in &rows {
            match pieces.format {
                Format::Ndjson => {
                    let entry = export::json(&CallEntry::from(&row.call))?;
                    let place = (row.seq, row.previous.as_deref(), row.digest.as_deref());
                    add_line(&mut text, entry, place)?;
                }
                Format::Csv => add_cells(&mut text, &cells(row)),
            }
        }
        Ok(Piece { text, last, rows: rows.len() })
    })
}

fn cells(row: &ChainedCall) -> [String; 24] {
    let call = &row.call;
    [
        maybe(row.seq),
        call.id.to_string(),
        call.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        maybe(call.server),
        call.grant.to_string(),
        call.grant_label.clone(),
        call.method.clone(),
        maybe(call.target.as_ref()),
        call.outcome.to_string(),
        call.rule.clone(),
        call.message.clone(),
        maybe(call.policy.map(|(id, _)| id)),
        maybe(call.policy.map(|(_, version)| version)),
        call.status.http.to_string(),
        maybe(call.status.jsonrpc),
        maybe(call.status.is_error),
        call.us.total.to_string(),
        call.request_bytes.to_string(),
        call.response_bytes.to_string(),
        call.argument_keys.join(" "),
        maybe(call.client.as_ref()),
        maybe(call.session.as_ref()),
        call.request_id.clone(),
        maybe(row.digest.as_deref().map(domain::chain::hex)),
    ]
}
