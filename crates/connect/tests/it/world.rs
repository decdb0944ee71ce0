//! A served process, and a client that speaks HTTP to it.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use connect::{Options, Secret};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Answers every request with its own id and the name of its process; says first what `ask` in
/// a request tells it to, waits where `wait` does, and ends where `end` does. Its process id is
/// in the file of its name.
pub(crate) const ECHO: &str = r#"
echo $$ >> "$PIDS"
sleep 1000 &
while IFS= read -r line; do
  case "$line" in
    *'"notifications/'*) echo "$line" >> "$PIDS.heard"; continue;;
    *'"method":"end"'*) exit 3;;
    *'"method":"junk"'*) echo 'not json';;
    *'"method":"ask"'*) echo '{"jsonrpc":"2.0","id":"from-server","method":"roots/list"}';;
    *'"result"'*) echo "$line" >> "$PIDS.heard"; continue;;
  esac
  id=$(printf '%s' "$line" | sed 's/.*"id":\("[^"]*"\|[0-9]*\).*/\1/')
  token=$(printf '%s' "$line" | sed -n 's/.*"progressToken":\("[^"]*"\|[0-9]*\).*/\1/p')
  if [ -n "$token" ]; then
    printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}\n' "$token"
  fi
  case "$line" in
    *'"method":"wait"'*) continue;;
    *'server/discover'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"supportedVersions":["2026-07-28"]}}\n' "$id"; continue;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":{"pid":%s,  "kept":1e2}}\n' "$id" "$$"
done
"#;

pub(crate) struct World {
    pub(crate) url: String,
    secret: String,
    folder: tempfile::TempDir,
    http: Client<HttpConnector, Full<Bytes>>,
    stop: CancellationToken,
    tasks: JoinSet<std::io::Result<()>>,
}

/// An answer, read whole.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The messages in it, as they were written.
    pub(crate) lines: Vec<String>,
}

impl Reply {
    pub(crate) fn last(&self) -> Value {
        serde_json::from_str(self.lines.last().expect("a message")).unwrap()
    }
}

impl World {
    /// Serves a shell script.
    pub(crate) async fn serve(script: &str, change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!("PIDS='{}'\n{script}", pids.display());
        let mut options = Options::new(["sh", "-c", &script].map(Into::into).to_vec());
        change(&mut options);
        let secret = options.secret.as_ref().map(Secret::reveal).unwrap_or_default().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(connect::serve(listener, options, stop.clone()));
        let http = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Self { url, secret, folder, http, stop, tasks }
    }

    pub(crate) async fn open(
        &self,
        method: Method,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> http::Response<Incoming> {
        let bearer = format!("Bearer {}", self.secret);
        let mut all = vec![
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        all.retain(|(name, _)| !headers.iter().any(|(given, _)| given == name));
        all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
        let mut request = Request::builder().method(method).uri(&self.url);
        for (name, value) in all {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        self.http.request(request).await.unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let response = self.open(method, headers, body).await;
        let (head, body) = response.into_parts();
        let reading = tokio::time::timeout(Duration::from_secs(20), body.collect());
        let text = reading.await.expect("an end").unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        if text.starts_with('{') {
            lines.push(text);
        }
        Reply { status: head.status.as_u16(), headers: head.headers, lines }
    }

    pub(crate) async fn post(&self, headers: &[(&str, &str)], message: &Value) -> Reply {
        self.send(Method::POST, headers, message.to_string()).await
    }

    /// Opens a session.
    pub(crate) async fn session(&self) -> String {
        let opened = self.post(&[], &initialize()).await;
        assert_eq!(opened.status, 200, "{:?}", opened.lines);
        opened.headers["mcp-session-id"].to_str().unwrap().to_owned()
    }

    /// The processes that were started so far.
    pub(crate) fn started(&self) -> Vec<u32> {
        numbers(&self.folder.path().join("pids"))
    }

    /// Those of them, and of what they started, that still run.
    pub(crate) fn running(&self) -> usize {
        let groups = self.started();
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let stats =
            processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
        let is_ours = |stat: &String| {
            let (_, rest) = stat.rsplit_once(") ").unwrap();
            let words: Vec<&str> = rest.split(' ').collect();
            words[0] != "Z" && groups.contains(&words[2].parse().unwrap())
        };
        stats.filter(is_ours).count()
    }

    /// What the processes heard that wants no answer.
    pub(crate) async fn heard(&self, count: usize) -> Vec<Value> {
        for _ in 0..200 {
            let text = std::fs::read_to_string(self.folder.path().join("pids.heard"));
            let text = text.unwrap_or_default();
            let lines: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            if lines.len() >= count {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} messages were not heard");
    }

    /// Waits until so many processes run.
    pub(crate) async fn runs(&self, count: usize) {
        for _ in 0..600 {
            if self.running() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} processes run instead of {count}", self.running());
    }

    /// Stops, and waits for the end.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        self.tasks.join_next().await.unwrap().unwrap().unwrap();
    }
}

impl Drop for World {
    /// A test that does not stop its world leaves nothing behind either.
    fn drop(&mut self) {
        for group in self.started() {
            let _gone = killpg(Pid::from_raw(group.try_into().unwrap()), Signal::SIGKILL);
        }
    }
}

fn numbers(path: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

pub(crate) fn initialize() -> Value {
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"}}})
}

/// The parts of one stream's next message.
pub(crate) async fn next(body: &mut Incoming) -> Option<String> {
    let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await.expect("a frame");
    let data = frame?.unwrap().into_data().unwrap();
    Some(String::from_utf8(data.to_vec()).unwrap())
}
