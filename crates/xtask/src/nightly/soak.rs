//! Clients that connect, stream and vanish, for minutes: memory and descriptors of the product
//! stay flat, and come back when the clients are gone.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::Args;
use super::plot::{Series, svg};
use super::visitors::{Target, Visitor};
use crate::http::Connection;
use crate::services::Services;
use crate::shell::{build_product, product, root, run, say, target};

const MASTER_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const EVERY: Duration = Duration::from_secs(2);
/// How long the product may take to put away what vanished clients left.
const SETTLE: Duration = Duration::from_secs(20);
/// What memory and descriptors may grow by from the second quarter to the last: part, and more.
const GROWTH: f64 = 0.10;
const MORE_KIB: f64 = 16.0 * 1024.0;
const MORE_DESCRIPTORS: f64 = 20.0;

/// Runs clients against the product and watches it.
pub(super) fn soak(args: &Args) -> Result<()> {
    build_product()?;
    let services = Services::start()?;
    let mut served = Served::start(&services)?;
    let target = served.prepare()?;
    let before = Sample::take(served.pid(), Duration::ZERO)?;
    let deadline = Instant::now() + Duration::from_secs(args.minutes * 60);
    let done = AtomicU64::new(0);
    say(&format!("{} clients for {} minutes", args.clients, args.minutes));
    let samples = thread::scope(|scope| {
        for seed in 0..args.clients as u64 {
            let (target, done) = (&target, &done);
            let client = move || Visitor::new(target, seed).run_until(deadline, done);
            thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, client)?;
        }
        watch(served.pid(), deadline)
    })?;
    thread::sleep(SETTLE);
    let after = Sample::take(served.pid(), Duration::ZERO)?;
    let done = done.load(Ordering::Relaxed);
    let verdict = Verdict::of(&samples, before, after);
    keep(&samples, args, done)?;
    println!("{done} visits\n{verdict}");
    served.stop()?;
    if !verdict.is_flat() {
        bail!("memory or descriptors grow");
    }
    Ok(())
}

// === The product ===

struct Served {
    process: Child,
    authority: String,
    /// Its data, for as long as it runs.
    folder: PathBuf,
}

impl Served {
    fn start(services: &Services) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let authority = format!("127.0.0.1:{port}");
        let folder = target().join("test-services").join(format!("soak-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let environment = || {
            let mut all = services.environment().to_vec();
            all.push(("DRAWBRIDGE_MASTER_KEY", MASTER_KEY.to_owned()));
            all.push(("DRAWBRIDGE_LISTEN", authority.clone()));
            all.push(("DRAWBRIDGE_DATA_DIR", folder.display().to_string()));
            all
        };
        run(Command::new(product()).arg("migrate").envs(environment()))?;
        let mut process = Command::new(product())
            .arg("serve")
            .envs(environment())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the product")?;
        let errors = process.stderr.take().context("no standard error")?;
        let mut lines = BufReader::new(errors).lines();
        let is_ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains("ready: "));
        // Somebody has to go on reading.
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("{line}")));
        let served = Self { process, authority, folder };
        if is_ready { Ok(served) } else { bail!("the product did not start") }
    }

    fn pid(&self) -> u32 {
        self.process.id()
    }

    /// An organisation with the demo server behind a grant.
    fn prepare(&self) -> Result<Target> {
        let (email, password) = ("soak@example.com", "a long password for a long night");
        let signup =
            json!({"email": email, "password": password, "name": "S", "organisation": "Soak"});
        let signup = self.post("/api/v1/auth/signup", "", &signup)?;
        let session = json!({"email": email, "password": password});
        let session = self.post("/api/v1/auth/token", "", &session)?;
        let token = text(&session, "/access_token")?;
        let (host, port) = self.authority.rsplit_once(':').context("no port")?;
        let port: u16 = port.parse()?;
        let demo = port.checked_add(10_000).unwrap_or_else(|| port.saturating_sub(10_000));
        let server = json!({"name": "Demo", "url": format!("http://{host}:{demo}/mcp")});
        let server = self.post("/api/v1/servers", &token, &server)?;
        let policy = json!({"name": "p", "document": {"version": "1", "default": "allow"}});
        let policy = self.post("/api/v1/policies", &token, &policy)?;
        let binding =
            json!({"server_id": text(&server, "/id")?, "policy_id": text(&policy, "/id")?});
        let grant = json!({"label": "soak", "bindings": [binding]});
        let grant = self.post("/api/v1/grants", &token, &grant)?;
        Ok(Target {
            authority: self.authority.clone(),
            slug: text(&signup, "/organisation/slug")?,
            token: text(&grant, "/token")?,
        })
    }

    fn post(&self, path: &str, token: &str, body: &Value) -> Result<Value> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n",
            self.authority
        );
        let answer = Connection::open(&self.authority)?.exchange(&head, &body.to_string())?;
        if answer.status >= 300 {
            bail!("{path} was answered with {}: {}", answer.status, answer.body);
        }
        serde_json::from_str(&answer.body).context("an answer that is not JSON")
    }

    /// Ends it as an operator does; it must end well.
    fn stop(&mut self) -> Result<()> {
        kill(Pid::from_raw(self.pid().try_into()?), Signal::SIGTERM)?;
        let ended = self.process.wait()?;
        if ended.success() { Ok(()) } else { bail!("the product ended with {ended}") }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("no {pointer} in {value}"))
}

