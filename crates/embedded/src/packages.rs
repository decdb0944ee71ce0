//! Installing what is missing with the machine's own package manager: apt as root or through
//! sudo, or Homebrew.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::account::is_root;
use crate::binaries::path_folders;
use crate::error::{StartError, last_lines};
use crate::settings::{Install, Progress};

/// The server of Postgres.
pub const POSTGRES: Packages<'static> =
    Packages { what: "Postgres (15 or newer)", apt: &["postgresql"], brew: &["postgresql@17"] };

/// The server of Redis.
pub const REDIS: Packages<'static> =
    Packages { what: "Redis", apt: &["redis-server"], brew: &["redis"] };

/// One thing under the names that package managers give it.
#[derive(Clone, Copy, Debug)]
pub struct Packages<'a> {
    /// The thing, for people.
    pub what: &'static str,
    /// Packages of Debian and its kin.
    pub apt: &'a [&'a str],
    /// Formulae of Homebrew.
    pub brew: &'a [&'a str],
}

/// The commands that apt needs, one script, so that sudo is asked once. Debian makes and starts
/// a cluster of its own with the package unless told otherwise; the note that tells it is removed
/// again, so that a person who installs Postgres later gets what they expect. Two installations
/// side by side wait for each other.
const APT: &str = r#"
export DEBIAN_FRONTEND=noninteractive
note=/etc/postgresql-common/createcluster.d/no-main-cluster.conf
update() {
  for attempt in $(seq 60); do
    said=$(apt-get update -qq 2>&1) && return 0
    case $said in *"Could not get lock"*) sleep 2 ;; *) break ;; esac
  done
  echo "$said" >&2
}
case " $* " in *" postgresql "*)
  mkdir -p "${note%/*}" && echo 'create_main_cluster = false' >"$note"
  trap 'rm -f "$note"; rmdir "${note%/*}" 2>/dev/null' EXIT ;;
esac
update
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 \
  -o Dpkg::Options::=--force-confold "$@"
"#;

impl Packages<'_> {
    /// [`Packages::install`] if that is allowed; else says what to do.
    pub fn obtain(&self, install: Install, progress: Progress<'_>) -> Result<(), StartError> {
        match install {
            Install::Never => Err(self.missing()),
            Install::IfAllowed => self.install(progress),
        }
    }

    /// Installs the packages.
    pub fn install(&self, progress: Progress<'_>) -> Result<(), StartError> {
        let mut command = self.command().ok_or_else(|| self.missing())?;
        progress(&format!("installing {} ({})", self.what, self.by_hand()));
        let output = command.stdout(Stdio::null()).output();
        let said = match output {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        if said.contains("No space left on device") || said.contains("enough free space") {
            return Err(StartError::DiskFull { path: "/usr".into() });
        }
        let what = self.apt.join(", ");
        Err(StartError::InstallFailed { what, command: self.by_hand(), said: last_lines(&said, 3) })
    }

    /// The sentence for a machine where we cannot install them.
    pub fn missing(&self) -> StartError {
        StartError::NotInstalled {
            what: self.what,
            remedy: format!("run `{}` as a user who may", self.by_hand()),
        }
    }

    fn by_hand(&self) -> String {
        if has("apt-get") || !(cfg!(target_os = "macos") || has("brew")) {
            format!("apt-get update && apt-get install -y {}", self.apt.join(" "))
        } else {
            format!("brew install {}", self.brew.join(" "))
        }
    }

    fn command(&self) -> Option<Command> {
        if has("apt-get") {
            let mut command = privileged("/bin/sh")?;
            command.args(["-c", APT, "sh"]).args(self.apt);
            return Some(command);
        }
        // Homebrew refuses root.
        (has("brew") && !is_root()).then(|| {
            let mut command = Command::new("brew");
            command.arg("install").args(self.brew).env("HOMEBREW_NO_AUTO_UPDATE", "1");
            command.stdin(Stdio::null());
            command
        })
    }
}

/// A command with root's rights, if we can have them: at once, or by a password when a person
/// is there to type it.
fn privileged(program: &str) -> Option<Command> {
    if is_root() {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        return Some(command);
    }
    if !has("sudo") {
        return None;
    }
    let free = Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !free && !std::io::stdin().is_terminal() {
        return None;
    }
    let mut command = Command::new("sudo");
    if free {
        command.arg("-n");
    }
    command.arg(program);
    Some(command)
}

fn has(program: &str) -> bool {
    path_folders().iter().any(|dir| Path::new(dir).join(program).is_file())
}
