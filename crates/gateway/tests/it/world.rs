//! A small world to test in: organisations in memory, servers on loopback, a gateway or two in
//! front of them, and an agent that speaks HTTP.
#![allow(dead_code, reason = "each user of this file needs another part of it")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use chrono::Utc;
use domain::secret::{KeyKind, PlainKey};
use domain::vault::Keyring;
use domain::{
    CallRecord, Clock, GrantId, OrganisationId, OrganisationSettings, PolicyId, ServerId, Slug,
    ToolState, Transport,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gateway::limits::CounterStore;
use gateway::limits::memory::MemoryCounters;
use gateway::records::{Full, Place, Records};
use gateway::sessions::MemorySessions;
use gateway::source::{
    BindingSnapshot, GrantSnapshot, OrganisationSnapshot, PolicySnapshot, ServerSnapshot, Source,
    TokenSnapshot, ToolSnapshot, Unavailable,
};
use gateway::{Gateway, GatewayParts, Settings};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full as FullBody};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mcp::client::{AddressRules, Client};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The organisation that most tests are about.
pub(crate) const ACME: &str = "acme";

/// The key that seals recorded arguments.
pub(crate) fn arguments_key() -> Keyring {
    Keyring::single(&[8; 32])
}

/// Everything of one test.
pub(crate) struct World {
    pub(crate) source: Arc<Memory>,
    pub(crate) records: Kept,
    pub(crate) clock: Clock,
    pub(crate) gateways: Vec<(Arc<Gateway>, SocketAddr)>,
    /// Sessions that all gateways share, if they do.
    pub(crate) sessions: Option<Arc<MemorySessions>>,
    http: HttpClient<HttpConnector, FullBody<Bytes>>,
    tasks: JoinSet<()>,
}

