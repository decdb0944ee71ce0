//! Every way in which a call is refused, and the one table that turns it into an answer: what a
//! policy says is HTTP 200 in words that an agent can act on; what is wrong with the request
//! itself has the status that the protocol asks for.

use axum::response::Response;
use domain::Outcome;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use mcp::answer;
use mcp::message::Malformed;
use mcp::method::Method;
use mcp::version::Era;

use crate::front::body::json_response;
use crate::trail::Trail;

/// Codes of errors that are ours, outside the range that JSON-RPC reserves.
mod code {
    pub(super) const DENIED: i32 = -31_001;
    pub(super) const LIMITED: i32 = -31_002;
    pub(super) const APPROVAL: i32 = -31_003;
    pub(super) const UPSTREAM: i32 = -31_004;
    pub(super) const METHOD_NOT_FOUND: i32 = -32_601;
    pub(super) const INVALID_PARAMS: i32 = -32_602;
    pub(super) const RESOURCE_NOT_FOUND: i32 = -32_002;
    /// What legacy servers say when a request needs a session that is not there.
    pub(super) const NO_SESSION: i32 = -32_001;
    pub(super) const BAD_REQUEST: i32 = -32_000;
}

const CUT_OFF: &str = "The gateway is being restarted and stopped waiting for the server, which \
                       may still have done what was asked. Check before you repeat it.";

