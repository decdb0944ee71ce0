//! The record of one call in the making. It is opened once the caller is known and closes itself
//! when dropped, so that a call whose client hangs up is recorded like any other. For a streamed
//! answer it moves into the body.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::Response;
use domain::call::{CallPhases, CallStatus};
use domain::{CallId, CallRecord, Outcome, SealedArguments};
use http::{HeaderMap, HeaderName, HeaderValue};
use mcp::message::Message;
use mcp::method::Method;
use tokio::sync::OwnedSemaphorePermit;

use crate::gateway::Gateway;
use crate::identify::Caller;
use crate::inbound::Inbound;
use crate::meters::Meters;
use crate::records::Place;
use crate::refusal::Refusal;
use crate::traces::{Trace, Traces};
use crate::view::{BindingView, Live};

/// Where the time went, for the client.
pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

const MAX_METHOD: usize = 128;
const MAX_TARGET: usize = 512;
const MAX_MESSAGE: usize = 1_024;
const MAX_CLIENT: usize = 128;
const MAX_KEYS: usize = 64;

/// See the module.
pub(crate) struct Trail {
    open: Option<Open>,
    meters: Arc<Meters>,
    trace: Option<(Arc<dyn Traces>, Trace)>,
    id: CallId,
    started: Instant,
    phase_began: Instant,
    under_way: Phase,
    /// The call's share of what its organisation may have in flight.
    room: OwnedSemaphorePermit,
}

struct Open {
    place: Box<dyn Place>,
    record: CallRecord,
}

/// A phase of a call, for the split of its latency, in the order in which they come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Phase {
    Auth,
    Policy,
    Limits,
    Upstream,
}

impl Phase {
    const fn next(self) -> Self {
        match self {
            Self::Auth => Self::Policy,
            Self::Policy => Self::Limits,
            Self::Limits | Self::Upstream => Self::Upstream,
        }
    }
}

impl Trail {
    /// Opens the record, if there is room for it and for the call. Until something else is known
    /// the call is one that was cut off.
    pub(crate) fn open(gw: &Gateway, request: &Inbound, caller: &Caller) -> Option<Self> {
        let place = gw.records.reserve().ok()?;
        let room = Arc::clone(&caller.live.room).try_acquire_owned().ok()?;
        let record = CallRecord {
            id: request.id,
            organisation: caller.view.id.as_uuid(),
            at: request.at,
            server: None,
            grant: caller.grant.id,
            grant_label: caller.grant.label.clone(),
            method: String::new(),
            target: None,
            outcome: Outcome::Cancelled,
            rule: String::new(),
            message: String::new(),
            policy: None,
            status: CallStatus::default(),
            us: CallPhases::default(),
            request_bytes: 0,
            response_bytes: 0,
            client: None,
            session: None,
            request_id: request.id.to_string(),
            argument_keys: Vec::new(),
            arguments: None,
        };
        gw.meters.in_flight.increment(1);
        Some(Self {
            open: Some(Open { place, record }),
            meters: Arc::clone(&gw.meters),
            trace: None,
            id: request.id,
            started: request.started,
            phase_began: request.started,
            under_way: Phase::Auth,
            room,
        })
    }

    /// The answer is a stream that stays open: it takes of the room for those, where there is any.
    pub(crate) fn listens(&mut self, live: &Live) {
        if let Ok(room) = Arc::clone(&live.stream_room).try_acquire_owned() {
            self.room = room;
        }
    }

    /// This was no call after all (a notification, an answer): nothing is recorded.
    pub(crate) fn discard(&mut self) {
        self.open = None;
    }

    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    /// Joins the call to a trace, if anybody takes spans; the headers that its server then sees.
    pub(crate) fn trace(
        &mut self,
        gw: &Gateway,
        message: &Message<'_>,
        headers: &HeaderMap,
    ) -> Option<HeaderMap> {
        let traces = gw.traces.as_ref()?;
        let trace = Trace::of(traces.as_ref(), message, headers)?;
        let marked = trace.marked(headers);
        self.trace = Some((Arc::clone(traces), trace));
        Some(marked)
    }

    fn note(&mut self, change: impl FnOnce(&mut CallRecord)) {
        if let Some(open) = &mut self.open {
            change(&mut open.record);
        }
    }

    pub(crate) fn request_bytes(&mut self, bytes: usize) {
        self.note(|record| record.request_bytes = bytes as u64);
    }

    /// What is called; names only, never arguments.
    pub(crate) fn call(&mut self, method: &str, target: Option<&str>) {
        self.note(|record| {
            clipped(method, MAX_METHOD).clone_into(&mut record.method);
            record.target = target.map(|target| clipped(target, MAX_TARGET).to_owned());
        });
    }

