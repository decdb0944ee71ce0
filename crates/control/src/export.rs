//! Exports: whole logs, streamed piece by piece, as NDJSON (with the chain's digests, which
//! `drawbridge audit verify` reads) or CSV.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use domain::chain::{Line, hex};
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::Tenant;
use uuid::Uuid;

use crate::app::App;
use crate::failure::Failure;

/// Rows read at a time.
pub(crate) const PIECE: i64 = 500;

/// The form of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// A JSON object a line.
    #[default]
    Ndjson,
    /// Comma-separated values, with a head.
    Csv,
}

/// A log that is read in pieces, each in a transaction of its own.
pub(crate) struct Pieces<F> {
    pub(crate) app: App,
    pub(crate) tenant: Tenant,
    pub(crate) filter: F,
    pub(crate) format: Format,
    /// The last row that was given: its number and id.
    after: (i64, Uuid),
    is_over: bool,
}

/// What a log gives at a time: text, where it ends, and how many rows it has.
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) last: Option<(i64, Uuid)>,
    pub(crate) rows: usize,
}

/// Reads the piece after a row.
pub(crate) type Read<F> =
    for<'a> fn(&'a Pieces<F>, (i64, Uuid)) -> BoxFuture<'a, Result<Piece, Failure>>;

impl<F: Send + Sync + 'static> Pieces<F> {
    pub(crate) const fn new(app: App, tenant: Tenant, filter: F, format: Format) -> Self {
        Self { app, tenant, filter, format, after: (-1, Uuid::nil()), is_over: false }
    }

    /// The answer: a download called `name`. What fails at once is a failure; later, the body
    /// breaks off, so that nobody takes a part for the whole.
    pub(crate) async fn answer(
        mut self,
        name: &str,
        head: &str,
        read: Read<F>,
    ) -> Result<Response, Failure> {
        let first = self.next(read).await?;
        let (media_type, ending, begin) = match self.format {
            Format::Ndjson => ("application/x-ndjson", "ndjson", String::new()),
            Format::Csv => ("text/csv; charset=utf-8", "csv", format!("{head}\r\n")),
        };
        let first = Bytes::from(begin + &first.unwrap_or_default());
        let rest = stream::try_unfold(self, move |mut pieces| async move {
            match pieces.next(read).await {
                Ok(text) => Ok(text.map(|text| (Bytes::from(text), pieces))),
                Err(failure) => {
                    tracing::warn!(?failure, "an export broke off");
                    Err(std::io::Error::other("the export broke off"))
                }
            }
        });
        let whole = futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest);
        let headers = [
            (CONTENT_TYPE, media_type.to_owned()),
            (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{ending}\"")),
        ];
        Ok((headers, Body::from_stream(whole)).into_response())
    }

    async fn next(&mut self, read: Read<F>) -> Result<Option<String>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        let piece = read(self, self.after).await?;
        self.is_over = i64::try_from(piece.rows).unwrap_or(0) < PIECE;
        self.after = piece.last.unwrap_or(self.after);
        Ok((piece.rows > 0).then_some(piece.text))
    }
}

/// Adds a line of NDJSON: the row `entry`, with its place in the chain.
pub(crate) fn add_line(
    text: &mut String,
    entry: String,
    place: (Option<i64>, Option<&[u8]>, Option<&[u8]>),
) -> Result<(), Failure> {
    let (seq, previous, digest) = place;
    let line = Line {
        seq: seq.map(i64::unsigned_abs),
        previous: previous.map(hex),
        digest: digest.map(hex),
        entry: RawValue::from_string(entry).map_err(Failure::internal)?,
    };
    text.push_str(&json(&line)?);
    text.push('\n');
    Ok(())
}

/// A value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::internal)
}

/// Adds a line of CSV.
pub(crate) fn add_cells(text: &mut String, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// A cell (RFC 4180). What a spreadsheet would take for a formula has an apostrophe before it: the
/// text comes from strangers.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = format!("{}{cell}", if formula { "'" } else { "" });
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

/// The text of something that may be absent.
pub(crate) fn maybe(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_and_never_a_formula() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(quoted("@x"), "'@x");
        assert_eq!(quoted("-1"), "'-1");
    }
}
