//! A private Redis that keeps nothing: for tests.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::account::Account;
use crate::binaries::redis_server;
use crate::error::StartError;
use crate::files;
use crate::postgres::free_port;
use crate::postmaster::{loopback, pause, send, wait_for_end};
use crate::settings::{Install, Progress};

/// A running private Redis. Dropping it stops it.
#[derive(Debug)]
pub struct Redis {
    address: SocketAddr,
    child: Child,
}

impl Redis {
    /// Starts a Redis on a free loopback port, with its log in `dir`.
    pub fn start(dir: &Path, install: Install, progress: Progress<'_>) -> Result<Self, StartError> {
        let program = redis_server(install, progress)?;
        files::create_dir(dir, 0o700)?;
        let dir = dir.canonicalize().map_err(StartError::io("reach", dir))?;
        let mut attempts = 3;
        loop {
            attempts -= 1;
            match Self::launch(&program, &dir) {
                Ok(redis) => return Ok(redis),
                Err(error) if attempts == 0 => return Err(error),
                // Somebody may have taken the port meanwhile.
                Err(_) => {}
            }
        }
    }

    fn launch(program: &Path, dir: &Path) -> Result<Self, StartError> {
        let port = free_port()?;
        let log = dir.join("redis.log");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(StartError::io("open", &log))?;
        let child = Account::own()
            .command(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir"])
            .arg(dir)
            .process_group(0)
            .stdout(file)
            .spawn()
            .map_err(StartError::io("start", program))?;
        let mut redis = Self { address: loopback(port), child };
        let deadline = Instant::now() + Duration::from_secs(10);
        while !answers(redis.address) {
            let has_ended = redis.child.try_wait().is_ok_and(|status| status.is_some());
            if has_ended || Instant::now() > deadline {
                let said = files::read(&log)?.unwrap_or_default();
                return Err(StartError::from_log("Redis", &log, &said));
            }
            pause();
        }
        Ok(redis)
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process of the server.
    pub fn pid(&self) -> Option<i32> {
        i32::try_from(self.child.id()).ok()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let Some(pid) = self.pid() else { return };
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            send(pid, Signal::SIGTERM);
            if !wait_for_end(pid, Duration::from_secs(5)) {
                send(pid, Signal::SIGKILL);
            }
            let _ = self.child.wait();
        }
    }
}

/// Does it answer a PING?
fn answers(address: SocketAddr) -> bool {
    let ping = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"+PONG")
    };
    ping().unwrap_or(false)
}
