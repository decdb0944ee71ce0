//! A private Postgres from start to stop.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::binaries::Binaries;
use crate::cluster;
use crate::error::StartError;
use crate::files;
use crate::home::Home;
use crate::postmaster::{self, Postmaster, loopback, pause};
use crate::settings::{Durability, Settings};

/// How often a start is tried again when a port was taken meanwhile, or when processes of a
/// killed predecessor still end.
const ATTEMPTS: u32 = 40;
/// Recovery after a crash may have much to read.
const READY_WITHIN: Duration = Duration::from_mins(5);
/// A checkpoint of a busy database on a slow disk.
const STOPPED_WITHIN: Duration = Duration::from_mins(1);

/// A running private Postgres. Dropping it stops it.
pub struct Postgres {
    name: String,
    password: String,
    address: SocketAddr,
    postmaster: Postmaster,
    /// `None` when it was adopted. Kept so that its end is collected.
    child: Option<Child>,
    is_stopped: bool,
    /// Held until after the stop.
    home: Home,
}

impl Postgres {
    /// Finds or installs the programs, makes the data directory if it is new, adopts a server
    /// that a killed predecessor left, and returns when connections are welcome.
    pub fn start(settings: &Settings<'_>) -> Result<Self, StartError> {
        // First the programs: with them comes the account that should own the data.
        let newest = Binaries::find_or_install(settings.install, settings.progress)?;
        let home = Home::open(settings.name, &settings.data_dir)?;
        let cluster = home.cluster();
        let password = home.password()?;
        if let Some(running) = Postmaster::of(&cluster)? {
            match (running.address(), &password) {
                (Some(address), Some(password)) if is_as_wanted(&running, settings) => {
                    let password = password.clone();
                    return Ok(Self::new(settings, home, password, address, running, None));
                }
                _ => running.stop(STOPPED_WITHIN)?,
            }
        }
        let binaries = prepare(&home, newest, settings)?;
        let password = match home.password()? {
            Some(password) => password,
            None => cluster::replace_password(&home, &binaries, settings.name)?,
        };
        let (address, running, child) = launch(&home, &binaries, settings)?;
        Ok(Self::new(settings, home, password, address, running, Some(child)))
    }

    fn new(
        settings: &Settings<'_>,
        home: Home,
        password: String,
        address: SocketAddr,
        postmaster: Postmaster,
        child: Option<Child>,
    ) -> Self {
        let name = settings.name.to_owned();
        Self { name, password, address, postmaster, child, is_stopped: false, home }
    }

