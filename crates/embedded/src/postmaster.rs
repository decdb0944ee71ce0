//! A running (or no longer running) postmaster: what its pid file says, whether it is true, and
//! how it is ended.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::StartError;
use crate::files;

/// A living postmaster of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Postmaster {
    pub(crate) pid: i32,
    port: Option<u16>,
    ready: bool,
    command_line: String,
}

impl Postmaster {
    /// The postmaster of `cluster`, if its pid file tells of one and the process is what it says:
    /// after a crash the number may belong to somebody else.
    pub(crate) fn of(cluster: &Path) -> Result<Option<Self>, StartError> {
        let Some(text) = files::read(&cluster.join("postmaster.pid"))? else { return Ok(None) };
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let Some(pid) = lines.first().and_then(|line| line.parse().ok()) else { return Ok(None) };
        let command_line = command_line(pid);
        if !is_alive(pid) || !names(&command_line, &cluster.display().to_string()) {
            return Ok(None);
        }
        Ok(Some(Self {
            pid,
            port: lines.get(3).and_then(|line| line.parse().ok()),
            ready: lines.get(7) == Some(&"ready"),
            command_line,
        }))
    }

    /// Where it answers, if it says that it does and the port agrees.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let address = loopback(self.port.filter(|_| self.ready)?);
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok().map(|_| address)
    }

    /// Was it started with this argument?
    pub(crate) fn has_argument(&self, argument: &str) -> bool {
        self.command_line.contains(argument)
    }

    /// Ends it: connections are cut, nothing committed is lost (`pg_ctl stop -m fast`); when that
    /// takes too long, at once and with recovery at the next start.
    pub(crate) fn stop(&self, patience: Duration) -> Result<(), StartError> {
        for (signal, patience) in
            [(Signal::SIGINT, patience), (Signal::SIGQUIT, Duration::from_secs(5))]
        {
            send(self.pid, signal);
            if wait_for_end(self.pid, patience) {
                return Ok(());
            }
        }
        Err(StartError::DoesNotStop { program: "Postgres", pid: self.pid })
    }
}

/// Ends the processes that a killed postmaster left in `cluster`. They end by themselves when
/// idle; a long query would go on and keep the shared memory that the next postmaster needs.
pub(crate) fn end_orphans(cluster: &Path) {
    // Each of them works in the data directory. Where there is no /proc, the wait is all we have.
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().parse::<i32>();
        let works_in = fs::read_link(entry.path().join("cwd"));
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if let (Ok(pid), Ok(works_in)) = (pid, works_in)
            && works_in == cluster
            && name.trim() == "postgres"
        {
            send(pid, Signal::SIGQUIT);
        }
    }
}

/// Sends a signal; a process that is gone already is what was wanted.
pub(crate) fn send(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

/// Waits for the end of a process that may or may not be our child.
pub(crate) fn wait_for_end(pid: i32, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while is_alive(pid) {
        if Instant::now() > deadline {
            return false;
        }
        pause();
    }
    true
}

/// A short rest between two looks at something.
pub(crate) fn pause() {
    sleep(Duration::from_millis(10));
}

/// A port of this machine only.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Is there such a process? One that has ended and waits to be collected has none of the rest.
fn is_alive(pid: i32) -> bool {
    match kill(Pid::from_raw(pid), None) {
        Ok(()) | Err(Errno::EPERM) => !is_zombie(pid),
        Err(_) => false,
    }
}

fn is_zombie(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it is in brackets and may hold anything.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

/// Is `path` one of the arguments?
fn names(command_line: &str, path: &str) -> bool {
    if command_line.contains('\0') {
        return command_line.split('\0').any(|argument| argument == path);
    }
    command_line.contains(&format!(" {path} "))
}

/// The arguments of a process, each ended by a NUL (on Linux) or a space.
fn command_line(pid: i32) -> String {
    if let Ok(bytes) = fs::read(format!("/proc/{pid}/cmdline")) {
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let output = Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster_with_pid(pid: i32) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let text =
            format!("{pid}\n{}\n0\n5432\n\n127.0.0.1\n 0 0\nready   \n", dir.path().display());
        fs::write(dir.path().join("postmaster.pid"), text).unwrap();
        dir
    }

    #[test]
    fn a_number_that_now_belongs_to_somebody_else_is_no_postmaster() {
        let ourselves = i32::try_from(std::process::id()).unwrap();
        let cluster = cluster_with_pid(ourselves);
        assert!(Postmaster::of(cluster.path()).unwrap().is_none());
    }

    #[test]
    fn a_dead_number_is_no_postmaster() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        child.wait().unwrap();
        let cluster = cluster_with_pid(pid);
        assert!(Postmaster::of(cluster.path()).unwrap().is_none());
    }

    #[test]
    fn no_pid_file_is_no_postmaster() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Postmaster::of(dir.path()).unwrap().is_none());
    }
}
