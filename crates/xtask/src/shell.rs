//! Running other programs: announced, in the foreground, stopped with us.

use std::env;
use std::io::{self, IsTerminal as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The process group of the program that runs now; 0 when none does.
static RUNNING: AtomicI32 = AtomicI32::new(0);
/// Were we told to stop?
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From here on Ctrl-C and its kin stop the running program, and [`run`] returns an error, so
/// that everything is put away on the way out. A second one does not wait.
pub(crate) fn stop_in_order() -> Result<()> {
    ctrlc::set_handler(|| {
        let is_second = INTERRUPTED.swap(true, Ordering::SeqCst);
        let group = RUNNING.load(Ordering::SeqCst);
        if group != 0 {
            let signal = if is_second { Signal::SIGKILL } else { Signal::SIGINT };
            // It may have ended by itself just now.
            let _ = killpg(Pid::from_raw(group), signal);
        }
    })
    .context("cannot listen for Ctrl-C")
}

/// Runs a program to its end; an error unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    // A group of its own: the terminal's Ctrl-C comes to us alone and is passed on once.
    let mut child =
        command.process_group(0).spawn().with_context(|| format!("cannot run `{shown}`"))?;
    let group = i32::try_from(child.id()).context("a process number out of range")?;
    RUNNING.store(group, Ordering::SeqCst);
    if INTERRUPTED.load(Ordering::SeqCst) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGINT);
    }
    let status = child.wait();
    RUNNING.store(0, Ordering::SeqCst);
    let status = status.with_context(|| format!("cannot wait for `{shown}`"))?;
    if INTERRUPTED.load(Ordering::SeqCst) {
        bail!("interrupted");
    }
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => bail!("`{shown}` ended with {code}"),
        (None, signal) => bail!("`{shown}` was ended by signal {}", signal.unwrap_or_default()),
    }
}

/// What a program prints, trimmed; `None` when it fails or is not there.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Waits until we are told to stop.
pub(crate) fn wait_for_interrupt() {
    while !INTERRUPTED.load(Ordering::SeqCst) {
        sleep(Duration::from_millis(50));
    }
}

/// Cargo at the root of the workspace, without what `cargo run` told us about ourselves: build
/// scripts that look at it would run again.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&key);
        }
    }
    command
}

/// Cargo that checks SQL against the committed descriptions, whatever database is near.
pub(crate) fn offline_cargo(args: &[&str]) -> Command {
    let mut command = cargo(args);
    command.env("SQLX_OFFLINE", "true");
    command
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Builds the product, with the whole workspace's features, so that tests and lints build the same
/// dependencies.
pub(crate) fn build_product() -> Result<()> {
    run(&mut offline_cargo(&["build", "--workspace", "--bin", "drawbridge"]))
}

/// Where [`build_product`] leaves it.
pub(crate) fn product() -> PathBuf {
    target().join("debug/drawbridge")
}

/// Is there such a program?
pub(crate) fn has(program: &str) -> bool {
    find(&[program]).is_some()
}

/// The first of these programs that is there.
pub(crate) fn find(programs: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let places = programs.iter().flat_map(|name| folders.iter().map(move |dir| dir.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// A line about what happens now.
pub(crate) fn say(text: &str) {
    if io::stderr().is_terminal() {
        eprintln!("\x1b[1m▸ {text}\x1b[0m");
    } else {
        eprintln!("▸ {text}");
    }
}

/// The steps of a command and how long each took.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration, bool)>,
}

impl Steps {
    /// Does one step, announced and timed.
    pub(crate) fn step<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        say(name);
        let began = Instant::now();
        let result = work();
        self.done.push((name, began.elapsed(), result.is_ok()));
        result
    }

    /// Prints the list.
    pub(crate) fn summarise(&self) {
        eprintln!();
        for (name, took, is_ok) in &self.done {
            let mark = if *is_ok { "ok    " } else { "FAILED" };
            eprintln!("  {mark} {name:<28} {:>7.1} s", took.as_secs_f64());
        }
    }
}

/// A build of everything from nothing takes about this much.
const ROOM_TO_BUILD: u128 = 4 << 30;

/// Refuses a build that would fill the disk, before it takes its minutes.
pub(crate) fn check_room() -> Result<()> {
    let free = nix::sys::statvfs::statvfs(&root()).context("cannot ask how full the disk is")?;
    let bytes = u128::from(free.blocks_available()) * u128::from(free.fragment_size());
    if bytes < ROOM_TO_BUILD && !target().join("debug/deps").exists() {
        bail!(
            "the disk that holds {} has {} MiB left and a build needs about {}; free some space, \
             then run this again",
            root().display(),
            bytes >> 20,
            ROOM_TO_BUILD >> 20
        );
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