    /// Where clients connect, password included: for a connection pool, never for a log.
    pub fn url(&self) -> String {
        let Self { name, password, address, .. } = self;
        format!("postgres://{name}:{password}@{address}/{name}")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process of the server.
    pub fn pid(&self) -> i32 {
        self.postmaster.pid
    }

    /// Was it running before we came?
    pub fn is_adopted(&self) -> bool {
        self.child.is_none()
    }

    /// Ends it; nothing committed is lost.
    pub fn stop(mut self) -> Result<(), StartError> {
        self.end(STOPPED_WITHIN)
    }

    /// Ends it and removes all its data: for tests.
    pub fn remove(mut self) -> Result<(), StartError> {
        self.end(STOPPED_WITHIN)?;
        self.home.remove()
    }

    /// The folder that holds its data, which need not be the one that was asked for.
    pub fn folder(&self) -> &Path {
        self.home.folder()
    }

    fn end(&mut self, patience: Duration) -> Result<(), StartError> {
        self.is_stopped = true;
        let ended = self.postmaster.stop(patience);
        if let Some(child) = &mut self.child {
            let _ = child.try_wait();
        }
        ended
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if !self.is_stopped {
            // A panic or an early return: there is nobody left to tell.
            let _ = self.end(Duration::from_secs(10));
        }
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Postgres").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The programs that fit the data, and the data themselves.
fn prepare(home: &Home, newest: Binaries, settings: &Settings<'_>) -> Result<Binaries, StartError> {
    let dir = home.cluster();
    if !dir.exists() {
        (settings.progress)("creating a database");
        cluster::create(home, &newest, settings)?;
        return Ok(newest);
    }
    if !home.account().can_enter(&dir) {
        return Err(StartError::Permission { path: dir, user: home.account().name() });
    }
    let version = cluster::version(&dir)?.unwrap_or_default();
    version
        .parse()
        .ok()
        .and_then(|major| Binaries::find(Some(major)))
        .ok_or(StartError::OtherVersion { dir, version })
}

/// Starts the server, again if its port was taken meanwhile or a predecessor still ends.
fn launch(
    home: &Home,
    binaries: &Binaries,
    settings: &Settings<'_>,
) -> Result<(SocketAddr, Postmaster, Child), StartError> {
    let cluster = home.cluster();
    let log = home.log();
    (settings.progress)("starting the database");
    let mut attempt = 1;
    loop {
        // No postmaster lives (the caller looked) and the lock is ours: a pid file is a leftover
        // whose number may belong to another process by now, which Postgres would respect.
        files::remove_file(&cluster.join("postmaster.pid"))?;
        let port = free_port()?;
        let mut child = spawn(home, binaries, settings, port)?;
        match wait_until_ready(&cluster, &mut child, settings)? {
            Some(running) => return Ok((loopback(port), running, child)),
            None if attempt < ATTEMPTS => {
                let said = files::read(&log)?.unwrap_or_default();
                if said.contains("shared memory") || said.contains("is still in use") {
                    postmaster::end_orphans(&cluster);
                } else if !said.contains("Address already in use") {
                    return Err(StartError::from_log("Postgres", &log, &said));
                }
                std::thread::sleep(Duration::from_millis(250));
            }
            None => {
                let said = files::read(&log)?.unwrap_or_default();
                return Err(StartError::from_log("Postgres", &log, &said));
            }
        }
        attempt += 1;
    }
}

fn spawn(
    home: &Home,
    binaries: &Binaries,
    settings: &Settings<'_>,
    port: u16,
) -> Result<Child, StartError> {
    let path = home.log();
    let log = files::fresh_log(&path)?;
    let copy = log.try_clone().map_err(StartError::io("open", &path))?;
    let mut command = home.account().command(binaries.program("postgres"));
    command.arg("-D").arg(home.cluster());
    for option in options(settings, port) {
        command.args(["-c", &option]);
    }
    // Its own process group: a Ctrl-C at the terminal is for us, who then stop it in order.
    command.process_group(0).stdout(copy).stderr(log);
    command.spawn().map_err(StartError::io("start Postgres in", &home.cluster()))
}

/// Given at each start rather than written into the cluster, so that a release may change them.
fn options(settings: &Settings<'_>, port: u16) -> Vec<String> {
    let mut all = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        // The path of a socket may not exceed 107 bytes; a port has no such limit.
        "unix_socket_directories=".to_owned(),
        "shared_buffers=32MB".to_owned(),
        format!("max_connections={}", settings.max_connections),
        "logging_collector=off".to_owned(),
        "log_destination=stderr".to_owned(),
    ];
    all.extend(fast_options(settings.durability).map(str::to_owned));
    all
}

fn fast_options(durability: Durability) -> impl Iterator<Item = &'static str> {
    let fast = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
    fast.into_iter().filter(move |_| durability == Durability::Fast)
}

/// Would we have started it like this?
fn is_as_wanted(running: &Postmaster, settings: &Settings<'_>) -> bool {
    running.has_argument("fsync=off") == (settings.durability == Durability::Fast)
        && running.has_argument(&format!("max_connections={}", settings.max_connections))
}

/// The running server once it says "ready"; `None` when it gave up.
fn wait_until_ready(
    cluster: &Path,
    child: &mut Child,
    settings: &Settings<'_>,
) -> Result<Option<Postmaster>, StartError> {
    let began = Instant::now();
    let mut is_patient = false;
    loop {
        if let Some(running) = Postmaster::of(cluster)?
            && running.address().is_some()
        {
            return Ok(Some(running));
        }
        let ended = child.try_wait().map_err(StartError::io("watch Postgres in", cluster))?;
        if ended.is_some() || began.elapsed() > READY_WITHIN {
            // Only one of the two needs the kill; the other is past it.
            let _ = child.kill();
            let _ = child.wait();
            return Ok(None);
        }
        if !is_patient && began.elapsed() > Duration::from_secs(3) {
            (settings.progress)("the database is recovering from an abrupt end");
            is_patient = true;
        }
        pause();
    }
}

/// A port nobody listens on now; that it stays so is checked by trying again.
pub(crate) fn free_port() -> Result<u16, StartError> {
    let path = Path::new("127.0.0.1");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .map_err(StartError::io("find a free port on", path))?;
    let address = listener.local_addr().map_err(StartError::io("find a free port on", path))?;
    Ok(address.port())
}
