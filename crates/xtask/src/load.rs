//! `cargo xtask load`: one tool called over and over through a running gateway.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};

use crate::http::Connection;

/// What to call and how hard.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the gateway serves MCP: `http://127.0.0.1:8080/t/organisation/server/mcp`.
    #[arg(long)]
    url: String,
    /// The token of a grant.
    #[arg(long)]
    token: String,
    /// The tool to call.
    #[arg(long)]
    tool: String,
    /// Its arguments, a JSON object.
    #[arg(long, default_value = "{}")]
    arguments: String,
    /// Connections kept alive side by side.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// For how long.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The gateway's process, to report its CPU for each call.
    #[arg(long)]
    pid: Option<u32>,
}

/// Calls, measures, prints.
pub(crate) fn load(args: &Args) -> Result<()> {
    let target = Target::parse(args)?;
    let arguments: Value = serde_json::from_str(&args.arguments).context("--arguments")?;
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": args.tool, "arguments": arguments },
    });
    let before = args.pid.map(cpu).transpose()?;
    let began = Instant::now();
    let until = began + Duration::from_secs(args.seconds);
    let results: Vec<Result<Tally>> = thread::scope(|scope| {
        let work = || scope.spawn(|| target.call_until(&call.to_string(), until));
        let running: Vec<_> = (0..args.connections).map(|_| work()).collect();
        running
            .into_iter()
            .map(|one| one.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked"))))
            .collect()
    });
    let took = began.elapsed();
    let after = args.pid.map(cpu).transpose()?;
    let mut all = Tally::default();
    for result in results {
        all.add(result?);
    }
    let used = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    all.print(took, used)
}

/// The calls of one connection, or of all.
#[derive(Default)]
struct Tally {
    latencies: Vec<Duration>,
    refused: usize,
    first_refusal: Option<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.refused += other.refused;
        self.first_refusal = self.first_refusal.take().or(other.first_refusal);
    }

    fn print(mut self, took: Duration, used: Option<Duration>) -> Result<()> {
        self.latencies.sort_unstable();
        let calls = self.latencies.len();
        if calls == 0 {
            bail!("no call was made");
        }
        let at = |part: usize| {
            let index = (calls.saturating_mul(part) / 1000).min(calls - 1);
            self.latencies.get(index).copied().unwrap_or_default()
        };
        let count = u32::try_from(calls).context("too many calls to divide by")?;
        println!(
            "calls      {calls} in {took:.1?}: {:.0}/s",
            f64::from(count) / took.as_secs_f64()
        );
        println!(
            "latency    p50 {:.0?}  p90 {:.0?}  p99 {:.0?}  p99.9 {:.0?}  max {:.0?}",
            at(500),
            at(900),
            at(990),
            at(999),
            at(1000)
        );
        if let Some(used) = used {
            println!("CPU        {:.1?} a call ({used:.2?} in all)", used / count);
        }
        if let Some(refusal) = self.first_refusal {
            println!("refused    {} of them; the first: {refusal}", self.refused);
        }
        Ok(())
    }
}

/// The gateway's address and the head of each request.
struct Target {
    authority: String,
    head: String,
}

impl Target {
    fn parse(args: &Args) -> Result<Self> {
        let rest = args.url.strip_prefix("http://").context("--url must begin with http://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let head = format!(
            "POST /{path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n",
            args.token
        );
        let has_port = authority.contains(':');
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Self { authority, head })
    }

    fn call_until(&self, call: &str, until: Instant) -> Result<Tally> {
        let mut connection = Connection::open(&self.authority)?;
        let session = self.begin(&mut connection)?;
        let head = format!("{}{session}", self.head);
        let mut tally = Tally::default();
        while Instant::now() < until {
            let began = Instant::now();
            let answer = connection.exchange(&head, call)?;
            tally.latencies.push(began.elapsed());
            if answer.status != 200 || !answer.body.contains("\"result\"") {
                tally.refused += 1;
                tally.first_refusal.get_or_insert(answer.body);
            }
        }
        Ok(tally)
    }

    /// Opens a session; the headers that continue it.
    fn begin(&self, connection: &mut Connection) -> Result<String> {
        let version = "2025-06-18";
        let hello = json!({
            "jsonrpc": "2.0", "id": 0, "method": "initialize",
            "params": {
                "protocolVersion": version, "capabilities": {},
                "clientInfo": { "name": "load", "version": "1" },
            },
        });
        let answer = connection.exchange(&self.head, &hello.to_string())?;
        if answer.status != 200 {
            bail!("initialize was answered with {}: {}", answer.status, answer.body);
        }
        let id = answer.session.map(|id| format!("Mcp-Session-Id: {id}\r\n"));
        let session = format!("MCP-Protocol-Version: {version}\r\n{}", id.unwrap_or_default());
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        connection.exchange(&format!("{}{session}", self.head), &ready.to_string())?;
        Ok(session)
    }
}

/// The processor time that a process has used.
fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("cannot read the CPU time of process {pid}"))?;
    // The name before it is in brackets and may hold anything; user and system time are the
    // twelfth and thirteenth word after it.
    let (_, rest) = stat.rsplit_once(") ").context("an unknown form of /proc/…/stat")?;
    let words = rest.split(' ').skip(11).take(2);
    let ticks: u64 = words.filter_map(|word| word.parse::<u64>().ok()).sum();
    let a_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)?.unwrap_or(100);
    Ok(Duration::from_millis(ticks * 1000 / u64::try_from(a_second)?))
}
