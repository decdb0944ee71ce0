//! Logs and traces.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::Reader;

/// See the module.
pub(crate) struct Telemetry {
    /// Which lines are written, as `tracing` filters say it.
    pub(crate) log: String,
    /// For people or for machines.
    pub(crate) log_format: LogFormat,
    /// The collector of traces, if there is one.
    pub(crate) otlp_endpoint: Option<Url>,
    /// Of the calls that belong to no trace of their client's, the share that begins one.
    pub(crate) trace_share: f64,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("choose text or json"),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

impl Telemetry {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        Self {
            log: reader.value(
                "DRAWBRIDGE_LOG",
                "Which log lines are written, such as info or gateway=debug,warn.",
                "warn,server=info".to_owned(),
            ),
            log_format: reader.value("DRAWBRIDGE_LOG_FORMAT", "text or json.", LogFormat::Text),
            otlp_endpoint: reader.maybe(
                "DRAWBRIDGE_OTLP_ENDPOINT",
                "Collector of OpenTelemetry traces (OTLP over HTTP), such as \
                 http://127.0.0.1:4318; none unless set.",
            ),
            trace_share: reader.value(
                "DRAWBRIDGE_TRACE_SHARE",
                "Share of the calls to trace, 0 to 1, where the client began no trace itself.",
                1.0,
            ),
        }
    }
}
