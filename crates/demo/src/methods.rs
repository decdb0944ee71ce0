//! What each MCP method answers, once the transport has let the request in.

use serde_json::{Map, Value, json};

use crate::Demo;
use crate::recorder::Recorder;
use crate::rpc::{Failure, Request};
use crate::tools;

/// The one protocol version of the modern era.
pub(crate) const MODERN: &str = "2026-07-28";
/// The protocol versions of the legacy era that use this transport, newest first.
pub(crate) const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

const INSTRUCTIONS: &str = "Lantern Supply is a demo shop: customers, orders, invoices and \
                            charges. Nothing here is real, and all of it is reset at restart.";
const POLICY_URI: &str = "shop://policy";
const POLICY: &str = "# Lantern Supply: house rules\n\n\
- Refunds above 100 need a reason that the customer gave.\n\
- Charges above 1000 need a colleague's consent.\n\
- A customer is deleted only on their own written request.\n";
/// How long a list may be kept; the demo's never change.
const TTL_MS: u64 = 60_000;

/// Which of the two protocols a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    Legacy,
    Modern,
}

/// A result, and the steps of work that it takes (none: it is there at once).
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) result: Value,
    pub(crate) steps: Vec<String>,
}

/// The result of the legacy handshake: the version asked for, or else our newest.
pub(crate) fn initialize(params: &Map<String, Value>) -> Value {
    let asked = params.get("protocolVersion").and_then(Value::as_str);
    let [newest, ..] = LEGACY;
    let version = LEGACY.into_iter().find(|known| Some(*known) == asked).unwrap_or(newest);
    json!({
        "protocolVersion": version,
        "capabilities": capabilities(),
        "serverInfo": server_info(),
        "instructions": INSTRUCTIONS,
    })
}

/// Answers any other request.
pub(crate) fn answer(demo: &Demo, era: Era, request: &Request) -> Result<Answer, Failure> {
    let params = &request.params;
    let mut steps = Vec::new();
    let result = match (era, request.method.as_str()) {
        (Era::Legacy, "ping") => Ok(json!({})),
        (Era::Modern, "server/discover") => Ok(discover()),
        (_, "tools/list") => list_tools(params, demo.options.page_size),
        (_, "tools/call") => call_tool(demo, params, &mut steps),
        (_, "prompts/list") => Ok(json!({ "prompts": [reminder_prompt()] })),
        (_, "prompts/get") => reminder(demo, params),
        (_, "resources/list") => Ok(json!({ "resources": [policy_resource()] })),
        (_, "resources/templates/list") => Ok(json!({ "resourceTemplates": [] })),
        (_, "resources/read") => read(era, params),
        (_, method) => {
            let message = format!("There is no method {method:?}.");
            Err(Failure::new(Failure::UNKNOWN_METHOD, message))
        }
    }?;
    let result = match era {
        Era::Legacy => result,
        Era::Modern => modernised(&request.method, result),
    };
    Ok(Answer { result, steps })
}

/// Adds what the modern era wants of every result. The shop is the same for everybody, so its
/// lists may be shared.
fn modernised(method: &str, mut result: Value) -> Value {
    if let Some(fields) = result.as_object_mut() {
        fields.insert("resultType".to_owned(), json!("complete"));
        let meta = json!({ "io.modelcontextprotocol/serverInfo": server_info() });
        fields.insert("_meta".to_owned(), meta);
        if !matches!(method, "tools/call" | "prompts/get") {
            fields.insert("ttlMs".to_owned(), json!(TTL_MS));
            fields.insert("cacheScope".to_owned(), json!("public"));
        }
    }
    result
}

fn discover() -> Value {
    json!({
        "supportedVersions": [MODERN],
        "capabilities": capabilities(),
        "instructions": INSTRUCTIONS,
    })
}

fn capabilities() -> Value {
    json!({ "tools": {}, "prompts": {}, "resources": {} })
}

fn server_info() -> Value {
    json!({
        "name": "lantern-supply",
        "title": "Lantern Supply (demo shop)",
        "version": env!("CARGO_PKG_VERSION"),
    })
}

