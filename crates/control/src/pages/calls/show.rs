//! One call: what happened and why, in that order.

use askama::Template;
use domain::perm::View;
use domain::{CallId, CallRecord};
use policy::rule;
use url::form_urlencoded::Serializer;

use super::arguments::Arguments;
use super::rows;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    CallRow, Frame, News, Section, Time, bytes, in_frame, micros, outcome_label, sentence_of, short,
};
use crate::urls;

/// Neighbours shown on each side.
const NEIGHBOURS: i64 = 3;

#[derive(Template)]
#[template(path = "calls/show.html")]
pub(crate) struct CallPage {
    frame: Frame,
    call: Call,
    rule_about: &'static str,
    rule_text: String,
    rule_place: String,
    arguments: Arguments,
    lanes: Vec<Lane>,
    total: String,
    neighbours: Vec<CallRow>,
}

struct Call {
    id: String,
    id_short: String,
    outcome: &'static str,
    outcome_label: &'static str,
    sentence: String,
    detail: String,
    tool: String,
    method: String,
    server: String,
    server_url: String,
    grant: String,
    grant_url: String,
    client: String,
    session: String,
    request_id: String,
    http: String,
    jsonrpc: String,
    is_error: &'static str,
    sizes: String,
    time: Time,
    rule: String,
    policy: String,
    policy_url: String,
    /// Where the same call is tried on the policy as it is now.
    try_url: String,
    version: String,
}

/// One phase on the timeline; start and width in percent.
struct Lane {
    label: &'static str,
    start: String,
    width: String,
    us: String,
    upstream: bool,
}

/// The rule that decided, as it stood in the version that decided.
#[derive(Default)]
struct Rule {
    text: String,
    place: String,
}

in_frame!(CallPage);

/// `GET /o/{organisation}/calls/{id}`.
pub(crate) async fn show(
    mut caller: Can<View>,
    news: News,
    Path(id): Path<CallId>,
) -> Result<CallPage, Failure> {
    let frame = Frame::of(&mut caller, news, Section::Calls).await?;
    let tx = caller.tx().await?;
    let call = tx.find_call(id).await?.ok_or_else(Failure::not_found)?;
    let near = tx.list_neighbours(&call, NEIGHBOURS).await?;
    let found = Rule::of(&mut caller, &call).await?;
    Ok(CallPage {
        frame,
        arguments: Arguments::of(&caller, &call),
        call: Call::of(&mut caller, &call).await?,
        rule_about: in_words(&call.rule),
        rule_text: found.text,
        rule_place: found.place,
        lanes: lanes(&call),
        total: micros(call.us.total),
        neighbours: rows(&mut caller, &near).await?,
    })
}

impl Call {
    async fn of<P>(caller: &mut Can<P>, call: &CallRecord) -> Result<Self, Failure> {
        let tx = caller.tx().await?;
        let server = match call.server {
            Some(id) => tx.find_server(id).await?,
            None => None,
        };
        let policy = match call.policy {
            Some((id, _)) => tx.find_policy(id).await?,
            None => None,
        };
        let (slug, id) = (caller.slug(), call.id.to_string());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Ok(Self {
            id_short: short(&id),
            id,
            outcome: call.outcome.as_str(),
            outcome_label: outcome_label(call.outcome),
            sentence: sentence_of(call),
            detail: call.message.clone(),
            tool: call.target.clone().unwrap_or_else(|| call.method.clone()),
            method: call.method.clone(),
            server_url: server
                .as_ref()
                .map(|s| urls::item(slug, "servers", &s.slug))
                .unwrap_or_default(),
            server: server.map_or_else(|| gone(call.server.is_some()), |server| server.name),
            grant: call.grant_label.clone(),
            grant_url: urls::item(slug, "grants", call.grant),
            client: call.client.clone().unwrap_or_else(|| "Not said".to_owned()),
            session: text(&call.session),
            request_id: call.request_id.clone(),
            http: match call.status.http {
                0 => "None: the client had gone".to_owned(),
                status => status.to_string(),
            },
            jsonrpc: call
                .status
                .jsonrpc
                .map_or_else(|| "No error".to_owned(), |c| format!("Error {c}")),
            is_error: match call.status.is_error {
                None => "Not seen",
                Some(false) => "Success",
                Some(true) => "isError",
            },
            sizes: format!("{} in, {} out", bytes(call.request_bytes), bytes(call.response_bytes)),
            time: Time::of(call.at, caller.now()),
            rule: call.rule.clone(),
            try_url: policy
                .as_ref()
                .filter(|_| call.method == "tools/call")
                .map(|p| try_url(&urls::item(slug, "policies", p.id), call))
                .unwrap_or_default(),
            policy_url: policy
                .as_ref()
                .map(|p| urls::item(slug, "policies", p.id))
                .unwrap_or_default(),
            policy: policy.map_or_else(|| gone(call.policy.is_some()), |policy| policy.name),
            version: call.policy.map(|(_, version)| version.to_string()).unwrap_or_default(),
        })
    }
}

/// The decisions that are no rule of the document, in words; empty for a pointer.
fn in_words(decided: &str) -> &'static str {
    match decided {
        "" => "No rule refused it.",
        rule::NO_POLICY => "The grant has no policy for this server, so everything is refused.",
        rule::HIDDEN => "The policy hides this tool: it is answered as one that does not exist.",
        rule::UNKNOWN_TOOL => "The server lists no such tool.",
        rule::DEFINITION_CHANGED => "Its definition differs from the one that was reviewed.",
        rule::DEFAULT_DENY => "No rule names it, and the policy denies what no rule names.",
        _ => "",
    }
}

