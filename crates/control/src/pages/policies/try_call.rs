//! Try a call: pick a tool, fill in its arguments, and see what the policy, or a draft of it,
//! decides, step by step, with the answer that the agent would get. Nothing is sent or counted.

use std::collections::HashMap;

use askama::Template;
use chrono::{DateTime, Utc};
use domain::perm::{View, WritePolicies};
use domain::{Permission, PolicyId, ServerId, ToolState};
use mcp::version::Era;
use policy::suite::{Expect, Test, Verdict};
use policy::{ExplainedStep, Explanation};
use serde_json::Value;
use serde_json::value::RawValue;
use store::tools::Tool;

use super::tests::label;
use super::{DocumentError, document_errors};
use crate::acts;
use crate::acts::policies::{CallForm, ContextForm, DocumentText, EvaluateForm};
use crate::extract::{Form, Path, Query};
use crate::failure::{Failure, FieldError};
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Problem, Section, belongs_in_form, in_frame,
};
use crate::urls;

/// Names of a past call that a form asks for beside the tool's own.
const MAX_NAMED: usize = 64;

/// The fields of a form by their names.
type Typed = HashMap<String, String>;

#[derive(Template)]
#[template(path = "policies/try.html")]
pub(crate) struct TryPage {
    frame: Frame,
    url: String,
    name: String,
    can_write: bool,
    problem: Option<Problem>,
    errors: Vec<DocumentError>,
    /// The draft; empty where the call is tried on what is in force.
    draft: String,
    servers: Vec<Choice>,
    tools: Vec<String>,
    tool: Field,
    inputs: Vec<Input>,
    arguments: Field,
    grant: Field,
    client: Field,
    at: Field,
    result: Option<Outcome>,
}

/// A field of the form that a tool's schema asks for.
struct Input {
    name: String,
    label: String,
    hint: String,
    value: String,
    required: bool,
    /// Of an enum or a boolean; the first is "not given". Empty: free text.
    options: Vec<Choice>,
    /// Whether it is written as JSON.
    is_json: bool,
}

/// What came of the call.
struct Outcome {
    outcome: &'static str,
    label: &'static str,
    sentence: String,
    rule: String,
    steps: Vec<Step>,
    limits: Vec<String>,
    answer: String,
    /// The arguments as they were judged.
    arguments: String,
    /// What a test of this call would expect.
    expect: &'static str,
    expect_label: &'static str,
    expect_rule: String,
    /// Whether that is not what came of it today.
    differs: bool,
}

struct Step {
    title: &'static str,
    rule: String,
    refuses: bool,
    detail: String,
    tests: Vec<String>,
}

in_frame!(TryPage);

/// `GET /o/{organisation}/policies/{id}/try`.
pub(crate) async fn show(
    mut caller: Can<View>,
    news: News,
    Path(id): Path<PolicyId>,
    Query(typed): Query<Typed>,
) -> Result<TryPage, Failure> {
    TryPage::of(&mut caller, news, id, &typed).await
}

