//! What to paste into each MCP client so that it reaches the gateway.

use serde_json::json;

/// One client's configuration, ready to copy. It holds the token: shown once, never kept.
pub(crate) struct Snippet {
    /// Its key in the API.
    pub(crate) client: &'static str,
    /// Its name for people.
    pub(crate) title: &'static str,
    /// Where it goes.
    pub(crate) place: &'static str,
    /// The text itself.
    pub(crate) text: String,
}

/// A snippet a client, for the server at `url`, under `name` in the client's list.
pub(crate) fn all(name: &str, url: &str, token: &str) -> Vec<Snippet> {
    let bearer = format!("Bearer {token}");
    let headers = json!({ "Authorization": bearer });
    let bridge = bridge(url);
    vec![
        Snippet {
            client: "claude_code",
            title: "Claude Code",
            place: "Run in a terminal",
            text: format!(
                "claude mcp add --transport http {name} {url} \\\n  --header \"Authorization: {bearer}\""
            ),
        },
        Snippet {
            client: "claude_desktop",
            title: "Claude Desktop",
            place: "claude_desktop_config.json (Settings → Developer → Edit config)",
            text: pretty(&json!({ "mcpServers": { name: {
                "command": "npx", "args": bridge, "env": { "AUTHORIZATION": bearer },
            } } })),
        },
        Snippet {
            client: "cursor",
            title: "Cursor",
            place: "~/.cursor/mcp.json",
            text: pretty(&json!({ "mcpServers": { name: { "url": url, "headers": headers } } })),
        },
        Snippet {
            client: "vscode",
            title: "VS Code",
            place: ".vscode/mcp.json",
            text: pretty(&json!({ "servers": { name: {
                "type": "http", "url": url, "headers": headers,
            } } })),
        },
        Snippet {
            client: "codex",
            title: "Codex",
            place: "~/.codex/config.toml",
            text: format!(
                "[mcp_servers.{name}]\nurl = \"{url}\"\nhttp_headers = {{ \"Authorization\" = \"{bearer}\" }}"
            ),
        },
        Snippet {
            client: "windsurf",
            title: "Windsurf",
            place: "~/.codeium/windsurf/mcp_config.json",
            text: pretty(
                &json!({ "mcpServers": { name: { "serverUrl": url, "headers": headers } } }),
            ),
        },
        Snippet {
            client: "curl",
            title: "curl",
            place: "Run in a terminal",
            text: curl(url, &bearer),
        },
    ]
}

/// Claude Desktop speaks to local programs only: `mcp-remote` carries it over. The header's value
/// comes from the environment, because some versions split arguments at spaces.
fn bridge(url: &str) -> Vec<&str> {
    let mut args = vec!["-y", "mcp-remote", url, "--header", "Authorization:${AUTHORIZATION}"];
    if url.starts_with("http://") {
        args.push("--allow-http");
    }
    args
}

fn curl(url: &str, bearer: &str) -> String {
    let hello = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "curl", "version": "8" },
        },
    });
    format!(
        "curl -i {url} \\\n  -H \"Authorization: {bearer}\" \\\n  -H \"Content-Type: application/json\" \
         \\\n  -H \"Accept: application/json, text/event-stream\" \\\n  -d '{hello}'"
    )
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_snippet_has_the_address_and_the_token_and_parses() {
        let all = all("shop", "http://127.0.0.1:8080/t/acme/shop/mcp", "dbg_x");
        let clients: Vec<_> = all.iter().map(|s| s.client).collect();
        assert_eq!(
            clients,
            ["claude_code", "claude_desktop", "cursor", "vscode", "codex", "windsurf", "curl"]
        );
        for snippet in all {
            let Snippet { client, text, .. } = &snippet;
            assert!(text.contains("/t/acme/shop/mcp") && text.contains("Bearer dbg_x"), "{client}");
            if text.starts_with('{') {
                serde_json::from_str::<serde_json::Value>(text).unwrap();
            }
        }
    }

    #[test]
    fn the_bridge_takes_plain_http_on_request_only() {
        assert!(bridge("http://x/").contains(&"--allow-http"));
        assert!(!bridge("https://x/").contains(&"--allow-http"));
    }
}