impl World {
    /// An organisation without servers and grants, no gateway yet.
    pub(crate) fn empty() -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        Self {
            source: Arc::new(Memory::new()),
            records: Kept::default(),
            clock: Clock::system(),
            gateways: Vec::new(),
            sessions: None,
            http: HttpClient::builder(TokioExecutor::new()).build(http),
            tasks: JoinSet::new(),
        }
    }

    /// The demo server as `shop`, under `policy`, behind one gateway.
    pub(crate) async fn with_shop(policy: Value) -> (Self, Agent, demo::Recorder) {
        let mut world = Self::empty();
        let recorder = demo::Recorder::default();
        let options = demo::Options { recorder: recorder.clone(), ..demo::Options::default() };
        let at = world.serve(demo::router_with(options)).await;
        world.server("shop", at, &SHOP_TOOLS);
        let agent = world.grant("agent", &[("shop", Some(policy))]);
        world.gateway(|_| {}).await;
        (world, agent, recorder)
    }

    /// A server made of one function, as `shop`, under `policy`, behind one gateway.
    pub(crate) async fn with_upstream<F, R>(
        policy: Value,
        tools: &[&str],
        upstream: F,
    ) -> (Self, Agent)
    where
        F: Fn(Seen) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response> + Send + 'static,
    {
        let mut world = Self::empty();
        let at = world.upstream(upstream).await;
        let tools: Vec<_> = tools.iter().map(|tool| (*tool, "read")).collect();
        world.server("shop", at, &tools);
        let agent = world.grant("agent", &[("shop", Some(policy))]);
        world.gateway(|_| {}).await;
        (world, agent)
    }

    /// Serves a router on a free port.
    pub(crate) async fn serve(&mut self, router: Router) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        self.tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        at
    }

    /// Serves one function at every path.
    pub(crate) async fn upstream<F, R>(&mut self, upstream: F) -> SocketAddr
    where
        F: Fn(Seen) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response> + Send + 'static,
    {
        let handler = move |request: Request| {
            let upstream = upstream.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let seen = Seen { method: head.method, headers: head.headers, body };
                upstream(seen).await
            }
        };
        self.serve(Router::new().fallback(handler)).await
    }

    /// Adds a server with these tools, each with its category.
    pub(crate) fn server(&self, slug: &str, at: SocketAddr, tools: &[(&str, &str)]) -> ServerId {
        let id = ServerId::fresh(Utc::now());
        let tools = tools.iter().map(|(name, category)| tool(name, category)).collect();
        self.source.change(|organisation| {
            organisation.servers.push(ServerSnapshot {
                id,
                slug: slug.parse().unwrap(),
                name: slug.to_uppercase(),
                url: format!("http://{at}/mcp").parse().unwrap(),
                transport: Transport::StreamableHttp,
                speaks_modern: true,
                speaks_legacy: true,
                auth_headers: Vec::new(),
                paused: false,
                tools,
                tools_at: Some(Utc::now()),
            });
        });
        id
    }

    /// Adds a grant of servers, each under a policy or none.
    pub(crate) fn grant(&self, label: &str, servers: &[(&str, Option<Value>)]) -> Agent {
        let (key, now) = (PlainKey::fresh(KeyKind::Grant), Utc::now());
        let id = GrantId::fresh(now);
        self.source.change(|organisation| {
            let mut bindings = Vec::new();
            for (slug, policy) in servers {
                let server = organisation.servers.iter().find(|s| s.slug.as_str() == *slug);
                let policy = policy.as_ref().map(|document| {
                    let id = PolicyId::fresh(now);
                    let document = document.to_string().into();
                    organisation.policies.push(PolicySnapshot { id, version: 1, document });
                    id
                });
                bindings.push(BindingSnapshot { server: server.unwrap().id, policy });
            }
            organisation.grants.push(GrantSnapshot {
                id,
                label: label.to_owned(),
                tokens: vec![TokenSnapshot { digest: key.digest(), expires_at: None }],
                connections: Vec::new(),
                expires_at: None,
                revoked: false,
                bindings,
            });
        });
        Agent { id, token: key.reveal().to_owned(), path: format!("/t/{ACME}/shop/mcp") }
    }

    /// Starts a gateway with counters in process.
    pub(crate) async fn gateway(&mut self, settings: impl FnOnce(&mut Settings)) -> SocketAddr {
        let counters = Arc::new(MemoryCounters::new(self.clock.clone()));
        self.gateway_with(counters, settings).await
    }

    /// Starts a gateway.
    pub(crate) async fn gateway_with(
        &mut self,
        counters: Arc<dyn CounterStore>,
        change: impl FnOnce(&mut Settings),
    ) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut settings = Settings::at(format!("http://{at}").parse().unwrap());
        settings.loopback = true;
        change(&mut settings);
        let source = Arc::clone(&self.source);
        let mut gateway = Gateway::new(GatewayParts {
            settings,
            source,
            records: Arc::new(self.records.clone()),
            counters,
            client: Client::new(AddressRules { loopback: true, ..AddressRules::default() })
                .unwrap(),
            keyring: Keyring::single(&[7; 32]),
            arguments: arguments_key(),
            clock: self.clock.clone(),
        });
        if let Some(sessions) = &self.sessions {
            gateway = gateway.with_sessions(Arc::clone(sessions) as _);
        }
        let gateway = Arc::new(gateway);
        let router = gateway::router(Arc::clone(&gateway));
        self.tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        self.gateways.push((gateway, at));
        at
    }

    /// Makes a change known to every gateway, as the bus does.
    pub(crate) async fn publish(&self, change: impl FnOnce(&mut OrganisationSnapshot)) {
        let (id, revision) = self.source.change(change);
        for (gateway, _) in &self.gateways {
            gateway.views().changed(id, revision).await.unwrap();
        }
    }

    /// Lets every server speak these eras.
    pub(crate) async fn speak(&self, modern: bool, legacy: bool) {
        self.publish(|organisation| {
            for server in &mut organisation.servers {
                server.speaks_modern = modern;
                server.speaks_legacy = legacy;
            }
        })
        .await;
    }

    /// Posts a message of the stateless revision.
    pub(crate) async fn ask(&self, agent: &Agent, message: Value) -> Reply {
        let (headers, message) = modern(message);
        self.post(agent, &borrowed(&headers), &message).await
    }

    /// Sends a request as it is.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: String,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> http::Response<Incoming> {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.http.request(request.body(FullBody::new(body.into())).unwrap()).await.unwrap()
    }

    /// Posts to the first gateway as an MCP client does.
    pub(crate) async fn post(
        &self,
        agent: &Agent,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        self.post_raw(agent, headers, body.to_string()).await
    }

    /// The same with any bytes.
    pub(crate) async fn post_raw(
        &self,
        agent: &Agent,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        Reply::read(self.open(Method::POST, agent, headers, body).await).await
    }

    /// Sends as an MCP client does, and leaves the body to be read.
    pub(crate) async fn open(
        &self,
        method: Method,
        agent: &Agent,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> http::Response<Incoming> {
        let url = format!("http://{}{}", self.gateways[0].1, agent.path);
        let bearer = format!("Bearer {}", agent.token);
        let mut all = vec![("authorization", bearer.as_str())];
        for (name, value) in [
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ] {
            if !headers.iter().any(|(given, _)| *given == name) {
                all.push((name, value));
            }
        }
        all.extend(headers);
        self.send(method, url, &all, body).await
    }

    /// Opens a session; gives its id, if the server keeps one.
    pub(crate) async fn initialize(&self, agent: &Agent) -> Option<String> {
        let reply = self.post(agent, &[], &initialize()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let session = reply.headers.get("mcp-session-id")?.to_str().unwrap().to_owned();
        let headers = [("mcp-session-id", session.as_str())];
        let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(self.post(agent, &headers, &note).await.status, 202);
        Some(session)
    }

    /// Calls a tool without a session, as modern clients do.
    pub(crate) async fn run(&self, agent: &Agent, tool: &str, args: Value) -> Reply {
        let (headers, message) = modern(call(tool, args));
        self.post(agent, &borrowed(&headers), &message).await
    }

    /// Calls a tool in a session.
    pub(crate) async fn call(
        &self,
        agent: &Agent,
        session: &str,
        tool: &str,
        args: Value,
    ) -> Reply {
        self.post(agent, &[("mcp-session-id", session)], &call(tool, args)).await
    }
}

/// Whoever holds a token.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) id: GrantId,
    pub(crate) token: String,
    pub(crate) path: String,
}

