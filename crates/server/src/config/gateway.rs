//! Limits and deadlines of the data plane.

use super::Reader;

/// See the module.
pub(crate) struct GatewaySettings {
    /// Largest request body, bytes.
    pub(crate) max_request_bytes: usize,
    /// Largest JSON answer or SSE event of a server, bytes.
    pub(crate) max_answer_bytes: usize,
    /// Seconds until the first byte of a server's answer to a call.
    pub(crate) call_deadline_secs: u64,
    /// Calls of one organisation in flight in this process.
    pub(crate) max_in_flight: usize,
    /// Calls at one server of an organisation in this process.
    pub(crate) max_at_server: usize,
    /// Replicas that share a limit while Redis is out of reach.
    pub(crate) replicas: u64,
}

impl GatewaySettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        Self {
            max_request_bytes: reader.value(
                "DRAWBRIDGE_MAX_REQUEST_BYTES",
                "Largest body of a request to the gateway.",
                4 << 20,
            ),
            max_answer_bytes: reader.value(
                "DRAWBRIDGE_MAX_ANSWER_BYTES",
                "Largest JSON answer, or single SSE event, of an upstream server.",
                16 << 20,
            ),
            call_deadline_secs: reader.value(
                "DRAWBRIDGE_CALL_DEADLINE_SECS",
                "Seconds that an upstream server may take to begin its answer to a call.",
                300,
            ),
            max_in_flight: reader.value(
                "DRAWBRIDGE_MAX_IN_FLIGHT",
                "Calls of one organisation in flight in this process; more are answered 503.",
                1_024,
            ),
            max_at_server: reader.value(
                "DRAWBRIDGE_MAX_IN_FLIGHT_AT_SERVER",
                "Calls that one upstream server works on at once for an organisation; further \
                 ones are told that it is busy.",
                256,
            ),
            replicas: reader.value(
                "DRAWBRIDGE_REPLICAS",
                "Gateway replicas; an organisation that chose `local` divides its limits by it \
                 while Redis is out of reach.",
                1,
            ),
        }
    }
}
