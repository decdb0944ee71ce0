//! The one call out: it consumes the pass, and sends at most once.

use std::sync::Arc;

use http::{HeaderMap, Method, Response};

use super::answer::{Answer, client_headers};
use super::exchange::Exchange;
use super::reading::Reading;
use super::relay::Relay;
use super::wire::{Lingering, Unanswered, Way};
use crate::front::body::is_stream;
use crate::gateway::Gateway;
use crate::limits::gate::Pass;
use crate::refusal::Refusal;

/// What a call came to on its way to the server.
pub(crate) type Sent = Result<Response<Reading>, Failed>;

/// A call without an answer.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) refusal: Refusal,
    /// Whether the server may have begun it.
    pub(crate) sent: bool,
}

impl Failed {
    /// The server has seen nothing of the call.
    pub(crate) fn unsent(refusal: Refusal) -> Self {
        Self { refusal, sent: false }
    }

    /// The server may have acted on the call.
    pub(crate) fn sent(refusal: Refusal) -> Self {
        Self { refusal, sent: true }
    }
}

impl From<Unanswered> for Failed {
    fn from(error: Unanswered) -> Self {
        tracing::info!(error = ?error, "a server could not be called");
        Self { refusal: Refusal::Upstream(error.to_string()), sent: error.sent() }
    }
}

/// Sends a call and reads the head of its answer; a stream is read by its relay.
pub(crate) async fn send(
    gw: &Arc<Gateway>,
    pass: Pass<'_>,
    mut exchange: Exchange,
) -> Result<Answer, Refusal> {
    let (way, response) = match go(gw, &pass, &mut exchange).await {
        Ok(answered) => answered,
        Err(failed) => {
            if !failed.sent {
                pass.give_back().await;
            }
            return Err(failed.refusal);
        }
    };
    let verdict = pass.verdict().clone();
    if response.status().is_success() && is_stream(response.headers()) {
        let headers = client_headers(gw, &exchange, response.headers())?;
        let relay = Relay::of_post(gw, exchange, (way, headers), response, verdict);
        return Ok(Answer::Stream(Box::new(relay)));
    }
    Answer::read(gw, exchange, response, verdict).await
}

/// Straight to the server, or over a bridge to one of the other era; with a seat there for as
/// long as the call takes.
async fn go(
    gw: &Arc<Gateway>,
    pass: &Pass<'_>,
    exchange: &mut Exchange,
) -> Result<(Way, Response<Reading>), Failed> {
    let seat = pass.binding().server.health.seat().map_err(Failed::unsent)?;
    let (outlives, deadline) = (exchange.outlives_client(), exchange.first_byte(gw));
    if let Some(errand) = exchange.errand.take() {
        let mut way = Way::with(pass.binding(), HeaderMap::new());
        way.seat = Some(seat.clone());
        let sending = Box::pin(errand.run());
        let answer = if outlives {
            Lingering::new(gw, sending, deadline, Some(seat)).await
        } else {
            sending.await
        };
        return Ok((way, answer?));
    }
    let mut way = exchange.way(gw, pass.binding()).await.map_err(Failed::unsent)?;
    way.seat = Some(seat);
    let (sender, body, out) = (Arc::clone(gw), exchange.body.clone(), way.clone());
    let sending = async move { Ok(out.send(&sender, Method::POST, body, deadline).await?) };
    let answer = if outlives {
        Lingering::new(gw, Box::pin(sending), deadline, way.seat.clone()).await
    } else {
        sending.await
    };
    Ok((way, answer?))
}