impl Agent {
    /// The same agent at the per-tenant URL.
    pub(crate) fn at_tenant(&self) -> Self {
        Self { path: format!("/t/{ACME}/mcp"), ..self.clone() }
    }

    /// The same agent at another path.
    pub(crate) fn at(&self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The JSON-RPC answer, out of JSON or of a stream; null if there is none.
    pub(crate) json: Value,
}

impl Reply {
    pub(crate) async fn read(response: http::Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let kind = head.headers.get("content-type").map(|v| v.to_str().unwrap().to_owned());
        let json = if kind.as_deref() == Some("text/event-stream") {
            let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
            let mut messages = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
            messages.next_back().unwrap_or_default()
        } else {
            serde_json::from_str(&text).unwrap_or_default()
        };
        Self { status: head.status.as_u16(), headers: head.headers, text, json }
    }

    /// The text of a tool result.
    pub(crate) fn tool_text(&self) -> &str {
        self.json.pointer("/result/content/0/text").and_then(Value::as_str).unwrap_or_default()
    }

    /// The decision in a tool result.
    pub(crate) fn decision(&self) -> &Value {
        self.json.pointer("/result/_meta/drawbridge~1decision").unwrap_or(&Value::Null)
    }

    /// The names in a list.
    pub(crate) fn names(&self, list: &str, key: &str) -> Vec<String> {
        let items = self.json.pointer(&format!("/result/{list}")).and_then(Value::as_array);
        let names = items.into_iter().flatten().map(|item| item[key].as_str().unwrap().to_owned());
        names.collect()
    }
}

/// What a scripted server saw.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A JSON answer to what was seen.
    pub(crate) fn result(&self, result: &Value) -> Response {
        let answer = json!({"jsonrpc": "2.0", "id": self.json()["id"], "result": result});
        reply(200, "application/json", answer.to_string())
    }
}

