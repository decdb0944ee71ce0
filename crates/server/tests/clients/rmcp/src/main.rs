//! `rmcp-client URL TOKEN MODE STEPS`: steps in, as JSON, and what came of each out. MODE is
//! `legacy`, `modern` or `auto`.

use rmcp::model::{CallToolRequestParams, CallToolResult, ClientConfig, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, Peer, RoleClient};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};

type Failed = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [url, token, mode, steps] = given.as_slice() else {
        return Err("usage: rmcp-client URL TOKEN MODE STEPS".into());
    };
    let steps: Vec<Value> = serde_json::from_str(steps)?;
    let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .auth_header(token.as_str());
    let transport = StreamableHttpClientTransport::from_config(config);
    let client = ClientConfig::default().serve_with_lifecycle(transport, lifecycle(mode)?).await?;
    let mut results = Vec::new();
    for step in &steps {
        let result = run(client.peer(), step).await;
        results.push(result.unwrap_or_else(|error| {
            json!({"exception": "ServiceError", "text": error.to_string()})
        }));
    }
    client.cancel().await?;
    println!("{}", Value::from(results));
    Ok(())
}

fn lifecycle(mode: &str) -> Result<ClientLifecycleMode, Failed> {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    Ok(match mode {
        "legacy" => ClientLifecycleMode::Initialize,
        "modern" => ClientLifecycleMode::Discover { preferred_versions },
        "auto" => ClientLifecycleMode::Auto { preferred_versions, legacy_version: None },
        _ => return Err("MODE is legacy, modern or auto".into()),
    })
}

async fn run(peer: &Peer<RoleClient>, step: &Value) -> Result<Value, Failed> {
    if step[0] == "list" {
        let tools = peer.list_all_tools().await?;
        let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        return Ok(json!({ "tools": names }));
    }
    let name = step[1].as_str().ok_or("a tool has a name")?.to_owned();
    let mut call = CallToolRequestParams::new(name);
    call.arguments = step[2].as_object().cloned();
    Ok(told(&peer.call_tool(call).await?))
}

fn told(result: &CallToolResult) -> Value {
    let texts = result.content.iter().filter_map(|block| Some(block.as_text()?.text.as_str()));
    json!({ "is_error": result.is_error.unwrap_or(false), "text": texts.collect::<String>() })
}
