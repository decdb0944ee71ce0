//! The life of one call, top to bottom. A refusal in any phase is the answer; the trail records
//! the call either way.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use mcp::era;
use mcp::message::{self, MessageKind};

use crate::call::Call;
use crate::front::body as front;
use crate::gateway::Gateway;
use crate::identify::{Caller, Place};
use crate::inbound::Inbound;
use crate::limits::gate::Counted;
use crate::permit;
use crate::refusal::{Asked, Refusal};
use crate::session::joined::Joined;
use crate::target::Target;
use crate::trail::{Phase, Trail};
use crate::upstream::{self, Answer, Exchange};
use crate::{notes, tenant};

/// One POST of a known caller: one answer, and at most one record.
pub(crate) async fn handle(
    gw: &Arc<Gateway>,
    request: &Inbound,
    body: Body,
    caller: &Caller,
    mut trail: Trail,
) -> Response {
    let mut asked = Asked::unread();
    match run(gw, request, body, caller, &mut trail, &mut asked).await {
        Ok(answer) => answer.finish(trail),
        Err(refusal) => refusal.answer(&asked, &mut trail),
    }
}

async fn run(
    gw: &Arc<Gateway>,
    request: &Inbound,
    body: Body,
    caller: &Caller,
    trail: &mut Trail,
    asked: &mut Asked,
) -> Result<Answer, Refusal> {
    // What: bytes to one message with one reading.
    let accepts = front::check_post(&request.headers)?;
    let bytes = front::read(&request.headers, body, &gw.settings).await?;
    trail.request_bytes(bytes.len());
    let message = message::parse(&bytes).map_err(Refusal::Malformed)?;
    trail.call(&message.method_name(), message.subject().as_deref());
    let dialect = era::classify(&message, &request.headers).map_err(Refusal::Malformed)?;
    let mut call = Call::new(&message, dialect, request.at);
    *asked = call.asked();
    if message.kind() != MessageKind::Request {
        trail.discard();
    }
    let session = Joined::of(gw, caller, &call, &request.headers).await?;
    if message.kind() != MessageKind::Request {
        let passed = notes::pass_on(gw, caller, &call, &session, &bytes, &request.headers);
        return Box::pin(passed).await;
    }
    call.join(&session, caller.holder());
    call.note(trail);
    if caller.view.settings.audit_values {
        trail.argument_values(gw, &message)?;
    }
    let traced = trail.trace(gw, &message, &request.headers);
    trail.phase(Phase::Auth);
    let post = Post {
        gw,
        caller,
        call: &call,
        session: &session,
        bytes: &bytes,
        accepts,
        headers: traced.as_ref().unwrap_or(&request.headers),
    };
    match &caller.place {
        Place::Tenant if tenant::answers(call.method()) => {
            trail.forwarding()?;
            Box::pin(tenant::answer(&post, trail)).await
        }
        Place::Tenant | Place::Server(_) => post.forward(Target::of(&post).await?, trail).await,
    }
}

/// A request that was read: everything that judging and sending it needs.
#[derive(Clone, Copy)]
pub(crate) struct Post<'p> {
    pub(crate) gw: &'p Arc<Gateway>,
    pub(crate) caller: &'p Caller,
    pub(crate) call: &'p Call<'p>,
    pub(crate) session: &'p Joined,
    pub(crate) bytes: &'p bytes::Bytes,
    pub(crate) accepts: front::Accepts,
    pub(crate) headers: &'p http::HeaderMap,
}

impl Post<'_> {
    /// To one server: may it, is there room, the one call out.
    pub(crate) async fn forward(
        &self,
        mut target: Target,
        trail: &mut Trail,
    ) -> Result<Answer, Refusal> {
        trail.target(&target.binding);
        target.note(self, trail);
        target.check(self)?;
        let permit = permit::authorize(&target.grant, &target.binding, self.call, &target.subject)?;
        target.check_mirrors(self)?;
        trail.phase(Phase::Policy);
        let pass = self.gw.gate.reserve(permit, Counted::of(self)).await?;
        trail.phase(Phase::Limits);
        if let Err(refusal) = trail.forwarding() {
            pass.give_back().await;
            return Err(refusal);
        }
        let exchange = Exchange::new(self, &target);
        let sending = upstream::send(self.gw, pass, exchange);
        let answer = self.gw.cutting.run_until_cancelled(sending).await;
        trail.phase(Phase::Upstream);
        answer.unwrap_or(Err(Refusal::CutOff))
    }
}