/// `POST /o/{organisation}/policies/{id}/try`: the builder's whole form may be sent here, with the
/// draft in `document`; `deed` is `try` where a call is to be judged.
pub(crate) async fn answer(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<TryPage, Failure> {
    let typed: Typed = fields.into_iter().collect();
    TryPage::of(&mut caller, News::default(), id, &typed).await
}

impl TryPage {
    async fn of<P: Permission>(
        caller: &mut Can<P>,
        news: News,
        id: PolicyId,
        typed: &Typed,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Policies).await?;
        let policy = acts::policies::find(caller, id).await?;
        let get = |name: &str| typed.get(name).map(String::as_str).unwrap_or_default();
        let server = match get("server") {
            "" => policy.server_id,
            chosen => chosen.parse::<ServerId>().ok(),
        };
        let tools = match server {
            Some(server) => acts::tools::list(caller, server).await?.1,
            None => Vec::new(),
        };
        let listed = || tools.iter().filter(|tool| tool.state != ToolState::Removed);
        let schema = listed().find(|tool| tool.name == get("tool")).and_then(schema);
        let draft = match get("document") {
            text if text.trim() == policy.document.trim() => String::new(),
            text => text.to_owned(),
        };
        let document = if draft.is_empty() { &policy.document } else { &draft };
        let tried = if get("deed") == "try" && !get("tool").is_empty() {
            match judged(caller, id, document, server, typed, schema.as_ref()).await {
                Ok(outcome) => Some(Ok(outcome)),
                Err(failure) => Some(Err(belongs_in_form(failure)?)),
            }
        } else {
            None
        };
        let refused = tried.as_ref().and_then(|tried| tried.as_ref().err());
        let errors = document_errors(refused);
        let servers = caller.tx().await?.list_server_names().await?;
        let chosen = server.map(|server| server.to_string()).unwrap_or_default();
        let none = Choice::of("", "No server in particular", &chosen);
        let choice =
            |s: &store::servers::ServerName| Choice::of(s.id.to_string(), &s.name, &chosen);
        let shown = ["/call/arguments", "/context/time", "/call/tool"];
        let field = |name: &str, pointer| Field::of(get(name)).judged(refused, pointer);
        Ok(Self {
            frame,
            url: urls::item(caller.slug(), "policies", id),
            name: policy.name,
            can_write: caller.may::<WritePolicies>(),
            problem: match errors.as_slice() {
                [] => Problem::of(refused, &shown)
                    .map(|p| Problem::new("Nothing was tried", p.detail)),
                _ => Some(Problem::new("Nothing was tried", "The draft has errors, listed below.")),
            },
            errors,
            servers: std::iter::once(none).chain(servers.iter().map(choice)).collect(),
            tools: listed().map(|tool| tool.name.clone()).collect(),
            inputs: inputs(schema.as_ref(), typed),
            tool: field("tool", "/call/tool"),
            arguments: field("arguments", "/call/arguments"),
            grant: field("grant", "/context/grant_label"),
            client: field("client", "/context/client_name"),
            at: field("at", "/context/time"),
            result: tried.and_then(Result::ok),
            draft,
        })
    }
}

async fn judged<P: Permission>(
    caller: &mut Can<P>,
    id: PolicyId,
    document: &str,
    server: Option<ServerId>,
    typed: &Typed,
    schema: Option<&Value>,
) -> Result<Outcome, Failure> {
    let text = |name: &str| typed.get(name).map(|text| text.trim()).unwrap_or_default();
    let arguments = arguments(typed, schema)?;
    let time = match text("at") {
        "" => None,
        at => Some(at.parse::<DateTime<Utc>>().map_err(|_unread| {
            Failure::invalid_at("/context/time", "write it like 2026-11-25T12:00:00Z")
        })?),
    };
    let client = text("client");
    let form = EvaluateForm {
        document: Some(DocumentText(document.to_owned())),
        policy_id: None,
        server_id: server,
        call: CallForm { tool: text("tool").to_owned(), arguments: arguments.clone() },
        context: ContextForm {
            grant_label: text("grant").to_owned(),
            client_name: (!client.is_empty()).then(|| client.to_owned()),
            time,
        },
    };
    // What is kept as a test expects what tests find: the document judged, not the day.
    let kept = Test {
        name: String::new(),
        tool: text("tool").to_owned(),
        arguments,
        at: time,
        grant: Some(text("grant").to_owned()).filter(|grant| !grant.is_empty()),
        client: form.context.client_name.clone(),
        repeat: 1,
        expect: Expect::Allow,
        rule: None,
    };
    let arguments = kept.arguments.as_ref().map(|raw| raw.get().to_owned()).unwrap_or_default();
    let explanation = acts::policies::evaluate(caller, form).await?;
    let document = DocumentText(document.to_owned());
    let verdict = acts::policy_tests::try_test(caller, id, &document, kept).await?;
    Ok(Outcome::of(explanation, verdict, text("tool"), arguments))
}

