//! The clients of the soak: each visit is one of the ways in which clients come and go, good ones
//! and bad.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::http::Connection;

/// Where clients go, and with what.
pub(super) struct Target {
    pub(super) authority: String,
    pub(super) slug: String,
    pub(super) token: String,
}

/// A client that comes and goes.
pub(super) struct Visitor<'t> {
    target: &'t Target,
    random: u64,
}

impl<'t> Visitor<'t> {
    pub(super) fn new(target: &'t Target, seed: u64) -> Self {
        Self { target, random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    /// Visits until then, and counts the visits that did what they were to do.
    pub(super) fn run_until(mut self, deadline: Instant, done: &AtomicU64) {
        while Instant::now() < deadline {
            // A visit that fails is a client that vanished.
            if self.visit().is_ok() {
                done.fetch_add(1, Ordering::Relaxed);
            }
            self.dawdle(2_000);
        }
    }

    /// Below `most`; good enough to be different each time.
    fn any(&mut self, most: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % most
    }

    fn dawdle(&mut self, most_ms: u64) {
        let ms = self.any(most_ms);
        thread::sleep(Duration::from_millis(ms));
    }

    /// One of the ways in which clients come and go.
    fn visit(&mut self) -> Result<()> {
        let way = self.any(6);
        let path = match way {
            0 => format!("/t/{}/mcp", self.target.slug),
            _ => format!("/t/{}/demo/mcp", self.target.slug),
        };
        let mut connection = Connection::open(&self.target.authority)?;
        if way == 1 {
            // Half a request.
            return connection
                .send_raw(&format!("{}Content-Length: 99\r\n\r\n{{", self.head("POST", &path)));
        }
        let post = self.head("POST", &path);
        let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "soak", "version": "1"}}});
        let opened = connection.exchange(&post, &hello.to_string())?;
        let session = opened.session.context("no session")?;
        let session = format!("Mcp-Session-Id: {session}\r\n");
        let post = format!("{post}{session}");
        let tool = if way == 0 { "demo__list_customers" } else { "list_customers" };
        let call = |tool: &str, id: u64| {
            json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
                "params": {"name": tool, "arguments": {}, "_meta": {"progressToken": id}}})
            .to_string()
        };
        match way {
            2 => {
                // A stream, left behind.
                connection.send(&format!("{}{session}", self.head("GET", &path)), "")?;
                connection.first_line()?;
                self.dawdle(3_000);
                return Ok(());
            }
            3 => {
                // A long call, left in its middle.
                connection.send(&post, &call("build_forecast", 1))?;
                connection.first_line()?;
                self.dawdle(600);
                return Ok(());
            }
            4 => {
                // A call whose answer nobody reads.
                return connection.send(&post, &call(tool, 1));
            }
            _ => {}
        }
        for id in 1..5 {
            connection.exchange(&post, &call(tool, id))?;
        }
        let delete = format!("{}{session}", self.head("DELETE", &path));
        connection.exchange(&delete, "").map(|_ended| ())
    }

    fn head(&self, method: &str, path: &str) -> String {
        let Target { authority, token, .. } = self.target;
        let accept = if method == "GET" { "" } else { "application/json, " };
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nAccept: {accept}text/event-stream\r\n"
        )
    }
}
