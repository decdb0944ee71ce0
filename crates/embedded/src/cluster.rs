//! The cluster on disk: made whole or not at all, and changed while no server runs.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::binaries::Binaries;
use crate::error::StartError;
use crate::files;
use crate::home::Home;
use crate::settings::{Durability, Settings};

/// The major version that wrote `cluster`.
pub(crate) fn version(cluster: &Path) -> Result<Option<String>, StartError> {
    Ok(files::read(&cluster.join("PG_VERSION"))?.map(|text| text.trim().to_owned()))
}

/// Makes the cluster of `home`: in a folder beside it, renamed when all is done, so that an
/// interrupted first start leaves nothing that looks like data.
pub(crate) fn create(
    home: &Home,
    binaries: &Binaries,
    settings: &Settings<'_>,
) -> Result<(), StartError> {
    home.sweep()?;
    let new = home.path(&format!("new-{}", std::process::id()));
    let made = fill(home, binaries, settings, &new);
    if made.is_err() {
        // The disk may be full: leave nothing there. That error is the one to tell.
        let _ = home.sweep();
    }
    made
}

fn fill(
    home: &Home,
    binaries: &Binaries,
    settings: &Settings<'_>,
    new: &Path,
) -> Result<(), StartError> {
    files::create_dir(new, 0o700)?;
    home.account().own_path(new)?;
    let password = home.new_password()?;
    init(home, binaries, settings, new, &password)?;
    single(home, binaries, new, &format!("create database \"{}\"", settings.name))?;
    fs::rename(new, home.cluster()).map_err(StartError::io("rename", new))
}

/// Gives the owner of an existing cluster a new password, in place of one that was lost.
pub(crate) fn replace_password(
    home: &Home,
    binaries: &Binaries,
    name: &str,
) -> Result<String, StartError> {
    let password = home.new_password()?;
    // The alphabet of the password has no quote.
    let wish = format!("alter role \"{name}\" password '{password}'");
    single(home, binaries, &home.cluster(), &wish)?;
    Ok(password)
}

fn init(
    home: &Home,
    binaries: &Binaries,
    settings: &Settings<'_>,
    new: &Path,
    password: &str,
) -> Result<(), StartError> {
    // initdb reads the password from a file of its own account, and wants an empty folder.
    let secret = home.path("initial-password");
    files::write_private(&secret, password)?;
    home.account().own_path(&secret)?;
    let locale = if cfg!(target_os = "linux") { "C.UTF-8" } else { "C" };
    let mut command = home.account().command(binaries.program("initdb"));
    command.arg("-D").arg(new).args(["-U", settings.name, "--encoding=UTF8", "--locale", locale]);
    command.args(["--auth=scram-sha-256", "--no-instructions"]).arg("--pwfile").arg(&secret);
    if settings.durability == Durability::Fast {
        command.arg("--no-sync");
    }
    let output = command.output().map_err(StartError::io("run initdb for", new));
    files::remove_file(&secret)?;
    let output = output?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(home, new, &output))
}

/// Runs one statement with the server in single-user mode: no port, no password, no client.
fn single(
    home: &Home,
    binaries: &Binaries,
    cluster: &Path,
    statement: &str,
) -> Result<(), StartError> {
    let mut child = home
        .account()
        .command(binaries.program("postgres"))
        .args(["--single", "-j", "-D"])
        .arg(cluster)
        .arg("postgres")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(StartError::io("run postgres for", cluster))?;
    if let Some(mut stdin) = child.stdin.take() {
        // -j: a statement ends with a semicolon and an empty line.
        // If the program is gone already, what it said tells why.
        let _ = write!(stdin, "{statement};\n\n");
    }
    let output = child.wait_with_output().map_err(StartError::io("run postgres for", cluster))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // In this mode an error of the statement does not show in the exit code.
    if output.status.success() && !said.contains("ERROR:") {
        return Ok(());
    }
    Err(failed(home, cluster, &output))
}

/// The words of a failed program go to the log, which the message names.
fn failed(home: &Home, path: &Path, output: &Output) -> StartError {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("Permission denied") {
        return StartError::Permission { path: path.to_owned(), user: home.account().name() };
    }
    let log = home.log();
    match files::fresh_log(&log).map(|mut file| file.write_all(said.as_bytes())) {
        Ok(_) => StartError::from_log("Postgres", &log, &said),
        Err(error) => error,
    }
}
