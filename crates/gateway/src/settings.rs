//! What an operator may set for the data plane; the binary reads it from its configuration.

use std::time::Duration;

use url::Url;

/// See the module. The defaults are those of the specification.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address under which clients reach the gateway, without a trailing slash's meaning.
    pub public_url: Url,
    /// The address of the authorization server, where clients log in.
    pub issuer: Url,
    /// Whether the listener is loopback, so that loopback names are its own.
    pub loopback: bool,
    /// Further names that the `Host` header may have.
    pub allowed_hosts: Vec<String>,
    /// Origins other than our own from which browsers may call.
    pub allowed_origins: Vec<String>,
    /// Largest request body.
    pub max_request_bytes: usize,
    /// Largest JSON answer of a server, and largest single SSE event.
    pub max_answer_bytes: usize,
    /// How long a client may take to send its body.
    pub request_deadline: Duration,
    /// How long a server may take to begin its answer to `initialize` and lists.
    pub list_deadline: Duration,
    /// How long a server may take to begin its answer to everything else.
    pub call_deadline: Duration,
    /// Silence on a stream after which a comment is sent.
    pub keep_alive: Duration,
    /// How long an unused session is kept that the gateway opened with a server on behalf of clients
    /// that have none.
    pub bridge_idle: Duration,
    /// Calls of one organisation in flight, above which further ones are 503.
    pub max_in_flight: usize,
    /// Calls at one server of an organisation, above which further ones are told that it is busy.
    pub max_at_server: usize,
    /// Replicas among which limits are divided while the shared counters are out of reach.
    pub replicas: u64,
}

impl Settings {
    /// The defaults, at this address.
    pub fn at(public_url: Url) -> Self {
        Self {
            issuer: public_url.clone(),
            public_url,
            loopback: false,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            max_request_bytes: 4 << 20,
            max_answer_bytes: 16 << 20,
            request_deadline: Duration::from_secs(30),
            list_deadline: Duration::from_mins(1),
            call_deadline: Duration::from_mins(5),
            keep_alive: Duration::from_secs(15),
            bridge_idle: Duration::from_mins(10),
            max_in_flight: 1_024,
            max_at_server: 256,
            replicas: 1,
        }
    }
}