// === The form of a tool ===

fn schema(tool: &Tool) -> Option<Value> {
    serde_json::from_str(tool.input_schema.as_deref()?).ok()
}

/// What a form asks for: the tool's own properties, and the names of a past call beside them.
fn asked<'s>(schema: Option<&'s Value>, typed: &'s Typed) -> Vec<(&'s str, Option<&'s Value>)> {
    let of_tool = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    let mut asked: Vec<_> = of_tool
        .into_iter()
        .flatten()
        .map(|(name, property)| (name.as_str(), Some(property)))
        .collect();
    let named = |field: &'s String| field.strip_prefix("arg[")?.strip_suffix(']');
    let mut others: Vec<_> = typed.keys().filter_map(named).collect();
    // A link has names without values: one a line.
    others.extend(typed.get("keys").into_iter().flat_map(|names| names.lines()));
    others.retain(|name| of_tool.is_none_or(|known| !known.contains_key(*name)));
    others.sort_unstable();
    others.dedup();
    asked.extend(others.into_iter().take(MAX_NAMED).map(|name| (name, None)));
    asked
}

fn inputs(schema: Option<&Value>, typed: &Typed) -> Vec<Input> {
    let required = schema.and_then(|schema| schema.get("required")).and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|n| n.as_str() == Some(name)));
    let input = |(name, property): (&str, Option<&Value>)| {
        let field = format!("arg[{name}]");
        let value = typed.get(&field).cloned().unwrap_or_default();
        let words = |key: &str| property.and_then(|p| p.get(key)?.as_str()).unwrap_or_default();
        let kind = words("type");
        Input {
            options: property.map(|p| options(p, kind, &value)).unwrap_or_default(),
            is_json: !matches!(kind, "string" | "number" | "integer" | "boolean"),
            hint: words("description").chars().take(200).collect(),
            required: is_required(name),
            label: if kind.is_empty() { name.to_owned() } else { format!("{name}, {kind}") },
            name: field,
            value,
        }
    };
    asked(schema, typed).into_iter().map(input).collect()
}

/// The values that a select offers, each as its JSON.
fn options(property: &Value, kind: &str, chosen: &str) -> Vec<Choice> {
    let values = match (property.get("enum").and_then(Value::as_array), kind) {
        (Some(values), _) => values.iter().map(Value::to_string).collect(),
        (None, "boolean") => vec!["true".to_owned(), "false".to_owned()],
        _ => return Vec::new(),
    };
    let choice = |value: String| Choice::of(value.clone(), value, chosen);
    std::iter::once(Choice::of("", "Not given", chosen))
        .chain(values.into_iter().map(choice))
        .collect()
}

/// The arguments that the form means: the JSON, or else what its fields hold.
fn arguments(typed: &Typed, schema: Option<&Value>) -> Result<Option<Box<RawValue>>, Failure> {
    let wrong = |detail: String| Failure::invalid(vec![FieldError::new("/call/arguments", detail)]);
    let written = typed.get("arguments").map(|text| text.trim()).unwrap_or_default();
    if !written.is_empty() {
        let read = json::parse(written.as_bytes());
        read.map_err(|error| wrong(format!("this is not valid JSON: {}", error.kind())))?;
        let raw = RawValue::from_string(written.to_owned());
        return raw.map(Some).map_err(|error| wrong(error.to_string()));
    }
    let member = |(name, property): (&str, Option<&Value>)| {
        let text = typed.get(&format!("arg[{name}]")).filter(|text| !text.is_empty())?;
        let is_text = property.is_some_and(|property| {
            property.get("type").and_then(Value::as_str) == Some("string")
                && property.get("enum").is_none()
        });
        // What is no JSON is sent as text, so that a wrong type can be tried too.
        let is_json = !is_text && json::parse(text.as_bytes()).is_ok();
        let value = if is_json { text.clone() } else { json::quoted(text) };
        Some(format!("{}:{value}", json::quoted(name)))
    };
    let members: Vec<_> = asked(schema, typed).into_iter().filter_map(member).collect();
    let raw = RawValue::from_string(format!("{{{}}}", members.join(",")));
    raw.map(Some).map_err(|error| wrong(error.to_string()))
}

