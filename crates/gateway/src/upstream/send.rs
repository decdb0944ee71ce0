//! The one call out: it consumes the pass, and sends at most once.

use std::sync::Arc;

use http::Method;

use super::answer::Answer;
use super::exchange::Exchange;
use super::relay::Relay;
use super::wire::{Lingering, Way};
use crate::front::body::is_stream;
use crate::gateway::Gateway;
use crate::limits::gate::Pass;
use crate::refusal::Refusal;

/// Sends a call and reads the head of its answer; a stream is read by its relay.
pub(crate) async fn send(
    gw: &Arc<Gateway>,
    pass: Pass<'_>,
    exchange: Exchange,
) -> Result<Answer, Refusal> {
    let way = match seated(gw, &pass, &exchange).await {
        Ok(way) => way,
        Err(refusal) => {
            pass.give_back().await;
            return Err(refusal);
        }
    };
    let first_byte = exchange.first_byte(gw);
    let (sender, body, out) = (Arc::clone(gw), exchange.body.clone(), way.clone());
    let sending = async move { out.send(&sender, Method::POST, body, first_byte).await };
    let sent = if exchange.outlives_client() {
        Lingering::new(gw, Box::pin(sending), first_byte, way.seat.clone()).await
    } else {
        sending.await
    };
    let response = match sent {
        Ok(response) => response,
        Err(error) => {
            tracing::info!(error = ?error, "a server could not be called");
            if !error.sent() {
                pass.give_back().await;
            }
            return Err(Refusal::Upstream(error.to_string()));
        }
    };
    let verdict = pass.verdict().clone();
    if response.status().is_success() && is_stream(response.headers()) {
        return Ok(Answer::Stream(Box::new(Relay::of_post(gw, exchange, way, response, verdict))));
    }
    Answer::read(gw, exchange, response, verdict).await
}

/// The way to the server, with a seat there for as long as the call takes.
async fn seated(gw: &Arc<Gateway>, pass: &Pass<'_>, exchange: &Exchange) -> Result<Way, Refusal> {
    let seat = pass.binding().server.health.seat()?;
    let mut way = exchange.way(gw, pass.binding()).await?;
    way.seat = Some(seat);
    Ok(way)
}
