//! A stateless client at a server with sessions. The gateway keeps a hidden session with the
//! server for each grant, and tells in the client's terms what happens in it. What the server
//! asks in the middle of a call becomes the `input_required` of the stateless era; the server's
//! stream is held until the client comes back with the answer.

mod answers;
mod conversation;
pub(crate) mod held;
pub(crate) mod hidden;
mod listen;
pub(in crate::bridge) mod request;
mod state;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method as HttpMethod, Response, StatusCode};
use mcp::method::Method;

use super::errand::Errand;
use super::retell::{self, Messages};
use crate::upstream::reading::Reading;
use crate::upstream::{Failed, Sent, wire};
use conversation::{Conversation, Told};
use hidden::Hidden;

pub(crate) use request::Request;
pub(in crate::bridge) use request::{LEVELS, META_LOG_LEVEL};

/// Runs an errand.
pub(super) async fn run(errand: Errand, request: Request) -> Sent {
    match errand.method {
        Method::ServerDiscover => discover(&errand, &request).await,
        Method::SubscriptionsListen => Box::pin(listen::open(errand, request)).await,
        _ => match request.answers() {
            Some(answers) => Box::pin(held::go_on(errand, request, answers)).await,
            None => Box::pin(call(errand, request)).await,
        },
    }
}

/// What the server said of itself when the hidden session was opened.
async fn discover(errand: &Errand, request: &Request) -> Sent {
    let session = session(errand, request).await?;
    let answer = answers::discovered(&errand.id, session.hello());
    answer.map(|answer| retell::whole(answer, StatusCode::OK)).map_err(Failed::unsent)
}

async fn session(errand: &Errand, request: &Request) -> Result<Arc<Hidden>, Failed> {
    let Errand { gw, binding, scope, .. } = errand;
    let askable = request.askable.within(binding);
    let session = gw.bridges.hidden.join(gw, binding, scope, askable).await;
    session.map_err(Failed::unsent)
}

async fn call(errand: Errand, request: Request) -> Sent {
    let mut session = session(&errand, &request).await?;
    let mut cancel = conversation::Cancel::of(&errand.gw, &session, request.number);
    let mut response = post(&errand, &session, &request.body).await;
    if response.as_ref().is_ok_and(|r| r.status() == StatusCode::NOT_FOUND) && session.has_id() {
        // The server has forgotten the session, so it has not begun the call.
        errand.gw.bridges.hidden.forget(&session).await;
        session = self::session(&errand, &request).await?;
        cancel.disarm();
        cancel = conversation::Cancel::of(&errand.gw, &session, request.number);
        response = post(&errand, &session, &request.body).await;
    }
    if response.as_ref().is_ok_and(|r| wire::may_be_forgotten(r.status())) && session.has_id() {
        // Perhaps it has, and says so in another way: the next call opens one anew.
        errand.gw.bridges.hidden.forget(&session).await;
    }
    let response = response.inspect_err(|failed| {
        if !failed.sent {
            cancel.disarm();
        }
    })?;
    let messages = Messages::of(&errand.gw, response).await.inspect_err(|_| cancel.disarm());
    let messages = messages.map_err(Failed::sent)?;
    let (server_streams, client_streams) = (messages.is_stream(), errand.accepts.stream);
    let conversation = Conversation::begin(errand, request, session, messages, cancel);
    retell::respond(Told::of(conversation), server_streams, client_streams).await
}

async fn post(
    errand: &Errand,
    session: &Hidden,
    body: &Bytes,
) -> Result<Response<Reading>, Failed> {
    let mut way = session.way();
    way.headers.extend(errand.trace.clone());
    let sent = way.send(&errand.gw, HttpMethod::POST, body.clone(), errand.first_byte).await;
    sent.map_err(Failed::from)
}