/// A stream of these messages.
pub(crate) fn events(messages: &[Value]) -> Response {
    let events: Vec<_> =
        messages.iter().map(|m| format!("event: message\ndata: {m}\n\n")).collect();
    reply(200, "text/event-stream", events.concat())
}

/// A response of a scripted server.
pub(crate) fn reply(status: u16, kind: &str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", kind.parse().unwrap());
    response
}

// === Messages ===

pub(crate) fn initialize() -> Value {
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {"sampling": {}},
        "clientInfo": {"name": "test-client", "version": "1.2"}}})
}

#[expect(clippy::needless_pass_by_value, reason = "reads better with json! in place")]
pub(crate) fn call(tool: &str, args: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": tool, "arguments": args}})
}

pub(crate) fn list(what: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 8, "method": format!("{what}/list")})
}

/// A message of the stateless revision, and the headers that mirror it.
pub(crate) fn modern(mut message: Value) -> (Vec<(&'static str, String)>, Value) {
    let method = message["method"].as_str().unwrap().to_owned();
    let mut headers =
        vec![("mcp-protocol-version", "2026-07-28".to_owned()), ("mcp-method", method)];
    if message.get("params").is_none() {
        message["params"] = json!({});
    }
    let params = &message["params"];
    let name = params.get("name").or(params.get("uri")).or(params.get("taskId"));
    if let Some(name) = name.and_then(Value::as_str) {
        headers.push(("mcp-name", name.to_owned()));
    }
    let mut meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "modern-client", "version": "3"}});
    // What a test says there itself counts.
    for (key, value) in message["params"]["_meta"].as_object().into_iter().flatten() {
        meta[key] = value.clone();
    }
    message["params"]["_meta"] = meta;
    (headers, message)
}

/// Headers as `post` takes them.
pub(crate) fn borrowed<'h>(headers: &'h [(&'static str, String)]) -> Vec<(&'h str, &'h str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// A policy that allows everything.
pub(crate) fn allow_all() -> Value {
    json!({"version": "1", "default": "allow"})
}

/// The tools of the demo server.
pub(crate) const SHOP_TOOLS: [(&str, &str); 10] = [
    ("list_customers", "read"),
    ("get_order", "read"),
    ("build_forecast", "read"),
    ("send_invoice", "write"),
    ("update_customer", "write"),
    ("run_report_query", "execute"),
    ("delete_customer", "destructive"),
    ("create_charge", "financial"),
    ("refund_charge", "financial"),
    ("revoke_api_key", "destructive"),
];

pub(crate) fn tool(name: &str, category: &str) -> ToolSnapshot {
    let definition = json!({"name": name, "inputSchema": {"type": "object"}});
    ToolSnapshot {
        name: name.to_owned(),
        category: category.to_owned(),
        risk: "low".to_owned(),
        state: ToolState::Current,
        fingerprint: name.to_owned(),
        definition: definition.to_string().into(),
    }
}

// === Source and records ===

/// A change of the organisation.
pub(crate) type Change = Box<dyn Fn(&mut OrganisationSnapshot) + Send>;

/// One organisation, in memory.
pub(crate) struct Memory {
    organisation: Mutex<OrganisationSnapshot>,
    /// Whether it cannot be reached.
    pub(crate) is_down: AtomicBool,
    /// How often it was read.
    pub(crate) reads: AtomicUsize,
    /// How often a server was listed anew.
    pub(crate) questions: AtomicUsize,
    pub(crate) refreshes: AtomicUsize,
    /// What a refresh changes.
    pub(crate) on_refresh: Mutex<Option<Change>>,
}

impl Memory {
    fn new() -> Self {
        Self {
            organisation: Mutex::new(OrganisationSnapshot {
                id: OrganisationId::fresh(Utc::now()),
                slug: ACME.parse().unwrap(),
                name: "Acme".to_owned(),
                settings: OrganisationSettings::default(),
                revision: 1,
                paused: false,
                grants: Vec::new(),
                servers: Vec::new(),
                policies: Vec::new(),
            }),
            is_down: AtomicBool::new(false),
            reads: AtomicUsize::new(0),
            questions: AtomicUsize::new(0),
            refreshes: AtomicUsize::new(0),
            on_refresh: Mutex::new(None),
        }
    }

    /// Changes the organisation; its id and new revision.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&mut OrganisationSnapshot),
    ) -> (OrganisationId, i64) {
        let mut organisation = self.organisation.lock().unwrap();
        organisation.revision += 1;
        change(&mut organisation);
        (organisation.id, organisation.revision)
    }

    fn check(&self) -> Result<(), Unavailable> {
        if self.is_down.load(Ordering::SeqCst) { Err(Unavailable::because("down")) } else { Ok(()) }
    }
}

impl Source for Memory {
    fn organisation<'a>(
        &'a self,
        slug: &'a Slug,
    ) -> BoxFuture<'a, Result<Option<OrganisationSnapshot>, Unavailable>> {
        async move {
            self.check()?;
            self.reads.fetch_add(1, Ordering::SeqCst);
            let organisation = self.organisation.lock().unwrap();
            Ok((organisation.slug == *slug).then(|| organisation.clone()))
        }
        .boxed()
    }

    fn revision(&self, id: OrganisationId) -> BoxFuture<'_, Result<Option<i64>, Unavailable>> {
        async move {
            self.check()?;
            self.questions.fetch_add(1, Ordering::SeqCst);
            let organisation = self.organisation.lock().unwrap();
            Ok((organisation.id == id).then_some(organisation.revision))
        }
        .boxed()
    }

    fn refresh(&self, _: OrganisationId, _: ServerId) -> BoxFuture<'_, Result<bool, Unavailable>> {
        async move {
            self.refreshes.fetch_add(1, Ordering::SeqCst);
            let change = self.on_refresh.lock().unwrap().take();
            Ok(change.map(|change| self.change(change)).is_some())
        }
        .boxed()
    }
}

