//! Meets a server and prints what it says about itself:
//! `cargo run -p mcp --example discover -- http://127.0.0.1:3101/mcp [sse]`

use std::io::{self, Write};

use mcp::client::{AddressRules, Client};
use mcp::discover::{Limits, Target, Transport, discover};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("give the address of a server")?.parse()?;
    let is_sse = arguments.next().as_deref() == Some("sse");
    let transport = if is_sse { Transport::Sse } else { Transport::StreamableHttp };
    let target = Target { url, headers: http::HeaderMap::new(), transport };
    let client = Client::new(AddressRules { loopback: true, ..AddressRules::default() })?;
    let mut out = io::stdout().lock();
    match discover(&client, &target, Limits::default()).await {
        Ok(mut found) => {
            let tools = std::mem::take(&mut found.tools);
            writeln!(out, "{found:#?}\n{} tools", tools.len())?;
            for tool in tools {
                writeln!(out, "  {}  {}", tool.name, tool.description.unwrap_or_default())?;
            }
        }
        Err(error) => writeln!(out, "{error}\n{error:?}")?,
    }
    Ok(())
}