// === Watching ===

#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    memory_kib: f64,
    descriptors: f64,
}

impl Sample {
    fn take(pid: u32, at: Duration) -> Result<Self> {
        let status =
            fs::read_to_string(format!("/proc/{pid}/status")).context("the product is gone")?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = memory.and_then(|line| line.split_whitespace().next()?.parse().ok());
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))?.count();
        Ok(Self {
            at,
            memory_kib: memory.context("no VmRSS")?,
            descriptors: f64::from(u32::try_from(descriptors)?),
        })
    }
}

fn watch(pid: u32, deadline: Instant) -> Result<Vec<Sample>> {
    let (began, mut samples) = (Instant::now(), Vec::new());
    while Instant::now() < deadline {
        thread::sleep(EVERY);
        samples.push(Sample::take(pid, began.elapsed())?);
    }
    Ok(samples)
}

/// What the second quarter and the last have in their middle, before and after all of it.
struct Verdict {
    early: Sample,
    late: Sample,
    before: Sample,
    after: Sample,
}

impl Verdict {
    fn of(samples: &[Sample], before: Sample, after: Sample) -> Self {
        let quarter = samples.len() / 4;
        let part = |from: usize| samples.iter().skip(from).take(quarter.max(1)).copied();
        Self { early: middle(part(quarter)), late: middle(part(3 * quarter)), before, after }
    }

    fn is_flat(&self) -> bool {
        let grows = |early: f64, late: f64, more: f64| late > early * (1.0 + GROWTH) + more;
        let Self { early, late, before, after } = self;
        !grows(early.memory_kib, late.memory_kib, MORE_KIB)
            && !grows(early.descriptors, late.descriptors, MORE_DESCRIPTORS)
            && !grows(before.descriptors, after.descriptors, MORE_DESCRIPTORS)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = [
            ("before", self.before),
            ("second quarter", self.early),
            ("last quarter", self.late),
            ("clients gone", self.after),
        ];
        for (name, sample) in rows {
            writeln!(
                f,
                "{name:<16} {:>7.1} MiB {:>6.0} descriptors",
                sample.memory_kib / 1024.0,
                sample.descriptors
            )?;
        }
        Ok(())
    }
}

/// The median of each, taken by itself.
fn middle(samples: impl Iterator<Item = Sample>) -> Sample {
    let all: Vec<Sample> = samples.collect();
    let median = |of: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = all.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Sample {
        at: all.first().map(|sample| sample.at).unwrap_or_default(),
        memory_kib: median(|sample| sample.memory_kib),
        descriptors: median(|sample| sample.descriptors),
    }
}

/// The samples as a table and as a drawing.
fn keep(samples: &[Sample], args: &Args, done: u64) -> Result<()> {
    let folder = root().join("artefacts");
    fs::create_dir_all(&folder)?;
    let mut table = String::from("seconds,memory_kib,descriptors\n");
    for sample in samples {
        let seconds = sample.at.as_secs_f64();
        writeln!(table, "{seconds:.1},{},{}", sample.memory_kib, sample.descriptors)?;
    }
    let points = |of: fn(&Sample) -> f64| {
        samples.iter().map(|sample| (sample.at.as_secs_f64(), of(sample))).collect()
    };
    let drawing = svg(
        &format!(
            "{} clients that come and go, {} minutes, {done} visits",
            args.clients, args.minutes
        ),
        &[
            Series { title: "memory, MiB", points: points(|sample| sample.memory_kib / 1024.0) },
            Series { title: "descriptors", points: points(|sample| sample.descriptors) },
        ],
    );
    fs::write(folder.join("soak.csv"), table)?;
    fs::write(folder.join("soak.svg"), drawing)?;
    say(&format!("{}", folder.join("soak.svg").display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(memory_kib: f64, descriptors: f64) -> Sample {
        Sample { at: Duration::ZERO, memory_kib, descriptors }
    }

    #[test]
    fn growth_is_seen_and_a_flat_line_is_not() {
        let flat: Vec<_> = (0..40).map(|n| sample(1e5 + f64::from(n % 7), 300.0)).collect();
        let quiet = sample(6e4, 40.0);
        assert!(Verdict::of(&flat, quiet, sample(9e4, 45.0)).is_flat());
        assert!(!Verdict::of(&flat, quiet, sample(9e4, 120.0)).is_flat(), "not given back");
        let leaks: Vec<_> = (0..40).map(|n| sample(1e5 + 2e3 * f64::from(n), 300.0)).collect();
        assert!(!Verdict::of(&leaks, quiet, quiet).is_flat());
        let leaks: Vec<_> = (0..40).map(|n| sample(1e5, 300.0 + 4.0 * f64::from(n))).collect();
        assert!(!Verdict::of(&leaks, quiet, quiet).is_flat());
    }
}