// === The result ===

impl Outcome {
    fn of(explanation: Explanation, verdict: Verdict, tool: &str, arguments: String) -> Self {
        let label_of = match explanation.outcome {
            "allowed" => "Allowed",
            "approval_required" => "Needs approval",
            "hidden" => "Hidden",
            "observed" => "Observed",
            "quarantined" => "Quarantined",
            _ => "Denied",
        };
        let limit = |limit: &policy::ExplainedLimit| {
            format!(
                "{} of {} a {}, counted as {} ({})",
                limit.amount, limit.max, limit.window, limit.counter, limit.rule
            )
        };
        Self {
            outcome: explanation.outcome,
            label: label_of,
            sentence: sentence(&explanation, tool),
            answer: told(&explanation),
            limits: explanation.limits.iter().map(limit).collect(),
            rule: explanation.rule,
            steps: explanation.steps.into_iter().map(Step::of).collect(),
            arguments,
            expect: verdict.got.as_str(),
            expect_label: label(verdict.got),
            expect_rule: verdict.rule,
            differs: matches!(explanation.outcome, "quarantined" | "observed"),
        }
    }
}

fn sentence(explanation: &Explanation, tool: &str) -> String {
    match explanation.outcome {
        "allowed" if explanation.limits.is_empty() => format!("{tool} would be forwarded."),
        "allowed" => format!("{tool} would be forwarded, as long as its limits are not reached."),
        "observed" => format!(
            "{tool} would be forwarded, as refusals are only recorded. Enforced, the answer were: {}",
            explanation.message
        ),
        "approval_required" => {
            format!("{tool} would wait for a person. {}", explanation.message)
        }
        "hidden" => format!("{tool} would be answered as a tool that does not exist."),
        _ => format!("{tool} would be refused: {}", explanation.message),
    }
}

/// The answer that the agent would get, by the gateway's own words; empty where the server's own
/// answer is passed on.
fn told(explanation: &Explanation) -> String {
    let words = match explanation.outcome {
        "allowed" | "observed" => return String::new(),
        "hidden" => {
            let body = mcp::answer::error(Some("1"), -32_602, &explanation.message, None);
            return pretty(&body);
        }
        "approval_required" => policy::APPROVAL_WORDS,
        _ => policy::DENIED_WORDS,
    };
    let text = policy::answer_text(words, &explanation.message);
    pretty(&mcp::answer::tool_error("1", Era::Legacy, &text, None))
}