/// Records, kept.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    records: Arc<Mutex<Vec<CallRecord>>>,
    pub(crate) is_full: Arc<AtomicBool>,
    pub(crate) forwards_nothing: Arc<AtomicBool>,
    pub(crate) widens_nothing: Arc<AtomicBool>,
    is_forgetful: Arc<AtomicBool>,
}

struct Slot(Kept);

impl Kept {
    /// Keeps none from now on: for measuring.
    pub(crate) fn forget(&self) {
        self.is_forgetful.store(true, Ordering::SeqCst);
    }

    /// All records so far.
    pub(crate) fn all(&self) -> Vec<CallRecord> {
        self.records.lock().unwrap().clone()
    }

    /// The last record.
    pub(crate) fn last(&self) -> CallRecord {
        self.all().pop().expect("a record")
    }

    /// Waits until there are so many.
    pub(crate) async fn count(&self, wanted: usize) -> Vec<CallRecord> {
        for _ in 0..200 {
            let all = self.all();
            if all.len() >= wanted {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} records instead of {wanted}", self.all().len());
    }
}

impl Records for Kept {
    fn reserve(&self) -> Result<Box<dyn Place>, Full> {
        if self.is_full.load(Ordering::SeqCst) {
            Err(Full)
        } else {
            Ok(Box::new(Slot(self.clone())))
        }
    }
}

impl Place for Slot {
    fn widen(&mut self, _: usize) -> Result<(), Full> {
        if self.0.widens_nothing.load(Ordering::SeqCst) { Err(Full) } else { Ok(()) }
    }

    fn forwarding(&self, _: &CallRecord) -> Result<(), Full> {
        if self.0.forwards_nothing.load(Ordering::SeqCst) { Err(Full) } else { Ok(()) }
    }

    fn append(self: Box<Self>, record: CallRecord) {
        if !self.0.is_forgetful.load(Ordering::SeqCst) {
            self.0.records.lock().unwrap().push(record);
        }
    }
}
