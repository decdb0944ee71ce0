//! The whole admin audit log.

use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::perm::SeeAudit;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use store::audit::{EventFilter, LoggedEvent};
use uuid::Uuid;

use super::view::changes;
use crate::export::{self, Format, Piece, Pieces, add_cells, add_line, maybe};
use crate::extract::Query;
use crate::failure::Failure;
use crate::guard::Can;

/// Which changes are wanted, and in which form.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `ndjson`, where nothing is said, or `csv`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "ndjson")]
    format: Format,
    /// By this person or key: an id, or `system`.
    actor: Option<String>,
    /// Of this kind, such as `grant.created`, or this group of kinds, such as `grant`.
    kind: Option<String>,
    /// About this: an id.
    subject: Option<String>,
    /// Not before.
    since: Option<DateTime<Utc>>,
    /// Before.
    until: Option<DateTime<Utc>>,
}

const HEAD: &str = "seq,id,time,actor,credential,address,kind,subject,detail,changes,digest";

/// `GET /api/v1/audit-events/export`: every change, oldest first, streamed. Each line of NDJSON has
/// its place in the hash chain; `drawbridge audit verify` checks a whole export.
#[utoipa::path(get, path = "/api/v1/audit-events/export", tag = "audit", params(ExportQuery),
    responses((status = 200, content(
        (String = "application/x-ndjson"), (String = "text/csv")))))]
pub(crate) async fn export(
    caller: Can<SeeAudit>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Failure> {
    let ExportQuery { format, actor, kind, subject, since, until } = query;
    let filter = EventFilter { actor, kind, subject, since, until };
    answer(&caller, filter, format).await
}

/// The download, which the page gives too.
pub(crate) async fn answer(
    caller: &Can<SeeAudit>,
    filter: EventFilter,
    format: Format,
) -> Result<Response, Failure> {
    let pieces = Pieces::new(caller.app().clone(), caller.tenant(), filter, format);
    pieces.answer("audit-events", HEAD, read).await
}

fn read(pieces: &Pieces<EventFilter>, after: (i64, Uuid)) -> BoxFuture<'_, Result<Piece, Failure>> {
    Box::pin(async move {
        let mut tx = pieces.app.store().tenant(pieces.tenant).await?;
        let rows = tx.export_events(&pieces.filter, after, export::PIECE).await?;
        let last = rows.last().map(|row| (row.seq.unwrap_or(0), row.id.as_uuid()));
        let mut text = String::new();
        for row in &rows {
            match pieces.format {
                Format::Ndjson => {
                    let place = (row.seq, row.previous.as_deref(), row.digest.as_deref());
                    add_line(&mut text, entry(row)?, place)?;
                }
                Format::Csv => add_cells(&mut text, &cells(row)?),
            }
        }
        Ok(Piece { text, last, rows: rows.len() })
    })
}

/// The row as its digest covers it; for one without, what there is.
fn entry(row: &LoggedEvent) -> Result<String, Failure> {
    if let Some(entry) = &row.entry {
        return Ok(entry.clone());
    }
    export::json(&json!({
        "id": row.id, "time": row.at, "actor": row.actor, "kind": row.kind,
        "subject": row.subject, "detail": row.detail,
    }))
}

fn cells(row: &LoggedEvent) -> Result<[String; 11], Failure> {
    Ok([
        maybe(row.seq),
        row.id.to_string(),
        row.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        row.actor.clone(),
        row.credential.clone(),
        maybe(row.address.as_ref()),
        row.kind.clone(),
        row.subject.clone(),
        row.detail.to_string(),
        export::json(&changes(row))?,
        maybe(row.digest.as_deref().map(domain::chain::hex)),
    ])
}