    /// The top-level keys of the arguments.
    pub(crate) fn argument_keys<'k>(&mut self, keys: impl Iterator<Item = Cow<'k, str>>) {
        let mut keys: Vec<String> =
            keys.take(MAX_KEYS).map(|key| clipped(&key, MAX_METHOD).to_owned()).collect();
        keys.sort_unstable();
        self.note(|record| record.argument_keys = keys);
    }

    /// The values of the arguments, for an organisation that wants them recorded: sealed here, so
    /// that they are plain nowhere else. What finds no room is refused like any call.
    pub(crate) fn argument_values(
        &mut self,
        gw: &Gateway,
        message: &Message<'_>,
    ) -> Result<(), Refusal> {
        let has_any = matches!(message.method(), Method::ToolsCall | Method::PromptsGet);
        let Some(arguments) = message.arguments().filter(|_| has_any) else { return Ok(()) };
        let Some(Open { place, record }) = &mut self.open else { return Ok(()) };
        let (organisation, id) = (record.organisation(), record.id);
        let sealed = SealedArguments::seal(arguments.raw(), &gw.arguments, organisation, id)
            .map_err(|_no_key| Refusal::Busy)?;
        place.widen(sealed.as_bytes().len()).map_err(|_full| Refusal::Busy)?;
        record.arguments = Some(sealed);
        Ok(())
    }

    /// Which server is called, and which policy judges.
    pub(crate) fn target(&mut self, binding: &BindingView) {
        self.note(|record| {
            record.server = Some(binding.server.id);
            record.policy = binding.policy.as_ref().map(|policy| (policy.id, policy.version));
        });
    }

    pub(crate) fn client(&mut self, client: &str) {
        self.note(|record| record.client = Some(clipped(client, MAX_CLIENT).to_owned()));
    }

    pub(crate) fn session(&mut self, digest: [u8; 16]) {
        let short = u128::from_be_bytes(digest) >> 64;
        self.note(|record| record.session = Some(format!("{short:016x}")));
    }

    /// What was decided, or what happened.
    pub(crate) fn outcome(&mut self, outcome: Outcome, rule: &str, message: &str) {
        self.note(|record| {
            record.outcome = outcome;
            rule.clone_into(&mut record.rule);
            clipped(message, MAX_MESSAGE).clone_into(&mut record.message);
        });
    }

    /// What the answer says of itself.
    pub(crate) fn status(&mut self, change: impl FnOnce(&mut CallStatus)) {
        self.note(|record| change(&mut record.status));
    }

    pub(crate) fn answered(&mut self, bytes: usize) {
        self.note(|record| record.response_bytes += bytes as u64);
    }

    /// The phase that ends now. One that comes again, for another server or for the rest of a
    /// stream, adds to its time.
    pub(crate) fn phase(&mut self, phase: Phase) {
        let now = Instant::now();
        let us = micros(now.duration_since(self.phase_began));
        self.phase_began = now;
        self.under_way = phase.next();
        self.note(|record| {
            let spent = match phase {
                Phase::Auth => &mut record.us.auth,
                Phase::Policy => &mut record.us.policy,
                Phase::Limits => &mut record.us.limits,
                Phase::Upstream => &mut record.us.upstream,
            };
            *spent = spent.saturating_add(us);
        });
    }

    /// Remembers that the call is about to be forwarded; one that cannot be is not.
    pub(crate) fn forwarding(&self) -> Result<(), Refusal> {
        let remembered =
            self.open.as_ref().map_or(Ok(()), |open| open.place.forwarding(&open.record));
        remembered.map_err(|_full| Refusal::Busy)
    }

    /// The call goes no further: the phase under way ends now.
    pub(crate) fn stop(&mut self) {
        let last = self.under_way;
        self.phase(last);
        self.under_way = last;
    }

    /// `Server-Timing` of an answer, as far as it is known when its head is sent.
    pub(crate) fn time(&self, response: &mut Response) {
        if self.open.is_some()
            && let Ok(timing) = HeaderValue::from_str(&self.server_timing())
        {
            response.headers_mut().insert(SERVER_TIMING, timing);
        }
    }

    fn server_timing(&self) -> String {
        let us = self.open.as_ref().map(|open| open.record.us).unwrap_or_default();
        let mut timing = String::with_capacity(112);
        let phases = [
            ("auth", us.auth),
            (", policy", us.policy),
            (", limits", us.limits),
            (", upstream", us.upstream),
            (", total", micros(self.started.elapsed())),
        ];
        for (name, us) in phases {
            // In milliseconds; writing to a string cannot fail.
            let _ = write!(timing, "{name};dur={}.{:03}", us / 1_000, us % 1_000);
        }
        timing
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.meters.in_flight.decrement(1);
        // So that the phases of every call add up to its total, of a cancelled stream as well.
        self.stop();
        let Some(Open { place, mut record }) = self.open.take() else { return };
        record.us.total = micros(self.started.elapsed());
        self.meters.call(&record);
        if let Some((traces, trace)) = self.trace.take() {
            traces.call(&trace, &record);
        }
        place.append(record);
    }
}

fn micros(elapsed: Duration) -> u32 {
    u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX)
}

/// At most `max` characters of `text`.
fn clipped(text: &str, max: usize) -> &str {
    match text.char_indices().nth(max) {
        Some((cut, _)) => text.get(..cut).unwrap_or_default(),
        None => text,
    }
}