// === Tools ===

fn list_tools(params: &Map<String, Value>, page_size: usize) -> Result<Value, Failure> {
    let start = match params.get("cursor") {
        None => 0,
        Some(cursor) => cursor
            .as_str()
            .and_then(|cursor| cursor.parse().ok())
            .filter(|start| *start < tools::TOOLS.len())
            .ok_or_else(|| Failure::invalid_params("Unknown cursor."))?,
    };
    let page: Vec<Value> =
        tools::TOOLS.iter().skip(start).take(page_size).map(tools::Tool::definition).collect();
    let next = start + page.len();
    let mut result = json!({ "tools": page });
    if let Some(fields) = result.as_object_mut().filter(|_| next < tools::TOOLS.len()) {
        fields.insert("nextCursor".to_owned(), json!(next.to_string()));
    }
    Ok(result)
}

fn call_tool(
    demo: &Demo,
    params: &Map<String, Value>,
    steps: &mut Vec<String>,
) -> Result<Value, Failure> {
    let name = text_param(params, "name")?;
    let Some(tool) = tools::TOOLS.iter().find(|tool| tool.name == name) else {
        demo.options.recorder.count(Recorder::UNKNOWN);
        return Err(Failure::invalid_params(format!("There is no tool {name:?}.")));
    };
    demo.options.recorder.count(tool.name);
    let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
    Ok(match (tool.run)(&mut demo.shop(), arguments) {
        Ok(content) => {
            *steps = tools::steps(tool, &content);
            json!({
                "content": [{ "type": "text", "text": content.to_string() }],
                "structuredContent": content,
                "isError": false,
            })
        }
        Err(complaint) => json!({
            "content": [{ "type": "text", "text": complaint }],
            "isError": true,
        }),
    })
}

fn text_param<'a>(params: &'a Map<String, Value>, name: &str) -> Result<&'a str, Failure> {
    params
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::invalid_params(format!("{name:?} must be a string.")))
}

// === The prompt and the resource ===

fn reminder_prompt() -> Value {
    json!({
        "name": "payment_reminder",
        "title": "Payment reminder",
        "description": "A friendly reminder about one unpaid order.",
        "arguments": [
            { "name": "order_id", "description": "The order to be reminded of.", "required": true }
        ],
    })
}

fn reminder(demo: &Demo, params: &Map<String, Value>) -> Result<Value, Failure> {
    let name = text_param(params, "name")?;
    if name != "payment_reminder" {
        return Err(Failure::invalid_params(format!("There is no prompt {name:?}.")));
    }
    let order_id = params
        .get("arguments")
        .and_then(|arguments| arguments.get("order_id"))
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::invalid_params("\"order_id\" must be a string."))?;
    let order = demo.shop().order(order_id).map_err(Failure::invalid_params)?;
    let text = format!(
        "Write a friendly, short payment reminder to our customer about this order:\n{order}"
    );
    Ok(json!({
        "description": "A friendly reminder about one unpaid order.",
        "messages": [{ "role": "user", "content": { "type": "text", "text": text } }],
    }))
}

fn policy_resource() -> Value {
    json!({
        "uri": POLICY_URI,
        "name": "policy",
        "title": "House rules",
        "description": "What the staff of Lantern Supply may do, and what needs consent.",
        "mimeType": "text/markdown",
    })
}

fn read(era: Era, params: &Map<String, Value>) -> Result<Value, Failure> {
    let uri = text_param(params, "uri")?;
    if uri == POLICY_URI {
        let contents = json!({ "uri": uri, "mimeType": "text/markdown", "text": POLICY });
        return Ok(json!({ "contents": [contents] }));
    }
    let code = match era {
        Era::Legacy => Failure::UNKNOWN_RESOURCE,
        Era::Modern => Failure::INVALID_PARAMS,
    };
    let failure = Failure::new(code, "There is no such resource.");
    Err(failure.with_data(json!({ "uri": uri })))
}