fn pretty(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

impl Step {
    fn of(step: ExplainedStep) -> Self {
        let title = match step.step {
            "visibility" => "Known and visible",
            "definition" => "Definition reviewed",
            "rule" => "Rule chosen",
            "keys" => "Argument names",
            "validate_arguments" => "Arguments fit the schema",
            "require" => "Required",
            "deny_if" => "Denied if",
            "approve_if" => "Approval if",
            _ => "Limit",
        };
        let test = |test: policy::ExplainedCondition| {
            let not = if test.negated { "not " } else { "" };
            let found = test.found.unwrap_or_else(|| "nothing".to_owned());
            format!(
                "{not}{} {} {}: found {found}, {}",
                test.path, test.op, test.expected, test.result
            )
        };
        Self {
            title,
            rule: step.rule,
            refuses: step.refuses,
            detail: step.detail,
            tests: step.conditions.into_iter().map(test).collect(),
        }
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::pages::samples::{HOSTILE, Samples, frame};

    impl Samples for TryPage {
        fn samples() -> Vec<Self> {
            let of = |text: &str, can_write: bool| {
                let field = || Field { value: text.to_owned(), error: text.to_owned() };
                Self {
                    frame: frame(Section::Policies, text),
                    url: "/o/acme/policies/pol_1".to_owned(),
                    name: text.to_owned(),
                    can_write,
                    problem: can_write.then(|| Problem::new("Nothing was tried", text)),
                    errors: vec![DocumentError {
                        line: 1,
                        column: 1,
                        pointer: String::new(),
                        detail: text.to_owned(),
                    }],
                    draft: text.to_owned(),
                    servers: vec![Choice::of("srv_1", text, "srv_1")],
                    tools: vec![text.to_owned()],
                    tool: field(),
                    inputs: [vec![], vec![Choice::of("true", text, "true")]]
                        .into_iter()
                        .enumerate()
                        .map(|(n, options)| Input {
                            name: format!("arg[{n}]"),
                            label: format!("{n}{text}"),
                            hint: text.to_owned(),
                            value: text.to_owned(),
                            required: can_write,
                            options,
                            is_json: can_write,
                        })
                        .collect(),
                    arguments: field(),
                    grant: field(),
                    client: field(),
                    at: field(),
                    result: Some(Outcome {
                        outcome: "denied",
                        label: "Denied",
                        sentence: text.to_owned(),
                        rule: text.to_owned(),
                        steps: vec![Step {
                            title: "Denied if",
                            rule: text.to_owned(),
                            refuses: can_write,
                            detail: text.to_owned(),
                            tests: vec![text.to_owned()],
                        }],
                        limits: vec![text.to_owned()],
                        answer: text.to_owned(),
                        arguments: text.to_owned(),
                        expect: "deny",
                        expect_label: "Denied",
                        expect_rule: text.to_owned(),
                        differs: can_write,
                    }),
                }
            };
            vec![of("shop", false), of(HOSTILE, true)]
        }
    }

    #[test]
    fn fields_become_arguments_of_their_types_and_wrong_ones_can_be_tried() {
        let schema: Value = serde_json::from_str(
            r#"{"properties":{"n":{"type":"number"},"s":{"type":"string"},"b":{"type":"boolean"},
                "e":{"enum":["x",1]},"o":{"type":"object"},"m":{"type":"number"}}}"#,
        )
        .unwrap();
        let typed = |pairs: &[(&str, &str)]| -> Typed {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let form = typed(&[
            ("arg[n]", "1.50"),
            ("arg[s]", "12"),
            ("arg[b]", "true"),
            ("arg[e]", "\"x\""),
            ("arg[o]", "{\"a\":[1]}"),
            ("arg[m]", "many"),
        ]);
        let read = arguments(&form, Some(&schema)).unwrap().unwrap();
        let read: Value = serde_json::from_str(read.get()).unwrap();
        let expected: Value = serde_json::from_str(
            r#"{"n":1.50,"s":"12","b":true,"e":"x","o":{"a":[1]},"m":"many"}"#,
        )
        .unwrap();
        assert_eq!(read, expected);
        assert!(arguments(&typed(&[("arguments", "{")]), None).is_err());
        let link = typed(&[("keys", "n\nnote")]);
        assert!(inputs(Some(&schema), &link).iter().any(|input| input.name == "arg[note]"));
        let past = typed(&[("arg[n]", "1"), ("arg[note]", "x"), ("arg[", "y")]);
        let read = arguments(&past, Some(&schema)).unwrap().unwrap();
        assert_eq!(read.get(), r#"{"n":1,"note":"x"}"#, "a past call's names are fields too");
        assert_eq!(
            inputs(Some(&schema), &form).iter().filter(|i| !i.options.is_empty()).count(),
            2
        );
    }
}
