//! Every setting: read once at start from flags, the environment and an optional TOML file, in that
//! order; validated, all problems at once; listed by `drawbridge config` with where each came from.

mod gateway;
mod http;
mod reader;
mod security;
mod storage;
mod telemetry;

pub(crate) use gateway::GatewaySettings;
pub(crate) use http::{Http, Role};
pub(crate) use reader::{Problem, Reader, Setting, Sources};
pub(crate) use security::{MasterKey, PasswordCost, Security, Signup, decode_key};
pub(crate) use storage::Storage;
pub(crate) use telemetry::{LogFormat, Telemetry};

/// The whole configuration.
pub(crate) struct Config {
    /// Addresses and names.
    pub(crate) http: Http,
    /// Where data live.
    pub(crate) storage: Storage,
    /// Keys, sign-up, reachable upstream addresses.
    pub(crate) security: Security,
    /// Limits and deadlines of the data plane.
    pub(crate) gateway: GatewaySettings,
    /// Logs and metrics.
    pub(crate) telemetry: Telemetry,
    /// Every setting with its value and origin, in reading order.
    pub(crate) settings: Vec<Setting>,
}

impl Config {
    /// Reads and checks everything.
    pub(crate) fn load(sources: Sources) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(sources);
        let http = Http::read(&mut reader);
        let storage = Storage::read(&mut reader);
        let security = Security::read(&mut reader, &http, &storage);
        let gateway = GatewaySettings::read(&mut reader);
        let telemetry = Telemetry::read(&mut reader);
        let settings = reader.finish()?;
        Ok(Self { http, storage, security, gateway, telemetry, settings })
    }
}

#[cfg(test)]
mod tests;