/// What stands for a thing that a call names and that is no longer there.
fn gone(named: bool) -> String {
    if named { "Deleted since".to_owned() } else { String::new() }
}

impl Rule {
    async fn of<P>(caller: &mut Can<P>, call: &CallRecord) -> Result<Self, Failure> {
        let Some((policy, version)) = call.policy.filter(|_| call.rule.starts_with('/')) else {
            return Ok(Self::default());
        };
        let version = caller.tx().await?.find_policy_version(policy, version).await?;
        Ok(version.and_then(|v| Self::find(&v.document, &call.rule)).unwrap_or_default())
    }

    /// The rule that a pointer names, with its line.
    fn find(document: &str, pointer: &str) -> Option<Self> {
        let tape = json::parse(document.as_bytes()).ok()?;
        let node = tape.root().pointer(pointer)?;
        let (line, _) = json::line_column(node.span().start, document.as_bytes());
        Some(Self { text: outdent(node.raw_str()), place: format!("line {line}") })
    }
}

/// Text without the indentation that all its lines but the first have.
fn outdent(text: &str) -> String {
    let rest = || text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let depth =
        rest().map(|line| line.len() - line.trim_start_matches(' ').len()).min().unwrap_or(0);
    let mut lines = text.lines();
    let first = lines.next().into_iter();
    first.chain(lines.map(|line| line.get(depth..).unwrap_or(line))).collect::<Vec<_>>().join("\n")
}

/// The phases in their order, each where it begins on the way from request to answer.
fn lanes(call: &CallRecord) -> Vec<Lane> {
    let us = call.us;
    let phases = [
        ("Token, request", us.auth, false),
        ("Policy", us.policy, false),
        ("Limits", us.limits, false),
        ("Approval", us.approval, false),
        ("Server", us.upstream, true),
    ];
    let whole = f64::from(us.total.max(1));
    let mut begun = 0;
    let mut lanes = Vec::new();
    for (label, took, upstream) in phases {
        if took > 0 || (!upstream && label != "Approval") {
            lanes.push(Lane {
                label,
                start: percent(begun, whole),
                width: percent(took, whole),
                us: micros(took),
                upstream,
            });
        }
        begun += took;
    }
    let rest = us.total.saturating_sub(begun);
    lanes.push(Lane {
        label: "Everything else",
        start: percent(begun, whole),
        width: percent(rest, whole),
        us: micros(rest),
        upstream: false,
    });
    lanes
}

fn percent(part: u32, whole: f64) -> String {
    format!("{:.2}", (f64::from(part) * 100.0 / whole).clamp(0.0, 100.0))
}

/// The form that tries a call, with what is known of this one: its arguments by name only.
fn try_url(policy: &str, call: &CallRecord) -> String {
    let mut query = Serializer::new(format!("{policy}/try?"));
    query.append_pair("tool", call.target.as_deref().unwrap_or_default());
    if let Some(server) = call.server {
        query.append_pair("server", &server.to_string());
    }
    query.append_pair("grant", &call.grant_label);
    query.append_pair("client", call.client.as_deref().unwrap_or_default());
    query.append_pair("keys", &call.argument_keys.join("\n"));
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::samples::{HOSTILE, Samples, calls, frame, time};
    use domain::Outcome;

    impl Samples for CallPage {
        fn samples() -> Vec<Self> {
            let of = |text: &str, rows: usize| Self {
                frame: frame(Section::Calls, text),
                call: call(text),
                rule_about: in_words("(hidden)"),
                rule_text: text.to_owned(),
                rule_place: "line 3".to_owned(),
                arguments: Arguments::sample(text, rows),
                lanes: vec![Lane {
                    label: "Policy",
                    start: "0.00".to_owned(),
                    width: "12.50".to_owned(),
                    us: "2 µs".to_owned(),
                    upstream: false,
                }],
                total: "26 µs".to_owned(),
                neighbours: calls(text, rows),
            };
            vec![of("", 0), of("run_workflow", 1), of(HOSTILE, 64)]
        }
    }

    fn call(text: &str) -> Call {
        let text = || text.to_owned();
        Call {
            id: "call_1".to_owned(),
            id_short: "call_1".to_owned(),
            outcome: Outcome::Denied.as_str(),
            outcome_label: "Denied",
            sentence: text(),
            detail: text(),
            tool: text(),
            method: text(),
            server: text(),
            server_url: String::new(),
            grant: text(),
            grant_url: "/o/acme/grants/grt_1".to_owned(),
            client: text(),
            session: text(),
            request_id: text(),
            http: text(),
            jsonrpc: text(),
            is_error: "Not seen",
            sizes: text(),
            time: time(),
            rule: text(),
            policy: text(),
            policy_url: String::new(),
            try_url: String::new(),
            version: text(),
        }
    }

    #[test]
    fn a_rule_is_shown_with_its_line_and_without_its_indentation() {
        let document = "{\n  \"tools\": {\n    \"a\": {\n      \"limits\": []\n    }\n  }\n}";
        let rule = Rule::find(document, "/tools/a").unwrap();
        assert_eq!(rule.place, "line 3");
        assert_eq!(rule.text, "{\n  \"limits\": []\n}");
        assert!(Rule::find(document, "/tools/b").is_none());
    }
}