/// A call that is not forwarded, or whose answer is not passed on.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The body has no single safe reading.
    Malformed(Malformed),
    /// The request is not one that can be read: status and a sentence.
    Http(StatusCode, &'static str),
    /// A rule says no.
    Denied(Ruling),
    /// The definition of the tool waits for review.
    Quarantined(Ruling),
    /// Hidden or unknown, which nobody can tell apart.
    Hidden(Thing, &'static str),
    /// Over a limit.
    Limited(Ruling, Left),
    /// A person has to approve it.
    Approval(Ruling),
    /// The server is out of reach, or answered badly.
    Upstream(String),
    /// The gateway ends before the server has answered.
    CutOff,
    /// No such method here.
    UnknownMethod,
    /// The client itself took the call back.
    Cancelled,
    /// The session is not there, or not this grant's.
    NoSession,
    /// A parameter that this address cannot work with.
    BadParams(&'static str),
    /// More calls than are handled at once, or an audit that is full.
    Busy,
    /// What is known of the organisation is too old to be enforced.
    Unavailable,
}

/// A rule and its words.
#[derive(Debug)]
pub(crate) struct Ruling {
    /// The rule's id.
    pub(crate) rule: String,
    /// Why, for the agent.
    pub(crate) message: String,
}

/// What a limit leaves.
#[derive(Debug)]
pub(crate) struct Left {
    /// The counter's name.
    pub(crate) counter: String,
    /// In the limit's own unit, as JSON.
    pub(crate) remaining: String,
    pub(crate) retry_after_ms: Option<u64>,
}

/// What cannot be told from what never existed.
#[derive(Debug)]
pub(crate) enum Thing {
    Tool(String),
    Prompt(String),
    Resource(String),
    Task(String),
}

/// What of a request its refusal must know.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// As written; none where it could not be read.
    pub(crate) id: Option<String>,
    pub(crate) era: Era,
    /// Whether failures are told in a tool result: a plain `tools/call`.
    pub(crate) is_tool_call: bool,
}

impl Asked {
    /// A request of which nothing could be read.
    pub(crate) const fn unread() -> Self {
        Self { id: None, era: Era::Legacy, is_tool_call: false }
    }

    /// A request that was read.
    pub(crate) fn of(id: Option<&str>, era: Era, method: Method, is_task: bool) -> Self {
        let is_tool_call = method == Method::ToolsCall && !is_task;
        Self { id: id.map(str::to_owned), era, is_tool_call }
    }
}

/// A refusal as it goes out.
struct Told {
    status: StatusCode,
    code: Option<i32>,
    body: Vec<u8>,
}

impl Refusal {
    /// The answer; the trail learns the same.
    pub(crate) fn answer(self, asked: &Asked, trail: &mut Trail) -> Response {
        trail.stop();
        let request_id = trail.id().to_string();
        let (outcome, rule, message) = self.recorded();
        trail.outcome(outcome, rule, &message);
        let told = self.told(asked, &request_id);
        trail.status(|status| {
            status.http = told.status.as_u16();
            status.jsonrpc = told.code.map(i64::from);
            status.is_error = (told.code.is_none() && asked.is_tool_call).then_some(true);
        });
        trail.answered(told.body.len());
        let mut response = json_response(told.status, told.body);
        trail.time(&mut response);
        if told.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// The same inside a stream that has begun: the JSON-RPC message alone.
    pub(crate) fn message(self, asked: &Asked, trail: &mut Trail) -> Vec<u8> {
        let request_id = trail.id().to_string();
        let (outcome, rule, message) = self.recorded();
        trail.outcome(outcome, rule, &message);
        let told = self.told(asked, &request_id);
        trail.status(|status| {
            status.jsonrpc = told.code.map(i64::from);
            status.is_error = (told.code.is_none() && asked.is_tool_call).then_some(true);
        });
        told.body
    }

    /// The same where the record of the call is closed already.
    pub(crate) fn unrecorded(self, asked: &Asked) -> Vec<u8> {
        self.told(asked, "").body
    }

    /// The answer where no call is recorded: to a GET, a DELETE, or a caller who cannot be served.
    pub(crate) fn without_call(self) -> Response {
        let is_upstream = matches!(self, Self::Upstream(_));
        let told = self.told(&Asked::unread(), "");
        let status = if is_upstream { StatusCode::BAD_GATEWAY } else { told.status };
        let mut response = json_response(status, told.body);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// The outcome, the rule, and the sentence of the record.
    fn recorded(&self) -> (Outcome, &str, String) {
        let invalid = |message: &str| (Outcome::Invalid, "", message.to_owned());
        match self {
            Self::Malformed(malformed) => invalid(&malformed.message),
            Self::Http(_, message) | Self::BadParams(message) => invalid(message),
            Self::Denied(r) => (Outcome::Denied, &r.rule, r.message.clone()),
            Self::Quarantined(r) => (Outcome::Quarantined, &r.rule, r.message.clone()),
            Self::Hidden(_, rule) => (Outcome::Hidden, rule, String::new()),
            Self::Limited(r, _) => (Outcome::Limited, &r.rule, r.message.clone()),
            Self::Approval(r) => (Outcome::ApprovalRequired, &r.rule, r.message.clone()),
            Self::Upstream(message) => (Outcome::UpstreamError, "", message.clone()),
            Self::CutOff => (Outcome::Cancelled, "(stopping)", CUT_OFF.to_owned()),
            Self::UnknownMethod => (Outcome::Denied, "(unknown method)", String::new()),
            Self::Cancelled => (Outcome::Cancelled, "", "cancelled by the client".to_owned()),
            Self::NoSession => invalid("no such session"),
            Self::Busy => (Outcome::Limited, "(busy)", String::new()),
            Self::Unavailable => (Outcome::Denied, "(unavailable)", String::new()),
        }
    }

    fn told(self, asked: &Asked, request_id: &str) -> Told {
        match self {
            Self::Malformed(malformed) => Told {
                status: malformed.http_status,
                code: Some(malformed.code),
                body: malformed.body(),
            },
            Self::Http(status, text) => error(asked, status, code::BAD_REQUEST, text),
            Self::Denied(r) => {
                decided("denied", code::DENIED, policy::DENIED_WORDS, &r, asked, request_id)
            }
            Self::Quarantined(r) => {
                decided("quarantined", code::DENIED, policy::DENIED_WORDS, &r, asked, request_id)
            }
            Self::Approval(r) => {
                let words = policy::APPROVAL_WORDS;
                decided("approval_required", code::APPROVAL, words, &r, asked, request_id)
            }
            Self::Limited(r, left) => limited(&r, &left, asked, request_id),
            Self::Upstream(message) => {
                let ruling = Ruling { rule: String::new(), message };
                let words = "UPSTREAM ERROR";
                decided("upstream_error", code::UPSTREAM, words, &ruling, asked, request_id)
            }
            Self::CutOff => {
                let ruling = Ruling { rule: String::new(), message: CUT_OFF.to_owned() };
                let words = "UPSTREAM ERROR";
                decided("cancelled", code::UPSTREAM, words, &ruling, asked, request_id)
            }
            Self::Hidden(thing, _) => hidden(&thing, asked),
            Self::UnknownMethod => {
                let is_modern = asked.era == Era::Modern;
                let status = if is_modern { StatusCode::NOT_FOUND } else { StatusCode::OK };
                error(asked, status, code::METHOD_NOT_FOUND, "Method not found")
            }
            Self::Cancelled => {
                error(asked, StatusCode::OK, code::BAD_REQUEST, "The request was cancelled.")
            }
            Self::NoSession => {
                error(asked, StatusCode::NOT_FOUND, code::NO_SESSION, "Session not found")
            }
            Self::BadParams(text) => error(asked, StatusCode::OK, code::INVALID_PARAMS, text),
            Self::Busy => {
                let text = "The gateway is busy. Try again in a second.";
                error(asked, StatusCode::SERVICE_UNAVAILABLE, code::BAD_REQUEST, text)
            }
            Self::Unavailable => {
                let text = "The gateway cannot read its policies at the moment.";
                error(asked, StatusCode::SERVICE_UNAVAILABLE, code::BAD_REQUEST, text)
            }
        }
    }
}

fn error(asked: &Asked, status: StatusCode, code: i32, text: &str) -> Told {
    let body = answer::error(asked.id.as_deref(), code, text, None);
    Told { status, code: Some(code), body }
}

/// Exactly as for a tool, prompt or resource that never existed: no rule, no request id.
fn hidden(thing: &Thing, asked: &Asked) -> Told {
    let not_found = match asked.era {
        Era::Legacy => code::RESOURCE_NOT_FOUND,
        Era::Modern => code::INVALID_PARAMS,
    };
    let (code, text) = match thing {
        Thing::Tool(name) => (code::INVALID_PARAMS, format!("Unknown tool: {name}")),
        Thing::Prompt(name) => (code::INVALID_PARAMS, format!("Unknown prompt: {name}")),
        Thing::Task(id) => (code::INVALID_PARAMS, format!("Task not found: {id}")),
        Thing::Resource(uri) => (not_found, format!("Resource not found: {uri}")),
    };
    error(asked, StatusCode::OK, code, &text)
}

/// A decision: a tool result with words for the model, or an error with the decision as data.
fn decided(
    outcome: &str,
    code: i32,
    words: &str,
    ruling: &Ruling,
    asked: &Asked,
    request_id: &str,
) -> Told {
    let rule = json::quoted(&ruling.rule);
    let decision =
        format!(r#"{{"outcome":"{outcome}","rule":{rule},"request_id":"{request_id}"}}"#);
    told_with(&decision, code, words, &ruling.message, asked)
}

fn limited(ruling: &Ruling, left: &Left, asked: &Asked, request_id: &str) -> Told {
    let (rule, counter) = (json::quoted(&ruling.rule), json::quoted(&left.counter));
    let retry = left.retry_after_ms.map_or_else(|| "null".to_owned(), |ms| ms.to_string());
    let decision = format!(
        r#"{{"outcome":"limited","rule":{rule},"request_id":"{request_id}","counter":{counter},"remaining":{},"retry_after_ms":{retry}}}"#,
        left.remaining
    );
    told_with(&decision, code::LIMITED, policy::DENIED_WORDS, &ruling.message, asked)
}

fn told_with(decision: &str, code: i32, words: &str, message: &str, asked: &Asked) -> Told {
    let text = policy::answer_text(words, message);
    let status = StatusCode::OK;
    match (&asked.id, asked.is_tool_call) {
        (Some(id), true) => {
            let meta = format!(r#"{{"drawbridge/decision":{decision}}}"#);
            Told { status, code: None, body: answer::tool_error(id, asked.era, &text, Some(&meta)) }
        }
        (id, _) => {
            let body = answer::error(id.as_deref(), code, &text, Some(decision));
            Told { status, code: Some(code), body }
        }
    }
}
